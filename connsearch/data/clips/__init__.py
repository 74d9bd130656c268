"""Clips: which frames, at which moments, changed how."""
