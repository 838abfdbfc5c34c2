"""The contract: what it says, and that stock buf finds nothing wrong with it."""
