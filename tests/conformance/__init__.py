"""protobuf's conformance suite on the package and on its ProtoJSON reader; `make conformance`."""
