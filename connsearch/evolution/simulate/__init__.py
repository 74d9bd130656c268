"""Evolutions without training: planted landscapes, virtual clocks, plans."""
