"""What the storages promise: one worker gets a trial, one ends it, and errors say where."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
import sqlalchemy.exc

from connsearch.errors import RunError, SettingsError
from connsearch.evolution.study import databases
from connsearch.evolution.study import patience as patience_module
from connsearch.evolution.study import storage as storage_module
from connsearch.evolution.study.patience import StorageError, patiently
from connsearch.evolution.study.storage import open_storage
from connsearch.evolution.study.study import Study, studies
from tests.evolution.engine import NAME, PROCESSES, options_of, study_of

KINDS = ["journal", "sqlite"]


def place_of(kind: str, folder: Path) -> str:
    return str(folder / "study.journal") if kind == "journal" else f"sqlite:///{folder}/study.db"


def facts(child: int) -> dict[str, Any]:
    return {"child": child, "evaluation": 0, "attempt": 0}


@pytest.mark.parametrize("kind", ["memory", *KINDS])
def test_trials_come_back_as_they_were_written(kind: str, tmp_path: Path) -> None:
    place = "memory" if kind == "memory" else place_of(kind, tmp_path)
    study = study_of(place, options_of())
    assert study.changed() == []
    first, second = study.create("running", facts(0)), study.create("waiting", facts(1))
    assert [t.state for t in study.changed()] == ["running", "waiting"]
    assert study.note(first, "result", {"seconds": 1.5, "weights": [[0, 1, 0.5]]})
    assert study.rung(first, 0, (0.25,))
    assert study.finish(first, "complete", (0.75,))
    found = study.changed()
    assert [t.number for t in found] == [first, second], "only what was still open"
    assert found[0].values == (0.75,)
    assert found[0].rungs == {0: (0.25,)}
    assert found[0].facts["result"] == {"seconds": 1.5, "weights": [[0, 1, 0.5]]}
    assert found[0].started is not None
    assert found[0].finished is not None
    assert found[0].started <= found[0].finished
    assert [t.number for t in study.changed()] == [second]
    assert not study.note(first, "late", 1)
    assert not study.finish(first, "failed"), "it has ended"
    assert not study.claim(first)
    assert study.claim(second)
    assert not study.claim(second), "not even by the same worker"


def _claim_all(place: str, ready: Any, results: Any) -> None:
    study = study_of(place, options_of())
    with ThreadPoolExecutor(4) as pool:
        ready.wait()
        results.put([n for n, got in enumerate(pool.map(study.claim, range(40))) if got])


@pytest.mark.parametrize("kind", KINDS)
def test_a_waiting_trial_is_claimed_exactly_once(kind: str, tmp_path: Path) -> None:
    """Eight threads of this process and four of each of two others."""
    place = place_of(kind, tmp_path)
    study = study_of(place, options_of())
    for child in range(40):
        study.create("waiting", facts(child))
    ready, results = PROCESSES.Barrier(3), PROCESSES.Queue()
    others = [PROCESSES.Process(target=_claim_all, args=(place, ready, results)) for _ in range(2)]
    for process in others:
        process.start()
    mine = [study_of(place, options_of()) for _ in range(2)]
    ready.wait(60)
    claimed: list[int] = []
    with ThreadPoolExecutor(8) as pool:
        tasks = [pool.submit(mine[n % 2].claim, n // 2) for n in range(80)]
        claimed += [n // 2 for n, task in enumerate(tasks) if task.result()]
    claimed += results.get(timeout=60) + results.get(timeout=60)
    for process in others:
        process.join()
    assert sorted(claimed) == list(range(40))


@pytest.mark.parametrize("kind", KINDS)
def test_a_trial_is_ended_exactly_once(kind: str, tmp_path: Path) -> None:
    place = place_of(kind, tmp_path)
    study = study_of(place, options_of())
    for child in range(10):
        study.create("running", facts(child))
    crew = [study_of(place, options_of()) for _ in range(4)]

    def end(n: int) -> bool:
        state = "complete" if n % 2 else "failed"
        return crew[n % 4].finish(n // 4, state, (float(n),) if n % 2 else None)

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(end, range(40)))
    assert [sum(won[4 * n : 4 * n + 4]) for n in range(10)] == [1] * 10
    for trial in study.changed():
        winner = next(n for n in range(4 * trial.number, 4 * trial.number + 4) if won[n])
        assert trial.values == ((float(winner),) if winner % 2 else None)


def _open_at_once(place: str, ready: Any, results: Any) -> None:
    ready.wait(60)
    try:
        results.put(study_of(place, options_of()).create("waiting", facts(0)))
    except Exception as error:
        results.put(repr(error))


def crowd(place: str, size: int = 5) -> list[Any]:
    """What workers get that begin the same fresh study at the same moment."""
    ready, results = PROCESSES.Barrier(size), PROCESSES.Queue()
    arguments = (place, ready, results)
    crew = [PROCESSES.Process(target=_open_at_once, args=arguments) for _ in range(size)]
    for process in crew:
        process.start()
    found = [results.get(timeout=90) for _ in crew]
    for process in crew:
        process.join()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_study_is_begun_by_a_crowd(kind: str, tmp_path: Path) -> None:
    assert sorted(crowd(place_of(kind, tmp_path)), key=str) == list(range(5))


@pytest.mark.parametrize("opens", [True, False])
def test_a_refusal_that_took_long_is_retried(
    opens: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others make the tables at the same moment, on a machine where everything takes its time."""
    now, tries = [0.0], [0]
    once = optuna.storages.get_storage

    def slow(storage: Any) -> Any:
        now[0] += 30.0 if tries[0] == 0 else 3.0
        tries[0] += 1
        if tries[0] == 1 or not opens:
            raise sqlalchemy.exc.IntegrityError("", {}, Exception("exists already"))
        return once(storage)

    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda _: None)
    monkeypatch.setattr(databases, "time", clock)
    monkeypatch.setattr(optuna.storages, "get_storage", slow)
    place = place_of("sqlite", tmp_path)
    if opens:
        assert open_storage(place).get_all_studies() == []
        assert tries == [2]
    else:
        with pytest.raises(StorageError, match="exists already"):
            open_storage(place)
        assert tries == [5], "after 10 s of refusals"


