"""``connsearch evolve serve``: the study of an evolution, for machines without its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.terminal import Terminal


class EvolveServe(Command):
    """Shares the study of an evolution with other machines, until it is interrupted.

    Workers elsewhere add --storage grpc://HOST:PORT --name NAME to the line that began the
    evolution; the name is that of the run directory here. Whoever reaches the port can read and
    write the study without a password: use it in a network you trust.
    """

    run: Annotated[Path, Flag(positional=True)]
    """The directory of an evolution."""
    host: str = "localhost"
    """The address to listen at; 0.0.0.0 for all of this machine's."""
    port: int = Field(default=13000, ge=1, le=65535)
    """The port to listen at."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Serves until interrupted."""
        from connsearch.evolve.place import storage_of
        from connsearch.evolve.storage import serve

        storage, name = storage_of(self.run)
        terminal.say(
            f"serving {self.run} at {self.host}:{self.port}; on other machines:\n"
            f"  --storage grpc://{self.host}:{self.port} --name {name}"
        )
        serve(storage, host=self.host, port=self.port)
        return {"command": "evolve serve", "run": str(self.run)}
