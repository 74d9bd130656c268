"""Layers of networks: representation flow, fusion, attention, residual modules, head."""
