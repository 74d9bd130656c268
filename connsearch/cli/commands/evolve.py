"""``connsearch evolve``: let the blocks of a structure evolve, with any number of workers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from connsearch.cli.command import Command
from connsearch.cli.terminal import Terminal
from connsearch.runs.names import BEST
from connsearch.workflows.settings.evolve import EvolveSettings

if TYPE_CHECKING:
    from connsearch.workflows.evolve import Evolved


class Evolve(EvolveSettings, Command):
    """Evolves the blocks of a structure: each child is a short search of its own connections.

    Children are offspring of good parents; what a parent's connections have learned guides how its
    child is connected. Without arguments: from a small structure, on built-in data.

    The same command on another terminal or machine joins as a second worker. After an interruption,
    rerun it to resume; --rounds can be raised later.
    """

    BASIC: ClassVar[frozenset[str]] = frozenset(
        """
        run config seed storage simulate json_line source frames stride size augment batch_size
        workers val_share population objectives budget elites inherit rounds hours epochs lr device
        threads
        """.split()
    )

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Evolves, joins or resumes, and returns the best child and what became of all."""
        from connsearch.view.evolution.tables import population_table
        from connsearch.workflows.evolve import run_evolve

        found = run_evolve(self, terminal.listener())
        if found.story.winner is not None:
            terminal.show(population_table(found.story))
            _advise(found, found.story.winner, terminal)
        return found.summary.to_json()


def _advise(found: Evolved, number: int, terminal: Terminal) -> None:
    """Says which child is best, and what can be done with it."""
    from connsearch.evolution.study.pointer import needed_storage
    from connsearch.evolution.study.study_directory import CHILDREN

    history, directory = found.history, found.directory
    judged = history.judged[number]
    count = len(judged.values)
    terminal.say(f"best: child {number}, written to {directory / BEST}")
    others = sum(1 for one in history.judged.values() if one.values)
    if count == 1 and others > 1:
        terminal.say(
            f"  its value is the greatest of {others}, each measured once: expect less when it is "
            "trained again (--elites judges the best ones again)"
        )
    run = str(judged.trials[min(judged.trials)].facts["result"].get("run"))
    if re.fullmatch(r"\d+-\d+", run) and (directory / CHILDREN / run).is_dir():
        terminal.say(f"  connsearch prune {directory / CHILDREN / run}")
    elsewhere = needed_storage(directory)
    terminal.say(f"  connsearch lineage {directory} {number}{elsewhere}")
    terminal.say(f"  connsearch evolve report {directory}{elsewhere}")
