"""Cilium's Hubble: Relay, the agents one by one, and what they write as JSON."""
