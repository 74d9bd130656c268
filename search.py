"""Searches which blocks of a video network should be connected: ``python search.py --help``."""

import sys

from connsearch.cli.app import main

if __name__ == "__main__":
    sys.exit(main(["search", *sys.argv[1:]], program="search.py"))
