"""gRPC over any socket, as far as the sources of flows need it."""
