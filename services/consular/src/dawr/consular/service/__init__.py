"""What consular does, one function per use case: load, decide, save, stage. The edges commit."""
