"""What booking does: a file per use case, each loads, decides purely, saves, and stages what is to be told."""
