"""Pictures and tables of an evolution."""
