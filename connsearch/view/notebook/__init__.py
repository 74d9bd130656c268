"""How values show themselves in a notebook: pure functions from a value to HTML."""
