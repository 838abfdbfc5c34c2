"""What holds for every message that a descriptor allows."""
