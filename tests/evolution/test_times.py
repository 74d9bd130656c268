"""When evaluations began and ended, whatever the time zones and whatever the clocks are set to."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest

from connsearch.evolution.child import Outcome
from connsearch.evolution.study import study as study_module
from connsearch.view.evolution.story import Story
from connsearch.view.evolution.workers import shifts
from tests.evolution.engine import evolution_of, options_of, read, study_of
from tests.evolution.test_study_storage import facts, place_of

BEFORE = datetime(2026, 10, 25, 0, 59, tzinfo=UTC).timestamp()
"""One minute before clocks in Berlin go back from three to two."""


class Clock:
    """Seconds since 1970 that somebody sets."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def autumn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """The clock in Berlin, for us and for Optuna, at that moment."""
    from optuna.storages._rdb import storage as database
    from optuna.storages.journal import _storage as journal

    clock = Clock(BEFORE)

    class Watch(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return cls.fromtimestamp(clock.now, tz)

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    monkeypatch.setattr(study_module.time, "time", clock)
    for module in (database, journal, study_module):
        monkeypatch.setattr(module, "datetime", Watch)
    yield clock
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("kind", ["memory", "journal", "sqlite"])
def test_an_evaluation_over_the_hour_that_comes_twice(
    kind: str, tmp_path: Path, autumn: Clock
) -> None:
    place = "memory" if kind == "memory" else place_of(kind, tmp_path)
    study = study_of(place, options_of())
    evolution = evolution_of(study, worker="w")
    task = evolution.ask(rounds=2)
    assert task is not None
    autumn.now += 120
    evolution.tell(task, Outcome((0.5,)))
    other = evolution.ask(rounds=2)
    assert other is not None
    autumn.now += 3600
    evolution.fail(other, "for the test")
    again = evolution.ask(rounds=2)
    assert again is not None
    autumn.now += 60
    evolution.tell(again, Outcome((0.6,)))

    history = read(study)
    times = [(t.started, t.finished) for t in history.trials.values()]
    assert times == [
        (BEFORE, BEFORE + 120),
        (BEFORE + 120, BEFORE + 3720),
        (BEFORE + 3720, BEFORE + 3780),
    ]
    row = shifts(Story.of(history, options_of(), title="t"))["w"]
    assert [(s.begin, s.end) for s in row] == [(0, 120), (120, 3720), (3720, 3780)]


def test_a_trial_that_waits_begins_when_it_is_taken(tmp_path: Path, autumn: Clock) -> None:
    study = study_of(place_of("journal", tmp_path), options_of())
    number = study.create("waiting", facts(0))
    autumn.now += 100
    assert study.claim(number)
    autumn.now += 7
    assert study.finish(number, "failed")
    assert not study.finish(number, "failed")
    (trial,) = study.trials()
    assert (trial.started, trial.finished) == (BEFORE + 100, BEFORE + 107)


def test_a_trial_that_somebody_else_has_ended_keeps_its_end(tmp_path: Path, autumn: Clock) -> None:
    study = study_of(place_of("journal", tmp_path), options_of())
    number = study.create("running", facts(0))
    autumn.now += 5
    study.finish(number, "failed")
    autumn.now += 5
    assert not study.finish(number, "complete", (1.0,))
    assert study.trials()[0].finished == BEFORE + 5


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_studies_of_before_are_read_from_optunas_times(kind: str, tmp_path: Path) -> None:
    storage = study_of(place_of(kind, tmp_path), options_of())
    template = study_module.optuna.trial.create_trial(
        state=study_module.TrialState.RUNNING, user_attrs=facts(0)
    )
    began = time.time()
    storage.storage.create_new_trial(storage._id, template)
    storage._change(0, study_module.TrialState.FAIL)
    (trial,) = study_of(place_of(kind, tmp_path), options_of()).trials()
    assert trial.started is not None
    assert trial.finished is not None
    assert began - 1 <= trial.started <= trial.finished <= time.time() + 1


_WORKER = """
import json, sys, time
from tests.evolution.engine import options_of, study_of
study = study_of(sys.argv[1], options_of())
began = time.time()
number = study.create("running", {"child": 0, "evaluation": 0, "attempt": 0})
study.finish(number, "complete", (0.5,))
print(json.dumps([began, time.time()]))
"""


def test_server_and_worker_in_two_time_zones(tmp_path: Path) -> None:
    pytest.importorskip("grpc", reason="grpcio is not installed")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    place = place_of("sqlite", tmp_path)
    line = (
        "from connsearch.evolution.study.storage import serve\n"
        f"serve({place!r}, host='localhost', port={port})"
    )
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "TZ": "Asia/Tokyo"}
    server = subprocess.Popen([sys.executable, "-c", line], env=environment)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _WORKER, f"grpc://localhost:{port}"],
            env={**environment, "TZ": "America/New_York"},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        server.kill()
        server.wait()
    began, ended = json.loads(done.stdout)
    (trial,) = study_of(place, options_of()).trials()
    assert trial.started is not None
    assert trial.finished is not None
    assert began <= trial.started <= trial.finished <= ended
