"""The contract: its content, and its results with stock buf."""
