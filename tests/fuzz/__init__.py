"""Damaged input of every message type; docs/fuzzing.md lists the allowed results of readers."""
