"""Damaged studies of strangers: one named error or a history, and nothing is written."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from random import Random
from typing import Any

import pytest

from connsearch.errors import ConnsearchError
from connsearch.evolution.options import StopOptions
from connsearch.evolution.review.lineage import ancestry, repeatable, replayed
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.study_directory import begin, reopen
from connsearch.evolution.study.worker import work
from connsearch.view.evolution.story import Story
from connsearch.view.evolution.workers import shifts
from tests.evolution.engine import Noise
from tests.evolution.test_strangers import tree
from tests.evolution.test_study_directory import settings_of

JUNK: list[Any] = [
    None, True, -1, 0, 1, 7, 10**30, 2.5, 1e308, float("nan"), float("inf"), "", "a", "0", "\ud800",
    "../..", "\x1b[2J", [], {}, [[]], {"a": 1}, [1, 2, 3],
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two evolutions of eight children, one in a journal and one in a database."""
    folder = tmp_path_factory.mktemp("whole")
    for kind in ("journal", "database"):
        place = folder / kind / "evo"
        storage = None if kind == "journal" else f"sqlite:///{place}/study.db"
        opened = begin(place, settings_of(), storage=storage, name="evo")
        evolution = Evolution(opened.study, opened.space, opened.options, seed=0, worker="w")
        for _ in work(evolution, Noise(failure=0.2), StopOptions(rounds=8)):
            pass
    return folder


def places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    todo = [value]
    while todo:
        item = todo.pop()
        for key in list(item) if isinstance(item, dict) else range(len(item)):
            found.append((item, key))
            if isinstance(item[key], dict | list):
                todo.append(item[key])
    return found


def replaced(text: str, rng: Random) -> str:
    """A JSON text with one value in it replaced, removed or nested."""
    value = json.loads(text)
    if not isinstance(value, dict | list) or not places(value):
        return json.dumps(rng.choice(JUNK))
    container, key = rng.choice(places(value))
    kind = rng.randrange(8)
    if kind == 0:
        del container[key]
    elif kind == 1:
        container[key] = [container[key]]
    else:
        container[key] = rng.choice(JUNK)
    return json.dumps(value)


def damaged(data: bytes, rng: Random) -> bytes:
    """Bytes cut off, flipped or put in."""
    kind, at = rng.randrange(3), rng.randrange(len(data))
    if kind == 0:
        return data[:at]
    inserted = rng.randbytes(rng.randrange(1, 40))
    return data[:at] + inserted + data[at + (len(inserted) if kind == 1 else 0) :]


def damage_journal(evo: Path, rng: Random) -> None:
    journal = evo / "study.journal"
    if rng.random() < 0.3:
        journal.write_bytes(damaged(journal.read_bytes(), rng))
        return
    lines = journal.read_text().splitlines()
    at = rng.randrange(len(lines))
    kind = rng.randrange(6)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(rng.randrange(len(lines)), lines[at])
    elif kind == 2:
        lines[at] = "[" * 50_000
    else:
        lines[at] = replaced(lines[at], rng)
    journal.write_text("\n".join(lines) + "\n")


def damage_database(evo: Path, rng: Random) -> None:
    path = evo / "study.db"
    if rng.random() < 0.4:
        path.write_bytes(damaged(path.read_bytes(), rng))
        return
    connection = sqlite3.connect(path)
    table, column = rng.choice(
        [
            ("trial_user_attributes", "value_json"),
            ("study_user_attributes", "value_json"),
            ("trials", "state"),
            ("trials", "number"),
            ("trials", "datetime_start"),
            ("trial_values", "value"),
            ("trial_values", "value_type"),
            ("studies", "study_name"),
            ("study_directions", "direction"),
            ("version_info", "library_version"),
            ("alembic_version", "version_num"),
        ]
    )
    rows = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
    rowid, old = rng.choice(rows)
    new: Any = rng.choice([None, "", "x", -5, 10**15, 2.5, b"\xff", "[" * 50_000])
    if column == "value_json" and rng.random() < 0.8:
        new = replaced(old, rng)
    try:
        if rng.random() < 0.2:
            connection.execute(f"DROP TABLE {table}")
        else:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, rowid))
        connection.commit()
    except sqlite3.Error:
        pass
    connection.close()


def damage_pointer(evo: Path, rng: Random) -> None:
    path = evo / "study.json"
    text = path.read_text()
    path.write_bytes(
        damaged(text.encode(), rng) if rng.random() < 0.5 else replaced(text, rng).encode()
    )


def look(evo: Path) -> bool:
    """What the commands do that read an evolution; whether it could be read."""
    try:
        opened = reopen(evo)
        history = opened.history()
        story = Story.of(history, opened.options, title="t")
        shifts(story)
        for number in history.births:
            if repeatable(history, number):
                replayed(history, ancestry(history, number)[-1], opened.space.limits)
    except ConnsearchError as error:
        text = str(error)
        assert text
        assert len(text) < 5000
        return False
    return True


def fuzz(whole: Path, folder: Path, count: int, seed: int) -> tuple[int, int]:
    """How many damaged studies could be read, and how many were refused."""
    rng, found = Random(seed), [0, 0]
    ways = {"journal": [damage_journal, damage_pointer], "database": [damage_database]}
    for number in range(count):
        kind = rng.choice(list(ways))
        evo = folder / str(number) / "evo"
        shutil.copytree(whole / kind / "evo", evo)
        if kind == "database":  # its place is that of the copy
            pointer = {"storage": f"sqlite:///{evo}/study.db", "name": "evo"}
            (evo / "study.json").write_text(json.dumps(pointer))
        rng.choice(ways[kind])(evo, rng)
        before = tree(folder / str(number))
        found[not look(evo)] += 1
        assert tree(folder / str(number)) == before
        shutil.rmtree(folder / str(number))
    return found[0], found[1]


def test_damaged_studies_are_read_or_named(whole: Path, tmp_path: Path) -> None:
    assert look(whole / "journal" / "evo")
    read, refused = fuzz(whole, tmp_path, 40, seed=1)
    assert read
    assert refused


@pytest.mark.slow
def test_a_thousand_damaged_studies(whole: Path, tmp_path: Path) -> None:
    read, refused = fuzz(whole, tmp_path, 1000, seed=2)
    assert read > 100
    assert refused > 100
