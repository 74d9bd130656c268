"""What a run could not read: a resumed run knows it, another run of the same data does not."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from connsearch.data.clips.dataset import Clip, ClipKey
from connsearch.data.clips.read_timeout import TimeoutFault
from connsearch.data.loading.loader import SplitLoaders
from connsearch.errors import DataError
from connsearch.runs.events import Event, WarningEvent
from connsearch.runs.names import QUARANTINE
from connsearch.training.quarantine import Quarantine
from tests.training.test_resume import everything, steps_until
from tests.training.tiny import TinyClips, TinyData, result_of, tiny_search

SLOW, BROKEN = 3, 5


class BadClips(TinyClips):
    """One clip costs its whole time, one cannot be read; ``tried`` counts how often."""

    def __init__(self, clips: int, **given: Any) -> None:
        super().__init__(clips, **given)
        self.records = [SimpleNamespace(name=f"{i}.mp4") for i in range(clips)]
        self.tried = {SLOW: 0, BROKEN: 0}

    def clip(self, key: ClipKey) -> Clip:
        if key.index in self.tried:
            self.tried[key.index] += 1
            fault = TimeoutFault if key.index == SLOW else DataError
            raise fault(f"{key.index}.mp4: cannot be read")
        return super().clip(key)


class BadData(TinyData):
    def __post_init__(self) -> None:
        self.options = self.options.with_values(bad_share=0.1)
        super().__post_init__()
        self.train: Any = BadClips(14, seed=1, options=self.options)


def searched(directory: Path, data: BadData) -> Iterator[Event]:
    return tiny_search(directory, data, epochs=2)


def test_a_resumed_run_knows_what_is_not_tried_again(tmp_path: Path) -> None:
    whole, first, second = BadData(), BadData(), BadData()
    events = [e for e in searched(tmp_path / "whole", whole) if isinstance(e, WarningEvent)]
    assert sorted(e.message for e in events if "quarantined" in e.message) == [
        "quarantined (train): 3.mp4: cannot be read",
        "quarantined (train): 5.mp4: cannot be read",
    ]
    assert whole.train.tried[SLOW] == 1
    assert whole.train.tried[BROKEN] >= 2  # once an epoch, or as often as it would stand in
    steps_until(searched(tmp_path / "stopped", first), 6)
    assert first.train.tried[SLOW] == 1
    result = result_of(searched(tmp_path / "stopped", second))
    assert second.train.tried[SLOW] == 0
    assert everything(tmp_path / "stopped") == everything(tmp_path / "whole")
    assert sorted(entry.index for entry in result.report.quarantine) == [SLOW, BROKEN]
    with (tmp_path / "stopped" / QUARANTINE).open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2
    again = result_of(searched(tmp_path / "other", first))  # the same data, and another run
    assert first.train.tried[SLOW] == 2
    assert [entry.step for entry in again.report.quarantine] == [
        entry.step for entry in result.report.quarantine
    ]


def test_what_a_checkpoint_keeps_goes_back_into_the_loaders() -> None:
    run: Any = SimpleNamespace(log=lambda *_: None)
    data = BadData()
    before = SplitLoaders(data.parts())  # type: ignore[arg-type]
    found = Quarantine(before, run, name="bad")
    list(before["train"].batches())
    assert len(list(found.new(4))) == 2
    state = found.state()
    assert [row[:2] + row[3:] for row in state] == [["train", 3, 4, True], ["train", 5, 4, False]]
    after = SplitLoaders(data.parts())  # type: ignore[arg-type]
    back = Quarantine(after, run, name="bad")
    back.restore(state)
    assert after["train"].faults == {SLOW: "3.mp4: cannot be read"}
    assert after["val"].faults == {}
    assert back.state() == state
    list(after["train"].batches())
    assert list(back.new(5)) == []  # each is listed once
    assert data.train.tried == {SLOW: 1, BROKEN: 2}


def test_too_many_are_refused_by_the_name_of_the_data() -> None:
    run: Any = SimpleNamespace(log=lambda *_: None)
    data = BadData()
    data.train.loading = data.options.loading.with_values(bad_share=0.05)
    loaders = SplitLoaders(data.parts())  # type: ignore[arg-type]
    list(loaders["train"].batches())
    with pytest.raises(DataError, match=r"(?s)^my clips: 2 of 26 videos unusable.*3\.mp4.*5\.mp4"):
        list(Quarantine(loaders, run, name="my clips").new(1))
