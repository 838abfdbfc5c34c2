"""The contract, its gates, and the code generator."""
