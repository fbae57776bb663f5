"""Tables and queries; rows come out as domain values. Locks go in one order: pools by key, then turns by id."""
