"""Clips and a model in, weights out: steps, schedule, losses, hooks, evaluation."""
