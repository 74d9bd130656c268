"""Where frames lie, and how each of them is found again."""
