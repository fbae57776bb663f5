"""What consular decides: cases, mandates and exchange rates, as plain data and pure functions."""
