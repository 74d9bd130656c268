"""A directory of an evolution may come from anybody: reading it makes nothing, and asks nobody."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connsearch.errors import RunError, SettingsError, UserError
from connsearch.evolution.study.journal import repair_tail
from connsearch.evolution.study.patience import StorageError
from connsearch.evolution.study.pointer import POINTER
from connsearch.evolution.study.storage import _ReadOnlyJournal, open_storage
from connsearch.evolution.study.study_directory import begin, reopen, storage_of
from tests.evolution.engine import birth
from tests.evolution.test_study_directory import facts, settings_of


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """What is in a folder, to the byte and the moment."""
    found = {p: p.lstat() for p in folder.rglob("*")}
    return {str(path): (entry.st_size, entry.st_mtime_ns) for path, entry in found.items()}


def point(directory: Path, storage: object, name: object = "evo") -> None:
    (directory / POINTER).write_text(json.dumps({"storage": storage, "name": name}))


@pytest.fixture
def evo(tmp_path: Path) -> Path:
    """An evolution with one child, whose journal lies in its directory."""
    opened = begin(tmp_path / "evo", settings_of(), storage=None, name=None)
    opened.study.create("running", {**facts(0), "birth": birth()})
    return tmp_path / "evo"


@pytest.fixture
def listener() -> Iterator[tuple[int, Callable[[], bool]]]:
    """A port that somebody listens at, and whether anybody has come."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)

        def visited() -> bool:
            try:
                server.accept()[0].close()
            except BlockingIOError:
                return False
            return True

        yield server.getsockname()[1], visited


ELSEWHERE = [
    "{up}/new/deep/study.journal",
    "{up}/evo/../study.journal",
    "{up}/evo/link/study.journal",
    "sqlite:///{up}/new.db",
    "sqlite:///{up}/evo/../new.db",
    "sqlite:///new.db",
    "postgresql+psycopg://me:s3cret@127.0.0.1:{port}/db",
    "postgresql+psycopg://127.0.0.1:{port}/db?user=me&password=s3cret&passfile=/etc/passwd",
    "mysql+pymysql://me:s3cret@127.0.0.1:{port}/db",
    "grpc://127.0.0.1:{port}",
    "redis://127.0.0.1:{port}",
    "http://127.0.0.1:{port}/x",
    "memory",
    "sqlite://",
]


