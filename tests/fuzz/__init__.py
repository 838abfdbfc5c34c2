"""Damaged input of every message type; docs/fuzzing.md says what readers may answer."""