@pytest.mark.slow
def test_a_fresh_postgresql_is_begun_by_a_crowd() -> None:
    from tests.evolution.postgresql import server

    with server() as url:
        assert sorted(crowd(url, 8), key=str) == list(range(8))
        study = study_of(url, options_of())
        ready = threading.Barrier(4)

        def claim(n: int) -> int:
            mine = study_of(url, options_of())
            ready.wait()
            return sum(mine.claim(trial) for trial in range(8))

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(claim, range(4))) == 8
        assert {t.state for t in study.changed()} == {"running"}


def test_another_study_under_the_same_name_is_refused(tmp_path: Path) -> None:
    place = place_of("journal", tmp_path)
    Study(open_storage(place), NAME, [True], {"seed": 1, "data": {"workers": 2}})
    again = Study(open_storage(place), NAME, [True], {"seed": 1, "data": {"workers": 4}})
    assert again.settings["seed"] == 1
    with pytest.raises(RunError, match="seed: the run has 1, asked for 2"):
        Study(open_storage(place), NAME, [True], {"seed": 2, "data": {"workers": 2}})
    with pytest.raises(RunError, match="objectives"):
        Study(open_storage(place), NAME, [True, False], {"seed": 1, "data": {"workers": 2}})
    assert list(studies(open_storage(place))) == [NAME]


def test_two_that_begin_with_other_settings_do_not_both_go_on(tmp_path: Path) -> None:
    """The second finds the study before the first has written what it is."""
    place, second = place_of("journal", tmp_path), open_storage(tmp_path / "study.journal")
    began, may_write = threading.Event(), threading.Event()
    first = open_storage(place)
    write = first.set_study_user_attr

    def slowly(*given: Any) -> None:
        began.set()
        may_write.wait(10)
        write(*given)

    first.set_study_user_attr = slowly  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(Study, first, NAME, [True], {"seed": 1})
        began.wait(10)
        other = pool.submit(Study, second, NAME, [True], {"seed": 2})
        threading.Timer(0.3, may_write.set).start()
        assert one.result().settings == {"seed": 1}
        with pytest.raises(RunError, match="asked for 2"):
            other.result()


def test_a_study_whose_creator_died_is_begun_by_the_next(tmp_path: Path, monkeypatch) -> None:
    from connsearch.evolution.study import study as study_module

    monkeypatch.setattr(study_module, "_CREATION", 0.2)
    storage = open_storage(place_of("journal", tmp_path))
    storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], NAME)
    assert Study(storage, NAME, [True], {"seed": 3}).settings == {"seed": 3}


