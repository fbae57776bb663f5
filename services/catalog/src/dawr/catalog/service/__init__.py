"""The use cases of catalog: load, decide, save, stage. The edge commits."""
