"""Signals: at once, or when what must not be torn is whole, and as they were afterwards."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from connsearch.files import stopping
from connsearch.files.stopping import Stopped, handle_signals, postpone_signals

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def _heard_here() -> Iterator[None]:
    """What a shell does to work in the background, to ignore signals, is undone."""
    before = [signal.signal(number, signal.default_int_handler) for number in SIGNALS]
    yield
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "_say", lambda text: None)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_work_at_once(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt) as caught, handle_signals():
        send(number)
    assert isinstance(caught.value, Stopped)
    assert caught.value.number == number
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_held_waits_until_it_is_looked_at(number: signal.Signals) -> None:
    done: list[str] = []

    def work() -> None:
        with handle_signals(), postpone_signals() as signals:
            send(number)
            assert signals.asked
            done.append("checkpoint")
            signals.end()
            done.append("never")

    with pytest.raises(Stopped):
        work()
    assert done == ["checkpoint"]


def test_a_signal_nobody_looked_at_is_not_forgotten() -> None:
    done: list[str] = []

    def work() -> None:
        with handle_signals():
            with postpone_signals():
                send(signal.SIGTERM)
                done.append("whole")
            done.append("never")

    with pytest.raises(Stopped):
        work()
    assert done == ["whole"]


def test_the_second_signal_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "_ECHO", 0.0)
    done: list[str] = []

    def work() -> None:
        with handle_signals(), postpone_signals():
            send(signal.SIGTERM)
            done.append("first")
            send(signal.SIGTERM)
            done.append("never")

    with pytest.raises(Stopped):
        work()
    assert done == ["first"]


def test_the_same_signal_sent_twice_in_a_moment_is_one() -> None:
    done: list[str] = []

    def work() -> None:
        with handle_signals(), postpone_signals() as signals:
            send(signal.SIGTERM)
            send(signal.SIGTERM)
            done.append("whole")
            assert signals.asked

    with pytest.raises(Stopped):
        work()
    assert done == ["whole"]


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with handle_signals():
            send(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_library_keeps_its_own_handlers() -> None:
    found: list[object] = []

    def work() -> None:
        with handle_signals():
            found.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]
    with postpone_signals() as signals:  # nothing was installed, so nothing is asked
        assert not signals.asked
