"""Command lines in forks of a process that has imported everything: each costs its work alone.

The parent must not compute with torch: threads do not survive a fork.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kills.operations import Moment, kill_at, watch

_HEAVY = (
    "torch numpy scipy.stats pandas matplotlib.pyplot matplotlib.backends.backend_agg "
    "matplotlib.backends.backend_svg networkx optuna graphviz av PIL.Image torchmetrics jinja2 "
    "rich.progress rich.live safetensors.torch multiprocessing.spawn"
).split()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a line ended.

    Attributes:
        code: its exit code; negative: the signal that killed it.
        text: what it printed.
        seconds: how long it took.
        operations: what it did to files, as (kind, path below the directory); none when killed.
    """

    code: int
    text: str
    seconds: float
    operations: tuple[tuple[str, str], ...] = ()


def import_everything() -> None:
    """Imports what the commands import, theirs and ours, so that no fork has to."""
    for name in _HEAVY:
        importlib.import_module(name)
    package = Path(__file__).resolve().parents[2] / "connsearch"
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if "__main__" not in parts:
            importlib.import_module(".".join(parts).removesuffix(".__init__"))


def run(
    line: Sequence[str],
    directory: Path,
    *,
    moment: Moment | float | None = None,
    prepare: Callable[[], None] | None = None,
) -> Ended:
    """Returns how a line ended that was run in a directory, by a process of its own.

    Args:
        line: arguments of ``connsearch``.
        directory: where it runs.
        moment: when it is killed: at an operation, or after so many seconds; None: never.
        prepare: is called in the fork first.
    """
    output = directory.parent / f"{directory.name}.output"
    listed = directory.parent / f"{directory.name}.operations"
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(line, directory, output, listed, moment, prepare)
    if isinstance(moment, float):
        _wait(child, until=begun + moment)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - begun
    operations: tuple[tuple[str, str], ...] = ()
    if listed.exists():
        operations = tuple((kind, path) for kind, path in json.loads(listed.read_text()))
        listed.unlink()
    text = output.read_text(errors="replace")
    return Ended(os.waitstatus_to_exitcode(status), text, seconds, operations)


def _wait(child: int, *, until: float) -> None:
    """Kills a process when its time has come, unless it has ended by then."""
    while time.monotonic() < until:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)


def _become(
    line: Sequence[str],
    directory: Path,
    output: Path,
    listed: Path,
    moment: Moment | float | None,
    prepare: Callable[[], None] | None,
) -> None:
    """Runs the line in this process, and ends it."""
    code = 99
    try:
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(directory)
        found: list[tuple[str, str]] = []
        if prepare is not None:
            prepare()
        if isinstance(moment, Moment):
            kill_at(moment, directory)
        elif moment is None:
            watch(directory, lambda _, kind, path: found.append((kind, path)))
        from connsearch.cli.app import main

        code = main(list(line))
        sys.stdout.flush()
        sys.stderr.flush()
        if moment is None:
            listed.write_text(json.dumps(found))
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
