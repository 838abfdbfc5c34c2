"""The code generator, and the make targets around it."""
