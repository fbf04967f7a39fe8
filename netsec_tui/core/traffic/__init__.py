"""From flows to communications: orient, resolve, lift to pod owners, aggregate."""
