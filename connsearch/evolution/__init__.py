"""A population of structures around the one-shot search (AssembleNet, section 3.2). No torch.

Mutations are pure functions of a parent and a seed; what a child is worth is handed in by whoever
can train it.
"""
