"""Numbered changes of the gateway's tables."""
