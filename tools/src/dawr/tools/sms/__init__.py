"""The sandbox SMS provider: a company that Dawr does not own, played by one process. Its phones are a table."""
