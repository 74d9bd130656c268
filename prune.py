"""Cuts a searched network down to the connections that matter: ``python prune.py --help``."""

import sys

from connsearch.cli.app import main

if __name__ == "__main__":
    sys.exit(main(["prune", *sys.argv[1:]], program="prune.py"))
