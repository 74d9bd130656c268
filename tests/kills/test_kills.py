"""Commands that are killed and repeated: they end like those that nobody has disturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.cli.commands import ROOT
from tests.kills.lines import LINES


def faults(*words: str, timeout: float) -> dict[str, list[str]]:
    """What was not made up for, by line; in a process of its own, which forks."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.kills", *words, "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_a_few_kills() -> None:
    """Of what is quick; the moments are others for every line, and the same every time."""
    found = faults("prune", "export", "pack", "--kills", "2", timeout=280)
    assert found == {"prune": [], "export": [], "pack": []}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", LINES)
def test_twenty_kills_of_every_line(name: str) -> None:
    assert faults(name, "--kills", "20", timeout=3500) == {name: []}
