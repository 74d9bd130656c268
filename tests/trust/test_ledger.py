"""Work that adds up: nothing is done twice, nothing is lost, nothing is mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connsearch.errors import RunError
from connsearch.trust.ledger import LEDGER, Ledger
from connsearch.trust.units import UnitFinished, UnitStarted, UnitWork, work_through


def unit(number: int, done: list[int]) -> UnitWork:
    def work() -> Iterator[Mapping[str, Any]]:
        done.append(number)
        yield {"value": number, "summary": f"it is {number}"}

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
            assert [ledger[f"unit {n}"]["value"] for n in range(count)] == list(range(count))
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
