"""Pictures and tables of structures."""
