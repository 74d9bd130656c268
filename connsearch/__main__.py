"""``python -m connsearch`` is the command ``connsearch``."""

import sys

from connsearch.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
