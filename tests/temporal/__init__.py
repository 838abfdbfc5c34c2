"""The handshake without a Temporal server."""
