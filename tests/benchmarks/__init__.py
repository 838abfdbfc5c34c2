"""The harness of the benchmarks. The measurements themselves are `make bench`."""
