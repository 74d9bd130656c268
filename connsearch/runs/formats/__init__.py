"""The forms of all files of a run: whoever writes one builds its form, whoever reads one checks it.

Nothing here imports torch.
"""
