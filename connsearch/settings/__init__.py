"""Settings as values: groups of them by concern, flat names, records of them, differences."""
