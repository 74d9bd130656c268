"""The study of an evolution, for machines without its files: :func:`evolve_serve`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from connsearch.evolution.study.address import in_url, is_loopback, reachable
from connsearch.evolution.study.storage import serve
from connsearch.evolution.study.study_directory import storage_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.evolve_serve import EvolveServeSettings


def evolve_serve(run: str | Path, *, progress: Progress = True, **settings: Any) -> None:
    """Shares the study of an evolution with other machines; returns when it is interrupted.

    Whoever reaches the port can read and write the study without a password.

    Args:
        run: the directory of an evolution.
        progress: True shows where it is served, False nothing; a function hears every event.
        settings: any option of ``connsearch evolve serve`` by its name: ``port=13001``.

    Raises:
        UserError: a setting cannot be used, there is no such evolution, or the port is taken.
    """
    run_evolve_serve(EvolveServeSettings.of(run=Path(run), **settings), Listener.of(progress))


def run_evolve_serve(asked: EvolveServeSettings, listener: Listener) -> None:
    """Serves the study that was asked for until it is interrupted.

    Raises:
        UserError: as for :func:`evolve_serve`.
    """
    place, name = storage_of(asked.run, asked.storage)
    if not is_loopback(asked.host):
        listener.warn(
            "there is no password: anybody who can reach port "
            f"{asked.port} of this machine can read and change the study\n"
            "  cure: a network you trust, or --host localhost and a tunnel, such as ssh -L"
        )
    address = f"{in_url(reachable(asked.host))}:{asked.port}"
    listener.say(
        f"serving {asked.run} at {in_url(asked.host)}:{asked.port}; on other machines:\n"
        f"  --storage grpc://{address} --name {shlex.quote(name)}"
    )
    serve(place, host=asked.host, port=asked.port)
