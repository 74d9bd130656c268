"""``connsearch evolve serve``: the study of an evolution, for machines without its files."""

from __future__ import annotations

import shlex
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
    storage: Annotated[str | None, Flag(metavar="PLACE")] = None
    """Where the study is kept, if not in the directory: the same --storage as in connsearch
    evolve."""
    host: str = "localhost"
    """Address to listen on; 0.0.0.0 for all addresses of this machine."""
    port: int = Field(default=13000, ge=1, le=65535)
    """Port to listen on."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Serves until interrupted."""
        from connsearch.evolution.study.address import in_url, is_loopback, reachable
        from connsearch.evolution.study.storage import serve
        from connsearch.evolution.study.study_directory import storage_of

        place, name = storage_of(self.run, self.storage)
        if not is_loopback(self.host):
            terminal.warn(
                "nobody is asked for a password: whoever reaches port "
                f"{self.port} of this machine can read and change the study\n"
                "  cure: a network you trust, or --host localhost and a tunnel, such as ssh -L"
            )
        address = f"{in_url(reachable(self.host))}:{self.port}"
        terminal.say(
            f"serving {self.run} at {in_url(self.host)}:{self.port}; on other machines:\n"
            f"  --storage grpc://{address} --name {shlex.quote(name)}"
        )
        serve(place, host=self.host, port=self.port)
        return {"command": "evolve serve", "run": str(self.run)}
