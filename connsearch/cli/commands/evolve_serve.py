"""``connsearch evolve serve``: the study of an evolution, for machines without its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.workflows.settings.evolve_serve import EvolveServeSettings


class EvolveServe(EvolveServeSettings, Command):
    """Shares the study of an evolution with other machines, until it is interrupted.

    Workers on other machines add --storage grpc://HOST:PORT --name NAME to the command that started
    the evolution; the name is that of the run directory here. Anybody who can reach the port can
    read and write the study without a password: use it in a trusted network.
    """

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Serves until interrupted."""
        from connsearch.workflows.evolve_serve import run_evolve_serve

        run_evolve_serve(self, terminal.listener())
        return {"command": "evolve serve", "run": str(self.run)}
