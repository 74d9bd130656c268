"""Randomly damaged videos: no crash, no hang, every one accounted for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.tools.check import check_clips
from tests.data.helpers import options

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    at = int(rng.integers(len(data)))
    match int(rng.integers(4)):
        case 0:
            del data[at:]
        case 1:
            for place in rng.integers(0, len(data), size=int(rng.integers(1, 60))):
                data[place] ^= int(rng.integers(1, 256))
        case 2:
            data[at : at + 200] = bytes(len(data[at : at + 200]))
        case _:
            data[at:at] = rng.bytes(100)
    return bytes(data)


@pytest.fixture
def copies(videos: Path, tmp_path: Path) -> DataSplits:
    """Ten whole videos and eighty damaged copies."""
    rng = np.random.default_rng(1)
    good = sorted(videos.rglob("*.mp4"))
    rows = ["path,label,split"]
    for number in range(90):
        content = good[number % len(good)].read_bytes()
        path = tmp_path / f"{number:02}.mp4"
        path.write_bytes(content if number < 10 else damaged(content, rng))
        rows.append(f"{path.name},{'ab'[number % 2]},train")
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    asked = {"val_share": 0, "test_share": 0, "bad_share": 1.0, "memory_mb": 0, "timeout": 20}
    return load_data(options(tmp_path, **asked))


@pytest.mark.parametrize("workers", [0, 2])
def test_every_damaged_copy_is_accounted_for(copies: DataSplits, workers: int) -> None:
    data, records = load_data(copies.options), copies.train.records
    checked = check_clips(records, copies.options, workers=workers)
    found = sorted(checked, key=lambda one: one.place)
    assert [c.record.name for c in found] == [r.name for r in records]
    assert [c.reason for c in found[:10]] == [None] * 10
    bad = [c.reason for c in found if c.reason is not None]
    assert 40 < len(bad) < 80
    assert not any("not read within" in reason or "kills" in reason for reason in bad)
    with Loader(data.train, workers=workers) as loader:
        made = list(loader.batches(batch_size=8, shuffle=True, augment=True))
    assert sum(len(batch.labels) for batch in made) == 90
    unread = {fault.index for batch in made for fault in batch.faults}
    assert unread <= {n for n, c in enumerate(found) if c.reason is not None}
    assert len(unread) > 40
