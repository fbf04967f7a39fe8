"""NetObserv's flow logs, asked of Loki."""
