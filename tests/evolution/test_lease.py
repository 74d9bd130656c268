"""Who still lives: by process on one machine, by one's own clock on others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from connsearch.evolution.study import lease as lease_module
from connsearch.evolution.study.lease import DEFAULT_LEASE, Watch, here, is_gone, lease


class Clock:
    """Seconds that go forward when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def of(pid: int) -> dict[str, object]:
    """The lease of another process of this machine."""
    return {**lease("other", length=60.0), "pid": pid, "born": lease_module._born(pid)}


ELSEWHERE = {**lease("far", length=10.0), "host": "far", "place": "another boot/pid:[1]"}


def test_this_process_lives() -> None:
    assert here()["pid"] == os.getpid()
    assert not is_gone(lease("me", length=1.0))


@pytest.mark.skipif(lease_module._place() is None, reason="this system has no /proc")
def test_a_dead_process_is_gone_at_once(sleeper: subprocess.Popen[bytes]) -> None:
    holder = of(sleeper.pid)
    assert not is_gone(holder)
    sleeper.kill()
    sleeper.wait()
    assert is_gone(holder)
    assert Watch(Clock()).has_run_out(1, holder)


@pytest.mark.skipif(lease_module._place() is None, reason="this system has no /proc")
def test_a_zombie_is_gone(sleeper: subprocess.Popen[bytes]) -> None:
    holder = of(sleeper.pid)
    os.kill(sleeper.pid, signal.SIGKILL)
    for _ in range(200):  # nobody has waited for it yet
        if is_gone(holder):
            break
        time.sleep(0.01)
    assert is_gone(holder)
    assert os.path.exists(f"/proc/{sleeper.pid}"), "it is still listed"


@pytest.mark.skipif(lease_module._place() is None, reason="this system has no /proc")
def test_another_process_with_the_same_number_is_not_the_holder() -> None:
    assert is_gone({**lease("old", length=60.0), "born": "17"})


def test_a_process_elsewhere_is_never_judged_by_its_number() -> None:
    dead = {**ELSEWHERE, "pid": 999_999_999, "born": "1"}
    assert not is_gone(dead)
    assert not is_gone({**dead, "place": None})


def test_a_lease_runs_out_by_the_clock_of_whoever_looks() -> None:
    clock = Clock()
    watch = Watch(clock)
    assert not watch.has_run_out(1, ELSEWHERE), "seen for the first time"
    clock.now += 9.9
    assert not watch.has_run_out(1, ELSEWHERE)
    assert not watch.has_run_out(1, {**ELSEWHERE, "beat": 1}), "renewed"
    clock.now += 9.9
    assert not watch.has_run_out(1, {**ELSEWHERE, "beat": 1})
    clock.now += 0.2
    assert watch.has_run_out(1, {**ELSEWHERE, "beat": 1})


def test_whoever_has_only_begun_to_look_judges_nobody() -> None:
    clock = Clock()
    clock.now += 1e9
    assert not Watch(clock).has_run_out(1, {**ELSEWHERE, "beat": 3})


def test_a_trial_without_a_lease_has_the_time_of_one() -> None:
    for length, watch in ((DEFAULT_LEASE, None), (3.0, 3.0)):
        clock = Clock()
        looks = Watch(clock) if watch is None else Watch(clock, unsigned=watch)
        assert not looks.has_run_out(1, None)
        clock.now += length - 0.1
        assert not looks.has_run_out(1, None)
        clock.now += 0.2
        assert looks.has_run_out(1, None)


def test_a_forgotten_trial_begins_anew() -> None:
    clock = Clock()
    watch = Watch(clock)
    watch.has_run_out(1, ELSEWHERE)
    clock.now += 60
    watch.forget(1)
    assert not watch.has_run_out(1, ELSEWHERE)
