"""A population of structures around the one-shot search (AssembleNet, section 3.2). No torch.

Mutations are pure functions of a parent and a seed; the fitness of a child is passed in by the
caller, which can train it.
"""
