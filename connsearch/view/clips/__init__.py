"""Clips as pictures."""
