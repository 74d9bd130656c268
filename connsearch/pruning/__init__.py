"""Weights -> a smaller structure. No torch."""
