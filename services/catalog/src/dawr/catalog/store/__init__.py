"""The tables of catalog: SQL in, values of the domain out. Nothing here commits."""
