"""The commands: one file each. They wire the rooms together, and they print."""
