"""What payments does: one function per use case, inside the caller's transaction; none calls a provider."""
