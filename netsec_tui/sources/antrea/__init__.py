"""Antrea: its FlowStreamService and flow logs, and the table that Theia keeps in ClickHouse."""
