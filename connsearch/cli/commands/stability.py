"""``connsearch stability``: would another seed have found the same connections?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from connsearch.cli.command import Command
from connsearch.cli.outcome import say_pictures
from connsearch.cli.terminal import Terminal
from connsearch.runs.names import CONSENSUS
from connsearch.workflows.settings.stability import StabilitySettings

if TYPE_CHECKING:
    from connsearch.analysis.stability import Found
    from connsearch.pruning.pruner import Pruned

MOST_SHOWN = 20
"""Connections in the table on the terminal; the CSV has all."""


class Stability(StabilitySettings, Command):
    """Searches several times with different seeds, and shows how far the results agree.

    All searches see the same data. Each has a run directory of its own, which the other commands
    can work on. What at least half of them keep is the consensus.

    After an interruption, rerun the same command to resume; a larger --searches adds to what is
    there, and another --criterion looks at the same searches again.
    """

    BASIC: ClassVar[frozenset[str]] = frozenset(
        """
        run config seed searches streams attention json_line source frames stride fps size augment
        batch_size workers val_share epochs lr method temperature criterion budget device threads
        """.split()
    )

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Searches, or resumes, and returns frequencies, agreement and consensus."""
        from connsearch.workflows.stability import run_stability

        done = run_stability(self, terminal.listener())
        _show(done.directory, done.found, done.consensus, terminal)
        say_pictures([Path(path) for path in done.summary.pictures], terminal)
        return done.summary.to_json()


def _show(place: Path, found: Found, consensus: Pruned, terminal: Terminal) -> None:
    """Says which connections are kept most often, and what most searches agree on."""
    from connsearch.view.structures.tables import metrics_table

    ranked = sorted(found.rows(), key=lambda row: (-row.frequency, -row.weight))
    shown = [row.to_json() for row in ranked[:MOST_SHOWN]]
    title = f"the {len(shown)} connections kept most often, of {len(ranked)}"
    terminal.show(metrics_table(shown, title=title))
    terminal.say(
        f"consensus: {place / CONSENSUS} ({len(consensus.structure)} nodes, "
        f"{len(consensus.edges)} connections that at least half of the searches keep)"
    )
    for repair in consensus.repairs:
        terminal.warn(f"the consensus alone reaches no output: {repair}")
    terminal.say(found.verdict)
