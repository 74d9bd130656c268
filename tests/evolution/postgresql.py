"""A PostgreSQL server of the system's packages, started for a test and stopped after it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest


def binaries() -> Path | None:
    """Returns the folder of initdb and pg_ctl, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return found[-1].parent if found else None


@contextmanager
def running() -> Iterator[str]:
    """Yields the URL of an empty database on a fresh server that listens on a socket only.

    Raises:
        RuntimeError: it cannot be started here, and why.
    """
    folder = binaries()
    if folder is None:
        raise RuntimeError("no /usr/lib/postgresql/*/bin/pg_ctl: PostgreSQL is not installed")
    root = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # the path of a socket is short
    prefix: list[str] = []
    user = pwd.getpwuid(os.getuid()).pw_name
    if os.getuid() == 0:  # it refuses to run as root
        user = "nobody"
        if shutil.which("setpriv") is None:
            raise RuntimeError("PostgreSQL refuses to run as root, and there is no setpriv")
        prefix = ["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups"]
        os.chown(root, pwd.getpwnam(user).pw_uid, -1)

    def call(*command: str | Path) -> None:
        line: Sequence[str] = [*prefix, *(str(part) for part in command)]
        done = subprocess.run(line, cwd=root, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"{' '.join(line)}: {done.stdout}{done.stderr}")

    data, log = root / "data", root / "log"
    try:
        call(folder / "initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync")
        options = f"-k {root} -c listen_addresses='' -c max_connections=60"
        call(folder / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://tester@/postgres?host={root}"
        finally:
            call(folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def server(_: Path | None = None) -> Iterator[str]:
    """Yields what :func:`running` yields; skips the test where it cannot."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    try:
        context = running()
        url = context.__enter__()
    except RuntimeError as error:
        pytest.skip(str(error))
    try:
        yield url
    finally:
        context.__exit__(None, None, None)
