"""The product as it is run against a cluster of the tests, and what its answers are held against."""
