"""The scripts in examples/, run."""
