"""Tests of what the reference is built from."""
