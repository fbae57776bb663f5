"""Numbered changes of catalog's tables."""
