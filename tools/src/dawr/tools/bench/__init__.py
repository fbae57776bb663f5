"""Benchmarks: every figure is a rate on this machine, and its ratio to a peer measured in the same run."""
