"""The payer's page: its texts, template and style sheet."""
