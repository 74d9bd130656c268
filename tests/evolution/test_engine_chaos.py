"""Workers are killed at random moments, twenty times, and nothing is lost and nothing is double."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from connsearch.evolution.study.patience import patiently
from connsearch.evolution.study.storage import open_storage
from connsearch.evolution.study.study import Study
from tests.evolution.engine import NAME, Noise, options_of, read, start_worker, study_of
from tests.evolution.recount import recount

WORKERS, KILLS = 4, 20
CHOSEN = {"population": 8, "tournament": 3, "elites": 2, "evaluations": 3}
FITNESS = Noise(seconds=0.035, failure=0.15)


def torn(journal: Path, rng: Random) -> None:
    """Leaves half a line, as a process does that is killed while it writes and holds the lock."""
    line = b'{"op_code":8,"worker_id":"killed","trial_id":1,"user_attr":{"lease":{"worker":"w"}}}'
    with journal.with_name(journal.name + ".lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with journal.open("ab") as file:
            file.write(line[: rng.randint(1, len(line))])


def births(study: Study) -> int:
    trials = patiently(lambda: study.storage.get_all_trials(study._id, deepcopy=False))
    return sum("birth" in trial.user_attrs for trial in trials)


def unrest(
    place: str,
    *,
    rounds: int,
    rng: Random,
    look: float = 0.01,
    at_kill: Callable[[int], None] = lambda _: None,
    patience: float = 100.0,
) -> None:
    """Runs workers until the evolution has ended, and kills one again and again meanwhile."""
    study = study_of(place, options_of(**CHOSEN))
    begin = lambda: start_worker(place, rounds=rounds, fitness=FITNESS, **CHOSEN)  # noqa: E731
    crew, end = [begin() for _ in range(WORKERS)], time.monotonic() + patience
    try:
        for kill in range(KILLS):
            while births(study) < (kill + 1) * rounds // (KILLS + 3):
                time.sleep(look)
                assert time.monotonic() < end
            time.sleep(rng.uniform(0, 0.05))
            place_in_crew = rng.randrange(WORKERS)
            victim = crew[place_in_crew]
            assert victim.is_alive(), "it has failed"
            os.kill(victim.pid, signal.SIGKILL)
            victim.join()
            at_kill(kill)
            crew[place_in_crew] = begin()
        for process in crew:
            process.join(max(0.1, end - time.monotonic()))
        assert [process.exitcode for process in crew] == [0] * WORKERS
    finally:
        for process in crew:
            process.kill()


def assert_whole(place: str, *, rounds: int) -> None:
    """The study has ended, and the engine says of it what a recount says."""
    found = recount(open_storage(place), NAME, rounds=rounds)
    assert found.faults == []
    history = read(place, **CHOSEN)
    assert not history.open
    assert not history.orphans
    judged = {n: dict(j.values) for n, j in history.judged.items() if j.values}
    assert judged == found.values
    assert {(n, e) for n, j in history.judged.items() for e in j.lost} == found.given_up
    assert len(history.voids) == found.voids
    means = {s.number: s.values[0] for s in history.standings()}
    assert means == {
        n: pytest.approx(sum(v[0] for v in e.values()) / len(e)) for n, e in found.values.items()
    }
    assert len(judged) + len({n for n, e in found.given_up if e == 0}) == rounds


def test_on_a_journal_with_torn_lines(tmp_path: Path) -> None:
    rng, journal = Random(1), tmp_path / "study.journal"
    unrest(
        str(journal),
        rounds=220,
        rng=rng,
        at_kill=lambda kill: torn(journal, rng) if kill % 4 == 0 else None,
    )
    assert_whole(str(journal), rounds=220)
    assert len((tmp_path / "study.journal.torn").read_bytes().splitlines()) >= KILLS // 4


@pytest.mark.slow
def test_on_sqlite(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path / 'study.db'}"
    unrest(place, rounds=150, rng=Random(2), look=0.2, patience=250)
    assert_whole(place, rounds=150)


@pytest.mark.slow
def test_through_a_proxy_that_is_killed_as_well(tmp_path: Path) -> None:
    pytest.importorskip("grpc", reason="grpcio is not installed")
    journal, port = tmp_path / "study.journal", 20000 + os.getpid() % 20000
    place = f"grpc://localhost:{port}"
    line = (
        "from connsearch.evolution.study.storage import serve\n"
        f"serve({str(journal)!r}, host='localhost', port={port})"
    )
    proxies = [subprocess.Popen([sys.executable, "-c", line])]

    def restart(kill: int) -> None:
        if kill == KILLS // 2:
            proxies[-1].kill()
            proxies[-1].wait()
            proxies.append(subprocess.Popen([sys.executable, "-c", line]))

    try:
        unrest(place, rounds=200, rng=Random(3), look=0.2, at_kill=restart, patience=200)
        assert_whole(place, rounds=200)
        assert len(proxies) == 2
    finally:
        proxies[-1].kill()
        proxies[-1].wait()
    assert_whole(str(journal), rounds=200)


@pytest.fixture
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A fresh PostgreSQL of this machine's packages; the URL of an empty database."""
    from tests.evolution.postgresql import server

    with server(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.mark.slow
def test_on_postgresql_that_cuts_connections(postgresql: str) -> None:
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    cuts: list[int] = []

    def cut(kill: int) -> None:
        if kill in (KILLS // 3, KILLS // 2):
            with psycopg.connect(postgresql.replace("+psycopg", "")) as connection:
                rows = connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where pid <> pg_backend_pid() and datname = current_database()"
                ).fetchall()
            cuts.append(len(rows))

    unrest(postgresql, rounds=200, rng=Random(4), look=0.2, at_kill=cut, patience=200)
    assert_whole(postgresql, rounds=200)
    assert sum(cuts) > 0
    assert shutil.which("setpriv") or os.getuid() != 0
