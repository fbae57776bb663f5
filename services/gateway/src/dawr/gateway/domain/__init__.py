"""Decisions of the gateway, pure: sign-in, sessions, registration, staff."""
