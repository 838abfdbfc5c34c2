"""What users import and install: modules, types, validation, distributions."""
