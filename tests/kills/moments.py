"""A function killed at every single one of its operations on files, each time in a fork."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.kills.operations import Moment, kill_at, watch
from tests.kills.trees import differences, tree

Work = Callable[[Path], object]

INTERRUPTED = 130


def unlike_the_whole(
    work: Work, home: Path, *, prepare: Work = lambda _: None, every: int = 1
) -> list[str]:
    """Returns where a killed and repeated work does not end like an undisturbed one.

    Args:
        work: writes below the directory it is given; called again, it goes on.
        home: an empty directory; each time it works in a new one in there.
        prepare: what stands there before.
        every: kill at every so manyth operation only.
    """
    whole = home / "whole"
    whole.mkdir()
    prepare(whole)
    kinds = _kinds(lambda: work(whole), whole)
    assert kinds
    found: list[str] = []
    for moment in list(_moments(kinds))[::every]:
        place = home / f"{moment.number}-{moment.torn}-{moment.interrupt}"
        place.mkdir()
        prepare(place)
        ended = _forked(partial(_killed, work, place, moment))
        assert ended in (-signal.SIGKILL, INTERRUPTED, 0), f"{moment}: {ended}"
        work(place)
        found += [f"{moment}: {line}" for line in differences(tree(whole), tree(place))]
    return found


def _killed(work: Work, place: Path, moment: Moment) -> None:
    kill_at(moment, place)
    work(place)


def _moments(kinds: Sequence[str]) -> Iterator[Moment]:
    """Every operation; every sync once more with half of what it syncs; a Ctrl-C here and there."""
    for number, kind in enumerate(kinds):
        yield Moment(number)
        if kind == "fsync":
            yield Moment(number, torn=True)
        if number % 4 == 1:
            yield Moment(number, interrupt=True)


def _kinds(work: Callable[[], object], root: Path) -> list[str]:
    """What an undisturbed work does to files."""
    told, heard = os.pipe()

    def listened() -> None:
        found: list[str] = []
        watch(root, lambda _, kind, __: found.append(kind))
        work()
        os.write(heard, " ".join(found).encode())

    code = _forked(listened)
    os.close(heard)
    with os.fdopen(told) as file:
        assert code == 0, f"it ended with {code}"
        return file.read().split()


def _forked(work: Callable[[], object]) -> int:
    """Returns how a fork of this process ended that did this work: its code, or minus a signal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries, all asleep
        child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            work()
            code = 0
        except KeyboardInterrupt:
            code = INTERRUPTED
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
