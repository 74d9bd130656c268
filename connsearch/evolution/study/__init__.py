"""One study, many workers: its storage, its trials, and the workers that ask and tell."""
