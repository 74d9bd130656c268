"""Work that adds up: nothing is done twice, nothing is lost, nothing is mixed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from connsearch.analysis.units import UnitFinished, UnitStarted, UnitWork, work_through
from connsearch.errors import RunError
from connsearch.files.disk import DiskFullError, UnreadableError
from connsearch.runs.formats.ledger import Unit
from connsearch.runs.ledger import Ledger
from connsearch.runs.names import LEDGER


class Counted(Unit):
    value: int


def unit(number: int, done: list[int]) -> UnitWork:
    def work() -> Iterator[Unit]:
        done.append(number)
        yield Counted(value=number, summary=f"it is {number}")

    return work


def units(done: list[int], count: int) -> dict[str, UnitWork]:
    return {f"unit {number}": unit(number, done) for number in range(count)}


def drain(ledger: Ledger, work: Mapping[str, UnitWork]) -> list[object]:
    return list(work_through(ledger, work))


def test_each_unit_is_done_once_and_more_can_be_added(tmp_path: Path) -> None:
    done: list[int] = []
    for count in (2, 3, 3):
        with Ledger(tmp_path / "ledger", {"a": 1}) as ledger:
            events = drain(ledger, units(done, count))
            assert [ledger.read(f"unit {n}", Counted).value for n in range(count)] == list(
                range(count)
            )
    assert done == [0, 1, 2]
    assert [e.filed for e in events if isinstance(e, UnitFinished)] == [True] * 3
    assert not any(isinstance(e, UnitStarted) for e in events)


def test_a_torn_line_is_done_again(tmp_path: Path) -> None:
    done: list[int] = []
    with Ledger(tmp_path, {}) as ledger:
        drain(ledger, units(done, 2))
    path = tmp_path / LEDGER
    path.write_bytes(path.read_bytes()[:-5])
    with Ledger(tmp_path, {}) as ledger:
        assert "unit 0" in ledger
        assert "unit 1" not in ledger
        drain(ledger, units(done, 2))
    assert done == [0, 1, 1]


def test_results_of_other_settings_are_refused(tmp_path: Path) -> None:
    with Ledger(tmp_path, {"epochs": 3, "seed": 0}):
        pass
    with pytest.raises(RunError, match=r"(?s)other settings.*epochs.*3.*4.*--output"):
        Ledger(tmp_path, {"epochs": 4, "seed": 0})
    with Ledger(tmp_path, {"epochs": 3, "seed": 0}):
        pass


def spoil_text(path: Path) -> None:
    path.write_text("no json\n")


def spoil_head(path: Path) -> None:
    path.write_text("[1]\n")


@pytest.mark.parametrize("spoil", [spoil_text, spoil_head])
def test_something_else_is_refused_by_name(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(tmp_path / LEDGER)
    with pytest.raises(RunError, match=r"cannot be read as a ledger"):
        Ledger(tmp_path, {})


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file"):
        Ledger(tmp_path / "file", {})


def test_a_ledger_that_is_nested_deep_or_a_pipe_is_named(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    deep = '{"settings": ' + "[" * 100_000 + "]" * 100_000 + "}\n"
    (tmp_path / "deep" / LEDGER).write_text(deep)
    with pytest.raises(RunError, match="cannot be read as a ledger"):
        Ledger(tmp_path / "deep", {"a": 1})
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / LEDGER)
    with pytest.raises(UnreadableError, match=r"is a pipe \(FIFO\), not a file"):
        Ledger(tmp_path / "pipe", {"a": 1})


def test_a_full_disk_is_named_and_the_unit_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    with monkeypatch.context() as patched, Ledger(tmp_path / "l", {"a": 1}) as ledger:
        patched.setattr("connsearch.runs.ledger.os.fsync", _full)
        with pytest.raises(DiskFullError, match=r"ledger.jsonl: could not be written: no space"):
            drain(ledger, units(done, 1))
    with Ledger(tmp_path / "l", {"a": 1}) as ledger:
        drain(ledger, units(done, 2))
    assert done[0] == 0
    assert done[-1] == 1


def _full(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
