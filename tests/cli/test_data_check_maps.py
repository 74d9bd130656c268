"""``connsearch data check``, ``stats`` and ``objects`` on damaged object maps: each has a name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from connsearch.data.media.decode import write_video
from tests.cli.commands import Command

SPLIT = ("--val-share", "0", "--test-share", "0")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Six clips with object maps; the maps of a/2 end early, those of b/3 are no maps at all."""
    rng = np.random.default_rng(0)
    for number in range(6):
        place = tmp_path / "clips" / "ab"[number % 2] / f"{number}.mp4"
        place.parent.mkdir(parents=True, exist_ok=True)
        write_video(place, rng.integers(0, 255, (5, 20, 24, 3), dtype=np.uint8))
        maps = rng.integers(0, 3, (5, 20, 24), dtype=np.uint8)
        np.savez_compressed(place.with_suffix(".npz"), classes=maps)
    damaged = tmp_path / "clips" / "a" / "2.npz"
    content = bytearray(damaged.read_bytes())
    content[300:340] = bytes(40)
    damaged.write_bytes(content)
    (tmp_path / "clips" / "b" / "3.npz").write_bytes(b"\x93NUMPY\1\0\3\0{'\n")
    return tmp_path / "clips"


def test_damaged_maps_are_named_and_are_no_fault_of_ours(run: Command, clips: Path) -> None:
    checked = run("data", "check", "--data", clips, *SPLIT, "--readers", "0")
    counted = run("data", "stats", "--data", clips, *SPLIT)
    made = run("data", "objects", clips / "a" / "2.npz", "-o", "new.npz")
    assert (checked.code, counted.code, made.code) == (1, 0, 2)
    assert "2 of 6 clips cannot be used" in checked.out
    for text in (checked.out, counted.out + counted.err):
        assert "a/2.npz: not readable as npy or npz" in text
        assert "b/3.npz: not readable as npy or npz" in text
    assert "a/2.npz: not readable as npy or npz" in made.err
    for done in (checked, counted, made):
        assert "a fault of connsearch" not in done.err
