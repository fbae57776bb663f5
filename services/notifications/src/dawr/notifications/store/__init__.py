"""The tables of notifications. Functions take an open connection, and never commit."""
