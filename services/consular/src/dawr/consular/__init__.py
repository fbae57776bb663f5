"""Cases at missions, mandates of relatives, and exchange rates."""