@pytest.mark.parametrize(
    ("place", "family", "said"),
    [
        ("grpc://somewhere", SettingsError, "write it as grpc://HOST:PORT"),
        ("grpc://:13000", SettingsError, "write it as grpc://HOST:PORT"),
        ("mongo://me:secret@host/db", SettingsError, r"mongo://\*\*\*@host/db: is not a storage"),
        ("postgresql+nobody://me:secret@host/db", SettingsError, r"not a storage\n  allowed:"),
        ("oracle://me:secret@host/db", SettingsError, "its driver is not installed"),
        ("sqlite:////nowhere/at/all.db", StorageError, "unable to open database file"),
        ("postgresql+psycopg://me:secret@localhost:1/db", StorageError, "cannot be opened"),
        ("/proc/nowhere/study.journal", StorageError, "cannot be opened"),
    ],
)
def test_a_place_that_is_none(place: str, family: type, said: str, monkeypatch) -> None:
    monkeypatch.setattr(storage_module, "_OPENING", 0.1)
    if "psycopg" in place:
        pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(family, match=said) as caught:
        open_storage(place)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__ or "secret" not in repr(caught.value.__context__)


def test_a_proxy_that_is_not_there(monkeypatch) -> None:
    pytest.importorskip("grpc", reason="grpcio is not installed")
    monkeypatch.setattr(storage_module, "_OPENING", 0.3)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    with pytest.raises(StorageError, match=f"grpc://localhost:{port}: no server answers"):
        open_storage(f"grpc://localhost:{port}")


def test_braces_in_a_url_are_no_template(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/{{odd}}.db"
    study_of(place, options_of())
    assert (tmp_path / "{odd}.db").exists()


class Busy:
    """A storage that is busy so often before it answers."""

    def __init__(self, times: int, error: Exception) -> None:
        self.times, self.error = times, error

    def __call__(self) -> str:
        self.times -= 1
        if self.times >= 0:
            raise self.error
        return "answer"


def test_a_busy_storage_is_asked_again(monkeypatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(patience_module.time, "sleep", naps.append)
    busy = optuna.exceptions.StorageInternalError("busy")
    assert patiently(Busy(5, busy)) == "answer"
    assert naps == [0.02, 0.04, 0.08, 0.16, 0.32]
    monkeypatch.setattr(patience_module, "PATIENCE", -1.0)
    with pytest.raises(StorageError, match="does not answer: busy"):
        patiently(Busy(9, busy))
    with pytest.raises(KeyError):
        patiently(Busy(1, KeyError("a mistake is no pause")))


def test_a_proxy_that_restarts_is_asked_again(monkeypatch) -> None:
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
    monkeypatch.setattr(patience_module.time, "sleep", lambda _: None)
    assert patiently(Busy(3, grpc.RpcError("unavailable"))) == "answer"


@pytest.mark.parametrize(
    "error",
    [
        sqlalchemy.exc.OperationalError("val", {}, Exception("server closed the connection")),
        sqlalchemy.exc.PendingRollbackError("Can't reconnect until invalid transaction is ..."),
        sqlalchemy.exc.ResourceClosedError("This Connection is closed"),
        sqlalchemy.exc.TimeoutError("QueuePool limit reached"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_was_cut_is_asked_again(monkeypatch, error: Exception) -> None:
    monkeypatch.setattr(patience_module.time, "sleep", lambda _: None)
    assert patiently(Busy(2, told_by_optuna(error))) == "answer"


def test_what_asking_again_cannot_help_is_said_at_once() -> None:
    wrong = sqlalchemy.exc.ProgrammingError("val", {}, Exception("no such column"))
    for error in (wrong, sqlalchemy.exc.InvalidRequestError("a mistake of ours")):
        with pytest.raises(StorageError, match="cannot be used"):
            patiently(Busy(1, told_by_optuna(error)))


def told_by_optuna(error: Exception) -> Exception:
    """Returns an error of the database as Optuna passes it on."""
    found = optuna.exceptions.StorageInternalError("An exception is raised during the commit")
    found.__cause__ = error
    return found
