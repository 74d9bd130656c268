"""Studies outside of their directory: what reads them, what serves them, what nobody may see."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from connsearch.evolution.study import storage as storage_module
from connsearch.workflows import evolve_serve
from tests.cli.commands import Command
from tests.evolution.test_strangers import point, tree

LINE = ("--simulate", "planted", "--population", "3", "--tournament", "2", "--rounds", "3")

READING = [
    ("evolve", "report", "evo", "--no-animation", "--no-pictures", "-o", "out"),
    ("lineage", "evo", "2", "-o", "out/line.svg"),
    ("evolve", "plan", "starter", "--measured", "evo", "--rounds", "4", "--seeds", "1"),
    ("evolve", "serve", "evo"),
]
OTHERS = [
    ("report", "evo"),
    ("inspect", "evo"),
    ("diff", "evo", "evo"),
    ("draw", "evo", "-o", "x.svg"),
]


def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []
    monkeypatch.setattr(evolve_serve, "serve", lambda *given, **how: calls.append((given, how)))
    return calls


@pytest.mark.parametrize("storage", ["shared.journal", "sqlite:///shared.db"])
def test_a_study_elsewhere_is_named_on_the_line(
    storage: str, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = served(monkeypatch)
    done = run("evolve", *LINE, "--storage", storage, "--run", "evo")
    assert done.code == 0, done.err
    place = storage.replace("shared", f"{tmp_path}/shared")
    assert f"connsearch lineage evo 2 --storage {place}" in done.out.replace("evo 0", "evo 2")
    for words in READING:
        refused = run(*words)
        assert refused.code == 2
        assert f"--storage {place}" in refused.err
        done = run(*words, "--storage", storage)
        assert done.code == 0 or "no evaluation has measured" in done.err
    assert calls == [((storage,), {"host": "localhost", "port": 13000})]


@pytest.mark.parametrize("words", [*READING, *OTHERS], ids=lambda words: " ".join(words[:2]))
def test_a_strangers_directory_decides_nothing(
    words: tuple[str, ...], run: Command, tmp_path: Path
) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        port = server.getsockname()[1]
        (tmp_path / "evo").mkdir()
        for storage in (
            f"{tmp_path}/victim/deep/study.journal",
            f"sqlite:///{tmp_path}/victim.db",
            f"postgresql+psycopg://me:s3cret@127.0.0.1:{port}/db",
            f"grpc://127.0.0.1:{port}",
        ):
            point(tmp_path / "evo", storage)
            before = tree(tmp_path)
            done = run(*words)
            assert done.code == 2, done.err
            assert "Traceback" not in done.err
            assert "s3cret" not in done.err + done.out
            assert tree(tmp_path) == before
        with pytest.raises(BlockingIOError):
            server.accept()


def test_storage_says_nothing_without_a_measured_evolution(run: Command) -> None:
    done = run("evolve", "plan", "--storage", "x.journal")
    assert done.code == 2
    assert "--measured" in done.err


@pytest.mark.parametrize(
    ("host", "warned", "shown"),
    [
        ("localhost", False, "grpc://localhost:13000"),
        ("127.0.0.1", False, "grpc://127.0.0.1:13000"),
        ("::1", False, "grpc://[::1]:13000"),
        ("0.0.0.0", True, None),
        ("::", True, None),
        ("node7", True, "grpc://node7:13000"),
    ],
)
def test_serving_others_warns_and_tells_an_address(
    host: str, warned: bool, shown: str | None, run: Command, tmp_path: Path, monkeypatch: Any
) -> None:
    served(monkeypatch)
    (tmp_path / "evo").mkdir()
    point(tmp_path / "evo", None)
    done = run("evolve", "serve", "evo", "--host", host)
    assert done.code == 0, done.err
    assert ("can read and change the study" in done.out) is warned
    address = done.out.split("--storage ")[1].split()[0]
    if shown is not None:
        assert address == shown
    assert address.startswith("grpc://")
    assert "0.0.0.0" not in address
    assert "[::]" not in address


def test_no_secret_of_a_line_is_shown_or_kept(run: Command, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(storage_module, "_OPENING", 0.1)
    for storage in (
        "postgresql+psycopg://s3cret-user:s3cret%40pw@127.0.0.1:1/db?application_name=s3cret",
        "postgresql+psycopg://s3cret-user:s3cret-pw@127.0.0.1:1/db?plugin=s3cret",
        "postgresql+psycopg://127.0.0.1:1/db?user=s3cret&password=s3cret",
        "mysql+pymysql://s3cret:s3cret@127.0.0.1:1/db",
        "oracle://s3cret:s3cret@127.0.0.1:1/db?x=s3cret",
        "grpc://s3cret:s3cret@nowhere",
        "host=127.0.0.1 port=1 user=s3cret password=s3cret",
        "postgresql:/s3cret:s3cret@127.0.0.1/db",
    ):
        done = run("evolve", *LINE, "--storage", storage, "--run", "evo", "--json")
        assert done.code in (1, 2), done.err
        assert "Traceback" not in done.err
        assert "s3cret" not in done.err + done.out
        json.loads(done.out.splitlines()[-1])
        for path in tmp_path.rglob("*"):
            assert "s3cret" not in str(path)
            assert path.is_dir() or b"s3cret" not in path.read_bytes()
