"""Open the reference site in a browser."""
