"""The pytest option ``--golden-dir``: golden files from elsewhere, in place of our own.

Neither a conftest nor a setting in pyproject.toml could add it. Before pytest has read either, it
looks for them beside every argument that may be a path, and takes the value of an option it does
not know for one: with ``pytest -k golden --golden-dir /elsewhere`` it would look in ``/elsewhere``
and nowhere else. Only plugins that installed packages name are loaded in time. Hence the folder
``connsearch_tests-0.dist-info`` in the repository's root: with the root on Python's path (``pip
install -e``, or ``python -m pytest``) it is such a package, and names this file. It is in no wheel.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "pyproject.toml"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("connsearch").addoption(
        "--golden-dir",
        metavar="DIR",
        default=None,
        help="a folder with index.json and golden files of any known format, in place of ours; "
        "a relative one is looked for where pytest was started",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Starts again with the settings of the repository where pytest has looked elsewhere for them.

    By now the option is known, but which settings are read was decided before.
    """
    given = early_config.known_args_namespace
    started = early_config.invocation_params
    misled = early_config.inipath != SETTINGS and given.inifilename is None
    if given.golden_dir is not None and misled and started.dir.is_relative_to(ROOT):
        line = ["--config-file", str(SETTINGS), *map(str, started.args)]
        raise SystemExit(pytest.main(line))
    return (yield)


def chosen(config: pytest.Config) -> Path | None:
    """Returns the folder that was asked for, absolute; None for our own files."""
    given = config.getoption("golden_dir")
    return None if given is None else config.invocation_params.dir / Path(given).expanduser()
