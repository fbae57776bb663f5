"""Catalog: agencies, offices and missions, services, fees, documents, and how many each office can serve."""
