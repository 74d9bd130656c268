"""Which worker has a trial, and whether it is still alive.

A lease is renewed while its worker lives. It has run out when its process is gone (seen only on the
same machine), or when it was not renewed for its whole length by the clock of the observer: clocks
of different machines are never compared.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

DEFAULT_LEASE = 60.0
"""Seconds without a renewal after which a worker counts as dead."""


def here() -> dict[str, Any]:
    """Returns what identifies this process among all others, as JSON values."""
    pid = os.getpid()
    return {"host": socket.gethostname(), "place": _place(), "pid": pid, "born": _born(pid)}


def lease(worker: str, *, length: float, beat: int = 0, token: str = "") -> dict[str, Any]:
    """Returns a lease of this process, as JSON values; the token is one worker's alone."""
    return {"worker": worker, "token": token, "length": length, "beat": beat, **here()}


def is_gone(holder: Mapping[str, Any]) -> bool:
    """Returns whether the process that holds a lease is known to be dead.

    Only one on this machine, started since the machine was, can be known to be.
    """
    if holder.get("place") is None or holder["place"] != _place():
        return False
    return _born(int(holder["pid"])) != holder["born"]


class Watch:
    """Remembers when it last saw each lease renewed.

    Args:
        clock: seconds that only go forward.
        unsigned: length of a lease that its worker has not written yet.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, unsigned: float = DEFAULT_LEASE
    ) -> None:
        self._clock, self._unsigned = clock, unsigned
        self._seen: dict[int, tuple[object, float]] = {}

    def has_run_out(self, trial: int, holder: Mapping[str, Any] | None) -> bool:
        """Returns whether the lease of a running trial has run out.

        Args:
            trial: its number.
            holder: its lease; None where its worker has not written one yet.
        """
        if holder is not None and is_gone(holder):
            return True
        sign = None if holder is None else (holder["worker"], holder["beat"])
        known = self._seen.get(trial)
        if known is None or known[0] != sign:
            self._seen[trial] = (sign, self._clock())
            return False
        length = self._unsigned if holder is None else float(holder["length"])
        return self._clock() - known[1] > length

    def forget(self, trial: int) -> None:
        """Drops what is known of a trial that has ended."""
        self._seen.pop(trial, None)


def _place() -> str | None:
    """The boot and process namespace of this machine; None if the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def _born(pid: int) -> str | None:
    """When a process was started, in ticks since the machine was; None if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
