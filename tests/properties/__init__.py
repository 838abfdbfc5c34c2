"""Properties that hold for every message that a descriptor allows."""
