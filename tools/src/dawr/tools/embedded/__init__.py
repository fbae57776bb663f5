"""Kafka and PostgreSQL as child processes of this one, with nothing installed beforehand but Python packages."""
