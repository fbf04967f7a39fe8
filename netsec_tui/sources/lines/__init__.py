"""Files and streams of flows, a record to a line or a document."""
