"""The mail sink: an SMTP server that takes every mail, sends none on, and keeps each as a readable file."""
