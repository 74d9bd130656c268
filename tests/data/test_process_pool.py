from __future__ import annotations

import os
import signal
import time

import pytest

from connsearch.data.tools import process_pool as crew
from connsearch.data.tools.process_pool import Done, do_jobs
from connsearch.errors import DataError, Failure


def work(job: str) -> str:
    if job == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if job == "leave":
        os._exit(3)
    if job == "hang":
        time.sleep(600)
    if job == "bad":
        raise DataError("bad: in words")
    if job == "full":
        raise OSError(28, "No space left on device")
    return job.upper()


def done(jobs: list[str], workers: int = 2, seconds: float = 60.0) -> dict[str, Done[str, str]]:
    ended = list(do_jobs(jobs, work, workers=workers, seconds=lambda _: seconds))
    assert sorted(d.job for d in ended) == sorted(jobs)
    return {d.job: d for d in ended}


def test_a_crash_costs_the_job_that_crashed_only() -> None:
    found = done(["a", "crash", "b", "bad", "leave", "c", "d"])
    assert {job: d.result for job, d in found.items()} == {
        **{job: job.upper() for job in "abcd"},
        **dict.fromkeys(("crash", "bad", "leave")),
    }
    assert found["crash"].reason.startswith("kills the process that reads it (SIGKILL); cure:")
    assert found["leave"].reason.startswith("kills the process that reads it (exit code 3)")
    assert found["bad"].reason == "bad: in words"


def test_a_job_that_hangs_is_ended() -> None:
    start = time.monotonic()
    found = done(["hang", "a"], seconds=2.5)
    assert found["hang"].reason.startswith("not done within 2.5 s; cure:")
    assert found["a"].result == "A"
    assert time.monotonic() - start < 60


def slow(job: str) -> int:
    time.sleep(0.5)
    return os.getpid()


def test_jobs_that_take_long_bring_no_more_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_LOOK", 0.1)  # looked at again and again while they work
    found = list(do_jobs(list("abcdef"), slow, workers=2, seconds=lambda _: 60.0))
    assert sorted(done.job for done in found) == list("abcdef")
    assert len({done.result for done in found}) == 2


def test_closing_ends_the_processes() -> None:
    start = time.monotonic()
    work_of_many = do_jobs(["a", "hang", "hang2"], work, workers=2, seconds=lambda _: 600.0)
    assert next(work_of_many).job == "a"
    work_of_many.close()
    assert time.monotonic() - start < 60


def test_another_error_stops_the_work() -> None:
    with pytest.raises(
        Failure, match=r"OSError: .*No space left on device\n  .*rerun the same command"
    ):
        done(["a", "full", "b"])


def test_nothing_to_do_ends_at_once() -> None:
    assert done([]) == {}
