"""One study, many workers: its storage, its trials, and those who ask and tell."""