@pytest.mark.parametrize("storage", ELSEWHERE)
def test_a_study_elsewhere_is_not_opened(
    storage: str, evo: Path, tmp_path: Path, listener: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    port, visited = listener
    (tmp_path / "outside").mkdir()
    (evo / "link").symlink_to(tmp_path / "outside")
    point(evo, storage.format(up=tmp_path, port=port))
    before = tree(tmp_path)
    for read in (reopen, storage_of):
        with pytest.raises(RunError, match=r"--storage|in memory") as caught:
            read(evo)
        assert "s3cret" not in str(caught.value)
    with pytest.raises(RunError, match="belongs to"):
        begin(evo, settings_of(), storage=None, name="evo")
    assert tree(tmp_path) == before
    assert not visited()


def test_a_line_opens_the_same_storage_only(evo: Path, tmp_path: Path, listener: Any) -> None:
    port, visited = listener
    point(evo, f"grpc://127.0.0.1:{port}")
    for other in (str(evo / "study.journal"), "sqlite:///x.db", "grpc://127.0.0.1:1"):
        with pytest.raises(RunError, match=f"belongs to study 'evo' in grpc://127.0.0.1:{port}"):
            reopen(evo, storage=other)
    with pytest.raises(SettingsError, match=r"query key .* not allowed"):
        reopen(evo, storage=f"postgresql://127.0.0.1:{port}/db?service=x")
    assert not visited()


def test_a_directory_that_was_moved_keeps_its_database(tmp_path: Path) -> None:
    old, new = tmp_path / "evo", tmp_path / "elsewhere" / "evo"
    opened = begin(old, settings_of(), storage=f"sqlite:///{old}/own.db", name="evo")
    opened.study.create("running", {**facts(0), "birth": birth()})
    shutil.copytree(old, new)
    with pytest.raises(
        RunError, match=r"outside the directory.*(.|\n)*--storage"
    ):  # a copy: the first one is still there
        reopen(new)
    old.rename(tmp_path / "gone")
    here = f"sqlite:///{new}/own.db"
    assert sorted(reopen(new).history().trials) == [0]
    assert sorted(reopen(new, storage=here).history().trials) == [0]
    begin(new, settings_of(), storage=here, name="evo")
    (new / "own.db").unlink()
    (new / "own.db").symlink_to(tmp_path / "gone" / "own.db")
    with pytest.raises(RunError, match=r"outside the directory.*(.|\n)*--storage"):
        reopen(new)


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_reading_leaves_no_trace(kind: str, tmp_path: Path) -> None:
    evo = tmp_path / "evo"
    storage = None if kind == "journal" else f"sqlite:///{evo}/own.db"
    opened = begin(evo, settings_of(), storage=storage, name=None)
    opened.study.create("running", {**facts(0), "birth": birth()})
    (evo / "study.journal.lock").unlink(missing_ok=True)
    if kind == "journal":
        with (evo / "study.journal").open("ab") as file:
            file.write(b'{"op_code":8,"half a li')
    for path in evo.iterdir():
        path.chmod(0o444)
    before = tree(tmp_path)
    again = reopen(evo)
    assert sorted(again.history().trials) == [0]
    with pytest.raises((StorageError, Exception), match=r"reading only|readonly|read-only|commit"):
        again.study.storage.create_new_study([], "other")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_reading_makes_no_study(kind: str, tmp_path: Path) -> None:
    evo = tmp_path / "evo"
    evo.mkdir()
    point(evo, None if kind == "journal" else f"sqlite:///{evo}/own.db")
    before = tree(tmp_path)
    with pytest.raises(StorageError, match="reading does not create"):
        reopen(evo)
    if kind == "sqlite":
        sqlite3.connect(evo / "own.db").executescript("CREATE TABLE a (b)").connection.close()
        before = tree(tmp_path)
        with pytest.raises(StorageError, match="reading does not create"):
            reopen(evo)
    assert tree(tmp_path) == before


def test_a_write_ahead_log_is_read_without_files_beside_it(tmp_path: Path) -> None:
    evo = tmp_path / "evo"
    begin(evo, settings_of(), storage=f"sqlite:///{evo}/own.db", name=None)
    connection = sqlite3.connect(evo / "own.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    before = tree(tmp_path)
    assert reopen(evo).history().trials == {}
    assert tree(tmp_path) == before
    (evo / "own.db-wal").write_bytes(b"x" * 40)
    before = tree(tmp_path)
    with pytest.raises(StorageError, match=r"own\.db-wal"):
        reopen(evo)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("DROP TABLE trials; CREATE VIEW trials AS SELECT 1 AS trial_id", "view 'trials'"),
        ("CREATE TRIGGER t AFTER INSERT ON trials BEGIN DELETE FROM studies; END", "trigger 't'"),
        ("CREATE VIRTUAL TABLE v USING fts5(x)", "table 'v'"),
    ],
)
def test_a_database_that_would_do_more_than_hold_rows(
    script: str, said: str, tmp_path: Path
) -> None:
    evo = tmp_path / "evo"
    place = f"sqlite:///{evo}/own.db"
    begin(evo, settings_of(), storage=place, name=None).study.storage.remove_session()
    connection = sqlite3.connect(evo / "own.db")
    connection.executescript(script)
    connection.close()
    with pytest.raises(StorageError, match=said):
        reopen(evo)
    with pytest.raises(StorageError, match=said):
        begin(evo, settings_of(), storage=place, name=None)


