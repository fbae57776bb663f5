"""The demo: a few hundred people compete for too few seats over real HTTP, and then the books are checked."""
