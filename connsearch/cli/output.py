"""Standard output and the error stream: there, closed, full, or read by nobody any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TextIO

from connsearch.errors import Failure
from connsearch.files.disk import reason
from connsearch.view.console import Console

FAILED = 1


class OutputError(Failure, OSError):
    """Standard output or the error stream cannot be written, because of a full disk perhaps."""


def open_streams() -> None:
    """Opens what of the three standard streams is closed, so that no file takes its number.

    A checkpoint that is opened as number 1 would be written to by whatever prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] (it was closed)
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (as long as the process)
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


@contextmanager
def shown(stream: TextIO) -> Generator[None]:
    """Names the stream in what goes wrong while something is printed.

    Raises:
        OutputError: it cannot be written.
        BrokenPipeError: nobody reads it any more.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        nobody_reads(stream)
        name = "the error stream" if stream is sys.stderr else "standard output"
        cure = "free space where it goes to, or another place; what is done is kept"
        raise OutputError(f"{name}: cannot be written: {reason(error)}\n  cure: {cure}") from None


def nobody_reads(stream: TextIO) -> None:
    """Lets everything that is still written to the stream go nowhere."""
    with suppress(OSError, ValueError):  # a stream of a test has no number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def flushed(code: int) -> int:
    """Returns the exit code once all output is written: a failure where it cannot be."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            nobody_reads(stream)
        except OSError as error:
            nobody_reads(stream)
            complain(f"error: output cannot be written: {reason(error)}")
            code = code or FAILED
        except ValueError:  # closed by whoever runs this as a part of something else
            pass
    return code


def complain(text: str, *, style: str | None = "red") -> None:
    """Says something on the error stream; where that cannot be written, nobody is told."""
    try:
        Console().print(text, soft_wrap=True, style=style)
    except OSError:
        nobody_reads(sys.stderr)
