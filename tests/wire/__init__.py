"""Bytes and JSON of every message, and the fixtures of releases."""
