"""Our package next to other packages and .proto files; `make neighbours` runs these tests."""
