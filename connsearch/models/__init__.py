"""Networks one can train, and what is done to them: built, compared, inherited, exported."""
