"""Files on disk: names, drafts, whole writes, locked directories, text that others chose."""
