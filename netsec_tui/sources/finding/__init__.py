"""Finding out which sources a cluster has, and whether they answer."""
