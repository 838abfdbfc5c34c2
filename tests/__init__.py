"""The proof: one folder for each room that it tests, and the proof tools side by side."""
