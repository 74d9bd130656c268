"""The pytest option ``--golden-dir``: other golden files of the same format.

A conftest would be too late: pytest looks for its configuration beside every argument that may be
a path, and takes the folder in ``pytest -k golden --golden-dir DIR`` for one. Plugins that an
installed package names are loaded before it decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def pytest_addoption(parser: Any) -> None:
    """Adds the option."""
    parser.addoption(
        "--golden-dir",
        type=Path,
        default=None,
        help="connsearch: a folder with index.json and .npz files in place of tests/golden",
    )
