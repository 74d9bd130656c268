"""Where work on a number of things is: a bar on a terminal, a plain line now and then in a pipe."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from connsearch.cli.console import Console
from connsearch.cli.progress import SECONDS_BETWEEN_LINES, duration


class Count(Protocol):
    """Is told how far the work is."""

    def __call__(self, done: int, total: int, state: str = "") -> None:
        """Shows it."""
        ...


@contextmanager
def counting(console: Console, what: str) -> Generator[Count]:
    """Gives what shows how many of a number of things are done, and the time left."""
    start = time.monotonic()

    def left(done: int, total: int) -> str:
        return f"{duration((time.monotonic() - start) / done * (total - done))} left"

    if not console.is_terminal:
        last = float("-inf")

        def line(done: int, total: int, state: str = "") -> None:
            nonlocal last
            if done == total or time.monotonic() - last >= SECONDS_BETWEEN_LINES:
                last = time.monotonic()
                parts = f"{what} {done}/{total}", state, left(done, total)
                text = "  ".join(part for part in parts if part)
                console.print(text, soft_wrap=True)

        yield line
        return
    columns = (
        TextColumn(what, markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}  {task.fields[left]}", markup=False),
    )
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        task = progress.add_task("", total=None, state="", left="")

        def bar(done: int, total: int, state: str = "") -> None:
            progress.update(task, completed=done, total=total, state=state, left=left(done, total))

        yield bar
