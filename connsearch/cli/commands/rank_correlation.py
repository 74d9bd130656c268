"""``connsearch rank-correlation``: does the supernet rank sub-networks as training alone does?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from connsearch.cli.analyses import place_for, require_val, training_record
from connsearch.cli.command import Command, Flag
from connsearch.cli.outcome import say_pictures
from connsearch.cli.searched import open_searched
from connsearch.cli.terminal import Terminal
from connsearch.runs.documents import write_form
from connsearch.runs.formats.analyses import RankRow, RankSummary, TrainingBudget
from connsearch.runs.formats.ledger import RankedUnit
from connsearch.runs.ledger import Ledger
from connsearch.runs.logs import write_table
from connsearch.runs.names import RANK_CORRELATION, SUMMARY, table

if TYPE_CHECKING:
    from connsearch.analysis.agreement import Estimate
    from connsearch.analysis.rank_correlation import RankAgreement
    from connsearch.analysis.searched_run import SearchedRun


class RankCorrelation(Command):
    """Tests whether the supernet ranks its sub-networks as training each of them alone does.

    Random sub-networks of various sizes are judged with the weights they inherit, after their
    batch-norm statistics were set anew, and trained alone for a short while.

    Kendall's tau of both rankings stands beside that of mere size: a supernet that ranks no better
    than the number of multiply-accumulates was not needed for the ranking.

    Interrupted or killed, the same line goes on where it was; a larger --subnets adds to what is
    there.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    subnets: int = Field(default=12, ge=3, le=10_000)
    """Number of random sub-networks."""
    epochs: int | None = Field(default=None, ge=1)
    """Epochs of each training alone; by default a quarter of those of the search."""
    steps: int | None = Field(default=None, ge=1)
    """Stop each training after this many steps; by default after all epochs."""
    seed: int = Field(default=0, ge=0, lt=2**62)
    """Seed of the sub-networks, their first weights and the order of the clips."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the results; by default RUN/rank_correlation."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Tests, or goes on, and returns the rows, the taus and the verdict."""
        place = place_for(self.run, RANK_CORRELATION, self.output)
        with open_searched(self.run, terminal) as searched:
            return self._measured(searched, place, terminal)

    def _measured(
        self, searched: SearchedRun, place: Path, terminal: Terminal
    ) -> Mapping[str, Any]:
        from connsearch.analysis.rank_correlation import judge, sample, units
        from connsearch.analysis.searched_run import budget
        from connsearch.analysis.units import work_through

        require_val(searched)
        drawn = sample(searched.structure, self.subnets, seed=self.seed)
        usual = max(1, round(searched.options.schedule.epochs / 4))
        epochs = usual if self.epochs is None else self.epochs
        options = budget(searched.options, epochs=epochs, steps=self.steps)
        options = options.with_values(seed=self.seed)
        settings = {
            "command": "selftest",  # as the ledgers of earlier versions have it
            "seed": self.seed,
            "training": training_record(options),
        }
        with Ledger(place, settings) as ledger:
            work = units(searched, drawn, options, place)
            results = terminal.work_through(work_through(ledger, work), "sub-networks")
            rows = [_row(name, results.read(name, RankedUnit)) for name in work]
            measure = "mAP" if searched.data.train.num_classes else "accuracy"
            ranking = judge(rows, seed=self.seed)
            report = RankSummary(
                command="rank-correlation",
                run=self.run,
                subnets=self.subnets,
                split="val",
                measure=measure,
                budget=TrainingBudget(epochs=options.schedule.epochs, steps=options.schedule.steps),
                verdict=ranking.verdict,
                **_flat("", ranking.supernet),
                **_flat("flops_", ranking.macs),
                **_flat("connections_", ranking.connections),
                **_flat("gain_", ranking.gain),
                rows=rows,
            )
            return self._write(place, report, ranking, terminal)

    def _write(
        self,
        place: Path,
        report: RankSummary,
        ranking: RankAgreement,
        terminal: Terminal,
    ) -> Mapping[str, Any]:
        """Shows and writes everything, the summary last; returns the whole report."""
        from connsearch.view.runs.baselines import ranking_pictures
        from connsearch.view.structures.tables import metrics_table

        write_table(place / table(RANK_CORRELATION), RankRow, report.rows)
        taus = {
            "supernet": ranking.supernet,
            "macs": ranking.macs,
            "connections": ranking.connections,
        }
        words = {name: f"tau {tau}" for name, tau in taus.items()}
        drawn = [row.to_json() for row in report.rows]
        pictures = ranking_pictures(place, drawn, words, measure=report.measure)
        shown = [
            {"ranked by": name, "tau": tau.value, "95% interval": tau.interval}
            for name, tau in taus.items()
        ]
        terminal.show(metrics_table(shown, title=f"against {self.subnets} trained alone"))
        terminal.say(ranking.verdict)
        say_pictures(pictures, terminal)
        paths = {"output": str(place), "pictures": [str(path) for path in pictures]}
        whole = report.model_copy(update=paths)
        write_form(place / SUMMARY, whole)
        return whole.to_json()


def _row(name: str, found: RankedUnit) -> RankRow:
    return RankRow(
        name=name,
        supernet=found.supernet,
        alone=found.alone,
        macs=found.macs,
        connections=found.connections,
        parameters=found.parameters,
    )


def _flat(prefix: str, estimate: Estimate) -> dict[str, Any]:
    """An estimate as three entries: tau, low and high, each after the prefix."""
    from connsearch.analysis.statistics import as_json

    found = as_json(estimate)
    return {
        f"{prefix}tau": found["value"],
        f"{prefix}low": found["low"],
        f"{prefix}high": found["high"],
    }
