"""The whole platform on one machine, supervised: what `dawr up`, `dawr demo`, `dawr bench` and fault tests run."""
