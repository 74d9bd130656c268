"""A structure as a value: read, validate, compare, count, write. No torch in this room."""
