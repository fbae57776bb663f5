"""Use cases of the gateway, a file for each journey."""
