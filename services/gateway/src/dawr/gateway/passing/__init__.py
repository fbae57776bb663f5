"""Passing requests on to the services: which paths, with which headers, and how the answer comes back."""
