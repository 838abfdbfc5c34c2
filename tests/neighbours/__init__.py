"""Ours beside packages and .proto files of others; `make neighbours` runs it."""
