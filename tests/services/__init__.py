"""The gRPC stubs at work."""
