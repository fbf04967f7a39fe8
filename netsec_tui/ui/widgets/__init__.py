"""One widget per module; none reads another."""
