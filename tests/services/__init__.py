"""The gRPC stubs, used as services use them."""
