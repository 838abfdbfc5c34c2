"""The tests: one folder for each part of the repository, and the proof tools next to them."""
