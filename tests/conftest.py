"""What every test may use: one small structure, a fixed seed, one thread, no terminal tricks."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

# Before torch is imported: tests run tiny networks, and threads that wait for each other on a
# busy machine cost far more than they bring.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("MPLBACKEND", "agg")

# A shared machine may be slow for a moment; a failure prints how to repeat it. The same commit gets
# the same verdict: examples are drawn from the test's name. --hypothesis-profile=explore looks for
# others.
settings.register_profile("connsearch", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("connsearch")

ROWS: Sequence[Sequence[object]] = (
    [-1, 1],
    [-1, 4],
    [-2, 1],
    [0, [0, 1], 8, 1, 1],
    [0, [1, 2], 8, 2, 1],
    [1, [3, 4, 2], 8, 1, 2],
    [2, [5, 3], 16, 1, 2],
    [3, [6, 5, 4], 16, 1, 1],
)
"""Two RGB stems and a flow stem, one node at most levels, a connection that skips levels."""


@pytest.fixture
def rows() -> list[list[object]]:
    """The published form of the small structure."""
    return [list(row) for row in ROWS]


@pytest.fixture
def structure(rows: list[list[object]]):
    """A small valid structure of the family assemblenet, one module a block."""
    from connsearch.graph.parse import parse_structure
    from connsearch.graph.spec import NetworkSettings

    network = NetworkSettings(
        blocks=(1, 1, 1, 1), inner_widths=(4, 8, 8, 16), stem_total=24, flow_iterations=4
    )
    return parse_structure(rows, name="small", network=network)


@pytest.fixture(autouse=True)
def _own_seed(request: pytest.FixtureRequest) -> None:
    """Random tensors follow from a test's name, whatever ran before it.

    Tests that never import torch do not pay for it here.
    """
    if torch := sys.modules.get("torch"):
        torch.manual_seed(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide plain output, whatever terminal the tests are started from."""
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture(scope="module")
def unpictured() -> Iterator[None]:
    """For a file of tests that look at no picture of a training, a search or a pruning."""
    from tests.unpictured import no_pictures

    with no_pictures():
        yield


@pytest.fixture(scope="session")
def focus_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a tiny focus model; tests read it and change nothing."""
    from tests.focus_runs import train_focus

    return train_focus(tmp_path_factory.mktemp("focus"))


def pytest_configure(config: pytest.Config) -> None:
    """Marks are known even where pytest did not find pyproject.toml (--golden-dir elsewhere)."""
    config.addinivalue_line("markers", "slow: longer than a few seconds; run with -m slow")
    config.addinivalue_line("markers", "gpu: needs a CUDA device; run with -m gpu")
