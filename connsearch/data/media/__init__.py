"""How frames are stored, and how each of them is found."""