def test_a_journal_that_is_a_link_is_not_followed(evo: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (evo / "study.journal").rename(victim)
    (evo / "study.journal").symlink_to(victim)
    before = tree(tmp_path)
    for call in (lambda: reopen(evo), lambda: begin(evo, settings_of(), storage=None, name="evo")):
        with pytest.raises(RunError, match=f"add --storage {victim}"):
            call()
    assert tree(tmp_path) == before
    assert sorted(reopen(evo, storage=str(victim)).history().trials) == [0]


@pytest.mark.parametrize("name", ["study.journal.lock", "study.journal.torn"])
def test_files_beside_a_journal_are_not_written_through_links(
    name: str, evo: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    (evo / name).unlink(missing_ok=True)
    (evo / name).symlink_to(victim)
    with (evo / "study.journal").open("ab") as file:
        file.write(b"half a line of a stranger")
    if name.endswith("lock"):
        with pytest.raises((StorageError, RunError), match=r"symbolic link|ELOOP|links"):
            begin(evo, settings_of(), storage=None, name="evo")
    else:  # the link is replaced, as a file would be
        begin(evo, settings_of(), storage=None, name="evo")
        assert (evo / name).read_bytes() == b"half a line of a stranger\n"
        assert not (evo / name).is_symlink()
    assert not victim.exists()


def test_half_a_line_goes_beside_its_journal(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b'{"op_code":0}\nhalf')
    assert repair_tail(tmp_path / "j") == b"half"
    assert (tmp_path / "j.torn").read_bytes() == b"half\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"storage": null}',
        '{"storage": null, "name": "a", "more": 1}',
        '{"storage": 1, "name": "a"}',
        '{"storage": [], "name": "a"}',
        '{"storage": {"a": null}, "name": "a"}',
        '{"storage": "", "name": "a"}',
        '{"storage": null, "name": null}',
        '{"storage": null, "name": ""}',
        '{"storage": null, "name": 1e999}',
        '{"storage": "a\\u001b[2J", "name": "a"}',
        '{"storage": "a\\u0000", "name": "a"}',
        '{"storage": null, "name": ' + "9" * 5000 + "}",
        '{"storage": "' + "a" * 5000 + '", "name": "a"}',
        '{"storage": null, "name": "a"}' + " " * 70_000,
        b"\xff\xfe\x00",
    ],
)
def test_a_pointer_of_any_kind_is_named(text: str | bytes, evo: Path) -> None:
    (evo / POINTER).write_bytes(text if isinstance(text, bytes) else text.encode())
    for call in (lambda: reopen(evo), lambda: begin(evo, settings_of(), storage=None, name="evo")):
        with pytest.raises(RunError, match=r"study\.json: cannot be read") as caught:
            call()
        assert len(str(caught.value)) < 600


def test_a_pipe_or_a_folder_in_place_of_a_file(evo: Path) -> None:
    for name, error in ((POINTER, RunError), ("study.journal", StorageError)):
        kept = (evo / name).read_bytes()
        for make in (os.mkfifo, os.mkdir):
            (evo / name).unlink()
            make(evo / name)
            with pytest.raises(error, match=r"not a regular file|Is a directory"):
                reopen(evo)
            (evo / name).rmdir() if make is os.mkdir else (evo / name).unlink()
            (evo / name).write_bytes(kept)


def lines(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.read_text().splitlines()]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("child", "0"),
        ("child", -1),
        ("evaluation", None),
        ("birth", None),
        ("birth", [1]),
        ("birth", {"hash": "a"}),
        ("birth", {**birth(), "parents": [0]}),
        ("birth", {**birth(), "parents": [7]}),
        ("birth", {**birth(), "macs": "many"}),
        ("birth", {**birth(), "posts": "srtg"}),
        ("birth", {**birth(), "gates": [["0", "5"]]}),
        ("birth", {**birth(), "steps": [["start"]]}),
        ("result", {"weights": [[0, 1, "a"]]}),
        ("result", {"seconds": float("inf")}),
        ("result", []),
        ("worker", 7),
        ("began", "today"),
        ("began", 10**400),
        ("rung x", [1]),
        ("rung 0", 5),
        ("lease", {"pid": "x"}),
    ],
)
def test_facts_that_no_evolution_writes_are_named(key: str, value: Any, evo: Path) -> None:
    journal = evo / "study.journal"
    found = lines(journal)
    found[-1]["user_attrs"][key] = value
    journal.write_text("".join(json.dumps(line) + "\n" for line in found))
    for call in (
        lambda: reopen(evo).history(),
        lambda: begin(evo, settings_of(), storage=None, name="evo"),
    ):
        with pytest.raises(
            RunError, match=r"contains what connsearch evolve does not write(.|\n)*cure:"
        ):
            call()


