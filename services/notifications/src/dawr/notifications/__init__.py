"""Notifications: what people are told, in their language, by mail, SMS and in their inbox."""
