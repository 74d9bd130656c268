"""``connsearch prune``: weights to a smaller network, checked to compute the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import Field, model_validator

from connsearch.analysis.score_options import LearnedScore, ScoreOptions
from connsearch.cli.command import Command
from connsearch.cli.outcome import say_pictures, show_metrics
from connsearch.cli.terminal import Terminal
from connsearch.flags import Flag
from connsearch.pruning.options import PruneOptions
from connsearch.workflows.settings.prune import PruneSettings

if TYPE_CHECKING:
    from connsearch.runs.formats.importance import ImportanceSummary
    from connsearch.runs.formats.prune import BeforeAfter, PruneRecord
    from connsearch.workflows.prune import Pruning

POINTS = 12

_OF_THE_RECORD = frozenset({"pruning", "recalibrated", "settings", "facts"})
"""What stands in ``prune.json`` and not in the command's JSON object."""


class Prune(PruneSettings, Command):
    """Cuts a searched network down to the connections that matter.

    Weights are inherited, and branches that lead nowhere are removed. In mode pinned the result is
    compared with the original in which the same connections are multiplied by zero: the outputs
    must be equal bit for bit, and the difference is printed.

    After an interruption, rerun the same command to complete it.
    """

    curve: Annotated[bool, Flag(switch=True)] = False
    """Do not write a pruned network; show accuracy over MACs and over measured latency, from the
    whole searched network to its strongest path, like connsearch curve."""
    points: Annotated[int, Field(ge=2, le=1000)] = POINTS
    """Number of networks on the curve."""

    @model_validator(mode="after")
    def _curve_alone(self) -> Prune:
        _refuse_beside_curve(self.curve, self.recalibrate, self.points, self.pruning, self.scoring)
        return self

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Prunes, checks, writes, draws; returns what was done."""
        if self.curve:
            return self._drawn_curve(terminal)
        from connsearch.workflows.prune import run_prune

        found = run_prune(self, terminal.listener())
        record, place = found.run.prune_record, found.run.directory
        assert record is not None, "it was just written"
        if record.scores is not None:
            _show_scores(record.scores, terminal)
        _show(found, record, terminal)
        show_metrics(record.metrics, terminal)
        say_pictures(found.run.pictures, terminal)
        scratch = "" if found.run.weights_path.exists() else " --from-scratch"
        terminal.say(f"next: connsearch train {place}{scratch}")
        told = {k: v for k, v in record.to_json().items() if k not in _OF_THE_RECORD}
        pictures = [str(path) for path in found.run.pictures]
        return {**told, "output": str(place), "pictures": pictures}

    def _drawn_curve(self, terminal: Terminal) -> Mapping[str, Any]:
        from connsearch.cli.commands.curve import Curve

        options, scores = self.pruning, self.scoring.scores
        found = Curve(
            run=self.run,
            output=self.output,
            points=self.points,
            mode=options.mode,
            peers=options.peers,
            scores="gate" if scores == "gate" else "weight",
            peer_only=None if options.peer_only == "reassign" else options.peer_only,
            json_line=self.json_line,
        )
        return found.execute(terminal)


def _refuse_beside_curve(
    curve: bool, recalibrate: int, points: int, options: PruneOptions, scoring: ScoreOptions
) -> None:
    """Refuses settings that contradict ``--curve``, or that say nothing without it.

    Raises:
        ValueError: names them.
    """
    if not curve:
        if points != POINTS:
            raise ValueError(f"points {points} without a curve: give --curve, or leave it out")
        return
    plain = PruneOptions()
    given = {
        "--criterion": options.criterion != plain.criterion,
        "--budget": options.budget != plain.budget,
        "--repair": options.repair != plain.repair,
        "--recalibrate": recalibrate != 0,
        f"--scores {scoring.scores}": scoring.scores not in get_args(LearnedScore),
    }
    named = [name for name, there in given.items() if there]
    if named:
        raise ValueError(
            f"{', '.join(named)} cannot be used with --curve: the curve covers the whole "
            "range, by weight or gate, and computes the batch-norm statistics of every network\n"
            "  cure: omit it"
        )


def _show_scores(report: ImportanceSummary, terminal: Terminal) -> None:
    """Shows what is kept by one and not by the other, or says that there is nothing."""
    from connsearch.view.structures.tables import metrics_table

    kind, apart = report.kind, report.disagreements
    if not apart:
        terminal.say(f"{kind} keeps the connections that the weights keep")
        return
    rows = [
        {
            "connection": f"{row.source}->{row.target}",
            "weight": row.weight,
            **(
                {"open rate": row.open_rate}
                if kind == "gate"
                else {"rise of loss": row.rise, "drop of accuracy": row.drop}
            ),
            "kept by": "weight" if row.kept_by_weight else kind,
        }
        for row in apart
    ]
    title = f"weight and {kind} disagree on {len(apart)} of {len(report.rows)} connections"
    terminal.show(metrics_table(rows, title=title))


def _show(found: Pruning, record: PruneRecord, terminal: Terminal) -> None:
    """Shows what was cut, and how the result compares with the original."""
    from connsearch.view.structures.cost_tables import saved_table
    from connsearch.view.structures.tables import prune_table

    logit = found.exact.max_abs_logit_difference
    terminal.show(prune_table(found.pruned, logit_difference=logit), saved_table(record.costs))
    for what in ("nodes", "connections", "parameters", "macs"):
        count: BeforeAfter = getattr(record, what)
        terminal.say(f"{what}: {count.before:,} -> {count.after:,}")
    terminal.say(f"pruned network against the masked original: {found.exact}")
    if not found.run.weights_path.exists():
        terminal.say("  (with random filters: a structure has no trained ones)")
    terminal.say(f"pruned: {found.run.directory}")
