"""The use cases of notifications. Each takes an open transaction or connection; the edge commits."""
