"""Pictures of a run: its curves, its connections over time, its mistakes."""
