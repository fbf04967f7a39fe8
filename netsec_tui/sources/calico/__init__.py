"""Calico: Goldmane by gRPC and Whisker by server-sent events, which tell the same connections."""
