"""What users import and install: modules, types, validation and distributions."""
