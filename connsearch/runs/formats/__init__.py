"""The forms of all files of a run: a writer builds the form, a reader checks it.

Nothing here imports torch.
"""
