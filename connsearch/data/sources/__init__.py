"""From what a user names to lists of records, split into train, val and test."""
