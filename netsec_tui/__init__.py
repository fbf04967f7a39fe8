"""netsec-tui: least-privilege NetworkPolicies from the traffic a cluster really has."""

__version__ = "0.1.0"
