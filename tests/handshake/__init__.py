"""The handshake on a real Temporal server; `make handshake` runs it."""
