"""Ways to a server behind a Service or in a pod: commands, forwarded ports, HTTP over either."""
