"""``connsearch compare``: is the found wiring better than random ones like it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from connsearch.cli.analyses import place_for, require_val, training_record
from connsearch.cli.command import Command, Flag
from connsearch.cli.outcome import say_pictures
from connsearch.cli.searched import open_searched
from connsearch.cli.target import open_structure
from connsearch.cli.terminal import Terminal
from connsearch.errors import SettingsError
from connsearch.pruning.options import PruneOptions
from connsearch.runs.documents import write_form
from connsearch.runs.formats.analyses import (
    CompareRow,
    CompareSummary,
    DifferenceRecord,
    OverSeeds,
    TrainingBudget,
)
from connsearch.runs.ledger import Ledger
from connsearch.runs.logs import write_table
from connsearch.runs.names import COMPARE, SUMMARY, table

if TYPE_CHECKING:
    from connsearch.analysis.compare import Verdict, Wiring
    from connsearch.analysis.searched_run import SearchedRun
    from connsearch.analysis.wirings import WiringSampler
    from connsearch.pruning.pruner import Pruned
    from connsearch.training.options import TrainOptions

MANY_SEEDS = 5
"""Up to so many seeds have a column each in the table."""


class Compare(Command):
    """Compares the wiring a search has found with random ones, and says whether it is better.

    Random wirings have the same nodes, the same number of connections and about the same cost.

    All are trained from scratch alike, with the same seeds; their connection weights learn from the
    start, so that the found one brings its wiring along and nothing else.

    Interrupted or killed, the same line goes on where it was; larger counts add to what is there.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    random: int = Field(default=5, ge=2, le=1000)
    """Number of random wirings, at least two."""
    seeds: int = Field(default=3, ge=2, le=1000)
    """Number of trainings of each wiring, with different first weights and order of clips."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """First seed; the other trainings use the seeds after it. It also decides the random
    wirings."""
    epochs: int | None = Field(default=None, ge=1)
    """Epochs of each training; by default as in the search."""
    steps: int | None = Field(default=None, ge=1)
    """Stop each training after this many steps; by default as in the search, or after all epochs if
    --epochs is given."""
    macs_tolerance: float = Field(default=0.1, gt=0, le=10)
    """Largest difference in MACs between a random wiring and the found one, as a share."""
    pruned: Annotated[Path | None, Flag(metavar="DIR")] = None
    """A pruned network of this search, from connsearch prune; by default the search is pruned by
    --criterion."""
    open_test: Annotated[bool, Flag(switch=True)] = False
    """Evaluate on the test split instead of val. Do this once, at the end."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the results; by default RUN/compare."""
    pruning: PruneOptions = PruneOptions()

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Compares, or goes on, and returns the rows, the difference and the verdict."""
        place = place_for(self.run, COMPARE, self.output)
        with open_searched(self.run, terminal) as searched:
            return self._measured(searched, place, terminal)

    def _measured(
        self, searched: SearchedRun, place: Path, terminal: Terminal
    ) -> Mapping[str, Any]:
        from connsearch.analysis.compare import judge, rows, units, wirings
        from connsearch.analysis.searched_run import budget
        from connsearch.analysis.units import work_through

        require_val(searched)
        lot = self._lot(searched)
        drawn = lot.draw(self.random, seed=self.seed)
        compared = wirings(lot.found.structure, [one.structure for one in drawn])
        options = budget(searched.options, epochs=self.epochs, steps=self.steps)
        seeds = range(self.seed, self.seed + self.seeds)
        self._introduce(lot, compared, terminal)
        with Ledger(place, self._settings(lot.found, lot.mode, options)) as ledger:
            split = "test" if self.open_test else "val"
            work = units(searched, compared, options, seeds, place, open_test=self.open_test)
            results = terminal.work_through(work_through(ledger, work), "trainings")
            scores = rows(results, compared, seeds, split)
            measure = "mAP" if searched.data.train.num_classes else "accuracy"
            verdict = judge(scores, measure=measure, split=split)
            report = self._report(scores, verdict, options, split, measure)
            return self._write(place, report, terminal)

    def _lot(self, searched: SearchedRun) -> WiringSampler:
        """What random wirings are drawn like.

        Raises:
            SettingsError: ``--pruned`` beside settings of a pruning.
        """
        from connsearch.analysis.wirings import WiringSampler, pruned_from
        from connsearch.pruning.pruner import prune_by

        mode = self.pruning.mode
        if self.pruned is None:
            found = prune_by(searched.structure, self.pruning)
        elif self.pruning != PruneOptions():
            raise SettingsError("--pruned is pruned already; leave out --criterion and its like")
        else:
            smaller = open_structure(str(self.pruned))
            found, mode = pruned_from(searched.structure, smaller, name=str(self.pruned))
        tolerance = self.macs_tolerance
        return WiringSampler(
            searched.structure, found, mode, lambda s: searched.cost(s).macs, tolerance
        )

    def _settings(self, found: Pruned, mode: str, options: TrainOptions) -> Mapping[str, Any]:
        """Everything that decides a result; how many there are does not belong here."""
        return {
            "command": "compare",
            "found": sorted(found.edges),
            "mode": mode,
            "seed": self.seed,
            "macs_tolerance": self.macs_tolerance,
            "training": training_record(options),
        }

    def _introduce(
        self, lot: WiringSampler, compared: Sequence[Wiring], terminal: Terminal
    ) -> None:
        costs = [lot.macs(wiring.structure) for wiring in compared]
        terminal.say(
            f"found: {len(lot.found.structure)} nodes, {len(lot.found.edges)} of "
            f"{len(lot.space.edges())} connections, {costs[0]:,} MACs; {self.random} random "
            f"wirings of as many, {min(costs[1:]):,} to {max(costs[1:]):,} MACs"
        )
        if self.open_test:
            terminal.warn("the test split is opened: what it says is no basis for a choice now")

    def _report(
        self,
        scores: Sequence[CompareRow],
        verdict: Verdict,
        options: TrainOptions,
        split: str,
        measure: str,
    ) -> CompareSummary:
        from connsearch.analysis.statistics import as_json

        found, needed = verdict.difference, verdict.needed
        return CompareSummary(
            command="compare",
            run=self.run,
            verdict=verdict.sentence,
            difference=DifferenceRecord(
                **as_json(found),
                n=found.seeds,
                needed=needed.seeds,
                needed_random=needed.wirings,
            ),
            over_seeds=OverSeeds(**as_json(verdict.over_seeds), needed=verdict.pairs),
            seeds=self.seeds,
            random=self.random,
            split=split,
            measure=measure,
            budget=TrainingBudget(epochs=options.schedule.epochs, steps=options.schedule.steps),
            rows=list(scores),
        )

    def _write(self, place: Path, report: CompareSummary, terminal: Terminal) -> Mapping[str, Any]:
        """Shows and writes everything, the summary last."""
        from connsearch.view.runs.baselines import comparison_pictures
        from connsearch.view.structures.tables import metrics_table

        write_table(place / table(COMPARE), CompareRow, report.rows)
        measure, found = f"{report.measure} on {report.split}", report.difference
        assert found is not None, "there are rows"
        drawn = [row.to_json() for row in report.rows]
        pictures = comparison_pictures(place, drawn, found.to_json(), measure=measure)
        rows = _by_wiring(report.rows, by_seed=self.seeds <= MANY_SEEDS)
        terminal.show(metrics_table(rows, title=measure))
        if found.p is not None:
            terminal.say(
                f"p = {found.p:.3g} (by rank {found.p_rank:.3g}); effect "
                f"{found.effect_size:+.2f} standard deviations of random wirings"
            )
        terminal.say(report.verdict)
        say_pictures(pictures, terminal)
        paths = {"output": str(place), "pictures": [str(path) for path in pictures]}
        report = report.model_copy(update=paths)
        write_form(place / SUMMARY, report)
        return report.to_json()


def _by_wiring(rows: Sequence[CompareRow], *, by_seed: bool) -> list[dict[str, Any]]:
    """One row a wiring: its mean score, those of every seed if asked for, and its cost."""
    table: list[dict[str, Any]] = []
    for draw in sorted({row.draw for row in rows}):
        own = [row for row in rows if row.draw == draw]
        scores = {f"seed {row.seed}": row.accuracy for row in own}
        line = {"wiring": f"random {draw}" if draw else "found"}
        line |= {"mean": sum(scores.values()) / len(scores)} | (scores if by_seed else {})
        table.append({**line, "MACs": own[0].macs})
    return table
