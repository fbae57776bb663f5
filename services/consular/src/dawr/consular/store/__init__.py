"""What consular keeps: cases, mandates, exchange rates, and its copy of the catalogue. Nothing here commits."""