@pytest.mark.parametrize(
    "settings", [{}, [], {"evolution": 1}, {"evolution": {}, "start": 5}, {"evolution": {"x": 1}}]
)
def test_settings_that_no_evolution_writes_are_named(settings: Any, evo: Path) -> None:
    journal = evo / "study.journal"
    found = lines(journal)
    next(line for line in found if line["op_code"] == 2)["user_attr"] = {"connsearch": settings}
    journal.write_text("".join(json.dumps(line) + "\n" for line in found))
    with pytest.raises(UserError):
        reopen(evo)


def test_a_damaged_database_is_named_at_once(tmp_path: Path) -> None:
    evo = tmp_path / "evo"
    begin(evo, settings_of(), storage=f"sqlite:///{evo}/own.db", name=None)
    whole = (evo / "own.db").read_bytes()
    for broken in (b"text", whole[:5000], whole[:4096] + b"\xff" * (len(whole) - 4096)):
        (evo / "own.db").write_bytes(broken)
        with pytest.raises((StorageError, RunError)):
            reopen(evo).history()


def test_no_storage_reads_pickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Optuna's journals unpickle snapshots, where their backend keeps some: ours keep none."""
    from optuna.storages.journal._base import BaseJournalSnapshot

    monkeypatch.setattr(pickle, "loads", lambda *_: pytest.fail("something was unpickled"))
    open_storage(tmp_path / "study.journal")
    found = open_storage(tmp_path / "study.journal", reading=True)
    for storage in (found, open_storage(tmp_path / "study.journal")):
        assert not isinstance(storage._backend, BaseJournalSnapshot)  # type: ignore[attr-defined]
    assert not issubclass(_ReadOnlyJournal, BaseJournalSnapshot)


@pytest.mark.parametrize(
    "storage",
    ["postgresql+psycopg://me:s3cret@h/db?sslmode=require", "mysql+pymysql://h/db?password=s3cret"],
)
def test_no_secret_is_kept_in_a_directory(storage: str, tmp_path: Path, monkeypatch) -> None:
    from connsearch.evolution.study import study_directory as place_module

    kept = str(tmp_path / "kept.journal")
    monkeypatch.setattr(place_module, "open_storage", lambda *_, **__: open_storage(kept))
    if "password" in storage:
        with pytest.raises(SettingsError, match="query key 'password'"):
            begin(tmp_path / "evo", settings_of(), storage=storage, name="evo")
        return
    begin(tmp_path / "evo", settings_of(), storage=storage, name="evo")
    written = (tmp_path / "evo" / POINTER).read_text()
    assert json.loads(written)["storage"] == "postgresql+psycopg://***@h/db?sslmode=***"
    # A directory of before holds all of it: it is recognised, and written anew.
    point(tmp_path / "evo", storage)
    with pytest.raises(RunError, match="belongs to"):
        begin(tmp_path / "evo", settings_of(), storage="postgresql://h/other", name="evo")
    assert reopen(tmp_path / "evo", storage=storage).study.name == "evo"
    begin(tmp_path / "evo", settings_of(), storage=storage, name="evo")
    assert (tmp_path / "evo" / POINTER).read_text() == written


@pytest.mark.slow
def test_a_server_is_only_read(tmp_path: Path) -> None:
    from sqlalchemy import create_engine, inspect

    from tests.evolution.postgresql import server

    evo = tmp_path / "evo"
    with server() as url:
        evo.mkdir()
        point(evo, url)
        engine = create_engine(url)
        with pytest.raises(StorageError, match="contains no study"):
            reopen(evo, storage=url)
        assert inspect(engine).get_table_names() == []
        begin(evo, settings_of(), storage=url, name="evo").study.create(
            "running", {**facts(0), "birth": birth()}
        )
        assert "tester" not in (evo / POINTER).read_text()
        with pytest.raises(RunError, match="add --storage"):
            reopen(evo)
        again = reopen(evo, storage=url)
        assert sorted(again.history().trials) == [0]
        with pytest.raises(Exception, match="commit") as caught:
            again.study.storage.create_new_study([], "other")
        assert "read-only transaction" in str(caught.value.__cause__)
        wrong = url.replace("tester", "s3cret-nobody")
        with pytest.raises(StorageError, match="cannot be opened") as refused:
            open_storage(wrong)
        assert "s3cret" not in str(refused.value)
        engine.dispose()
