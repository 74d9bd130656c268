"""The directory of an evolution knows its study, and is nobody else's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from connsearch.errors import RunError
from connsearch.evolution.study.study_directory import POINTER, begin, reopen, study_settings
from tests.evolution.engine import CLIP, birth, options_of, start


def facts(child: int) -> dict[str, Any]:
    return {"child": child, "evaluation": 0, "attempt": 0}


def settings_of(seed: int = 0) -> dict[str, Any]:
    return study_settings(
        start(), options_of(), seed=seed, classes=5, clip=CLIP, fitness={"kind": "noise"}
    )


def test_a_directory_knows_its_study(tmp_path: Path) -> None:
    place = tmp_path / "evolved"
    opened = begin(place, settings_of(), storage=None, name=None)
    assert opened.study.name == "evolved"
    (tmp_path / "usual").touch()
    assert (place / POINTER).stat().st_mode == (tmp_path / "usual").stat().st_mode  # no secrets
    assert begin(place, settings_of(), storage=None, name=None).settings == opened.settings
    again = reopen(place)
    assert again.options == options_of()
    assert again.space == opened.space
    assert again.history().trials == {}
    opened.study.create("running", {**facts(0), "birth": birth()})
    assert [sorted(again.history().trials) for _ in range(2)] == [[0], [0]], "read twice"
    with pytest.raises(RunError, match="seed"):
        begin(place, settings_of(1), storage=None, name=None)


@pytest.mark.parametrize("storage", ["shared.journal", "sqlite:///shared.db"])
def test_a_study_is_found_from_everywhere(storage: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    opened = begin(tmp_path / "evolved", settings_of(), storage=storage, name="one")
    opened.study.create("running", {**facts(0), "birth": birth()})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=f"--storage {storage.partition('shared')[0]}"):
        reopen(tmp_path / "evolved")
    place = storage.replace("shared", f"{tmp_path}/shared")
    assert len(reopen(tmp_path / "evolved", storage=place).history().trials) == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        begin(tmp_path / "file", settings_of(), storage="memory", name=None)


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(RunError, match=r"other files, such as holiday\.jpg"):
        begin(tmp_path, settings_of(), storage=None, name=None)
    with pytest.raises(RunError, match="no evolution"):
        reopen(tmp_path)


def test_a_directory_of_another_study_hides_its_password(tmp_path: Path) -> None:
    place = tmp_path / "evolved"
    begin(place, settings_of(), storage=None, name="one")
    with pytest.raises(RunError) as caught:
        begin(place, settings_of(), storage="mysql://me:secret@host/db", name="one")
    assert "secret" not in str(caught.value)
    assert "belongs to study 'one' in its own journal" in str(caught.value)


def test_a_directory_whose_first_worker_died_at_once(tmp_path: Path) -> None:
    """It had made the journal, and not yet written whose it is."""
    begin(tmp_path / "a", settings_of(), storage=None, name="a")
    (tmp_path / "a" / POINTER).unlink()
    (tmp_path / "a" / f".{POINTER}.123.tmp").write_text("{")
    assert begin(tmp_path / "a", settings_of(), storage=None, name="a").study.name == "a"


def test_a_fresh_directory_is_begun_by_a_crowd(tmp_path: Path) -> None:
    for number in range(5):
        ready = threading.Barrier(6)

        def enter(_: int, place: Path = tmp_path / str(number), ready: Any = ready) -> str:
            ready.wait()
            return begin(place, settings_of(), storage=None, name=None).study.name

        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(enter, range(6))) == {str(number)}
        assert sorted(p.name for p in (tmp_path / str(number)).iterdir()) == [
            "study.journal",
            "study.journal.lock",
            "study.json",
        ]


def test_a_pointer_that_cannot_be_read(tmp_path: Path) -> None:
    begin(tmp_path / "a", settings_of(), storage=None, name=None)
    for text in ("{", "[]", '{"storage": null}'):
        (tmp_path / "a" / POINTER).write_text(text)
        with pytest.raises(RunError, match="cannot be read"):
            reopen(tmp_path / "a")
