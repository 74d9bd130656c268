"""The commands: one file each. They wire the rooms together; only here and in ``view`` is printed."""
