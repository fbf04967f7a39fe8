"""Answer what NetworkPolicies allow: parse, match, evaluate one connection, or all at once."""
