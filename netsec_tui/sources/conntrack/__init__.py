"""The kernel's connection tracking: tables read from nodes and files, and what their entries prove."""
