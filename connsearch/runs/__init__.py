"""The run directory: its names, the formats of its files, and how they are written and read."""
