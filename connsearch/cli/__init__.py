"""The command line: one file a command, each of them settings, one call, and printing."""
