"""Random damage, and a watch over what a reader makes of it: a refusal by name, or a result."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from connsearch.errors import DataError

SECONDS = 5.0
"""Processor time that one file may take."""
MEGABYTES = 1024
"""By which the memory of the process may rise over all files together."""


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns the content cut off, with other bytes, a hole, or more bytes; rarely as it was."""
    data = bytearray(content)
    at = int(rng.integers(len(data)))
    match int(rng.integers(5)):
        case 0:
            del data[at:]
        case 1:
            for place in rng.integers(0, len(data), size=int(rng.integers(1, 30))):
                data[place] = int(rng.integers(256))
        case 2:
            data[at : at + 60] = bytes(len(data[at : at + 60]))
        case 3:
            data[at:at] = rng.bytes(int(rng.integers(1, 100)))
        case _:  # near the ends, where headers and directories stand
            size = min(len(data), 250)
            from_end = bool(rng.integers(2))
            for place in rng.integers(0, size, size=int(rng.integers(1, 6))):
                data[-1 - place if from_end else place] = int(rng.choice([0, 1, 127, 128, 255]))
    return bytes(data)


def peak_megabytes() -> float:
    """Returns the most memory this process has held."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


class Reader:
    """Reads one damaged file after another, and counts what became of it."""

    def __init__(self) -> None:
        self.refused = self.read = 0
        self.longest = 0.0
        self._before = peak_megabytes()

    def __call__(self, path: Path, work: Callable[[], object], *others: str) -> None:
        """Does the work; a refusal must name the file, or what else is said to stand for it."""
        start = time.process_time()
        try:
            work()
        except DataError as error:
            self.refused += 1
            said = str(error)
            assert any(name in said for name in (str(path), *others)), said
            assert len(said) < 3000, said
        else:
            self.read += 1
        took = time.process_time() - start
        self.longest = max(self.longest, took)
        assert took < SECONDS, f"{path}: {took:.1f} s"
        rise = peak_megabytes() - self._before
        assert rise < MEGABYTES, f"{path}: memory rose by {rise:.0f} MB"

    def told(self) -> str:
        """Returns what became of the files, for a person."""
        rise = peak_megabytes() - self._before
        return (
            f"{self.refused} refused, {self.read} read; longest {self.longest:.2f} s of processor, "
            f"memory rose by {rise:.0f} MB"
        )
