"""Clips and a network in, weights out: loop, schedule, metrics, checkpoints, run directory."""
