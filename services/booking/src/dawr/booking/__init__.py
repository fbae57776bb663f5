"""Booking: quota days, turns and holds. Requests come from the log, and leave as facts."""
