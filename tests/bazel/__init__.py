"""Builds with Bazel that depend on this repository; `make bazel` runs them."""
