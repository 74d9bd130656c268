"""``connsearch gap``: what is lost between the searched network and a pruned one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator, model_validator

from connsearch.cli.command import Command, Flag
from connsearch.cli.outcome import say_pictures
from connsearch.cli.searched import open_searched
from connsearch.cli.terminal import Terminal
from connsearch.errors import Failure, SettingsError, UnknownNameError
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.options import build_criterion, criterion_at
from connsearch.runs.documents import write_form
from connsearch.runs.formats.analyses import GapRow, GapSummary
from connsearch.runs.logs import write_table
from connsearch.runs.names import GAP, SUMMARY, table

if TYPE_CHECKING:
    from connsearch.analysis.searched_run import SearchedRun

Rows = Sequence[GapRow]


class Gap(Command):
    """Judges a search stage by stage: as searched, masked, recalibrated, fine-tuned, from scratch.

    Shows the validation accuracy of every stage for each threshold of the criterion, and what is
    left. The validation split was used for choosing, so the numbers compare stages only; the test
    split stays closed.

    Interrupted or killed, the same line goes on; other thresholds and stages add to what is there.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    shares: tuple[float, ...] = (0.3, 0.5, 0.7, 0.9)
    """Thresholds to compare: values of the first parameter of the criterion (relative: share,
    threshold: minimum, top_k: k)."""
    criterion: str = "relative"
    """Criterion, applied to the learned weights; other parameters may follow a colon, as in
    random:seed=3."""
    peers: int = Field(default=1, ge=1)
    """Number of peers to keep for each connection (attention mode peer); a small number is part of
    the gap."""
    tune_steps: int = Field(default=50, ge=0)
    """Training steps of the fine-tuned stage, with the learning rates and schedule of the search; 0
    skips this stage."""
    scratch: bool = False
    """Also train each wiring from new weights, for as long as the search."""
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    """Seed of the trainings; by default that of the search."""
    limit: float | None = Field(default=None, ge=0, le=1)
    """Largest loss of accuracy from soft to masked; above it the command fails (exit code 1) after
    everything is written."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the results; by default RUN/gap."""

    @field_validator("criterion")
    @classmethod
    def _known(cls, spec: str) -> str:
        try:
            CRITERIA[spec.partition(":")[0]]
        except UnknownNameError as error:
            raise ValueError(str(error)) from None
        return spec

    @model_validator(mode="after")
    def _usable(self) -> Gap:
        if not self.shares:
            raise ValueError("read no shares; give one at least")
        for share in self.shares:
            try:
                build_criterion(criterion_at(self.criterion, share))
            except (SettingsError, UnknownNameError) as error:
                raise ValueError(f"read shares {self.shares}: {error}") from None
        return self

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Judges every stage that is not filed yet; returns the table."""
        with open_searched(self.run, terminal) as searched:
            return self._measured(searched, terminal)

    def _measured(self, searched: SearchedRun, terminal: Terminal) -> Mapping[str, Any]:
        from connsearch.analysis.gap import GapPlan, cut, measure_gap
        from connsearch.view.runs.gap_figure import gap_pictures

        cuts = cut(searched.structure, self.criterion, self.shares, peers=self.peers)
        seed = searched.options.seed if self.seed is None else self.seed
        plan = GapPlan(cuts, tune_steps=self.tune_steps, scratch=self.scratch, seed=seed)
        place = self.output or Path(self.run) / GAP
        rows = terminal.work_through(measure_gap(searched, plan, place), "stages")
        write_table(place / table(GAP), GapRow, rows)
        title = f"{searched.structure.name}: discretisation gap"
        drawn = [row.to_json() for row in rows]
        pictures = gap_pictures(place, drawn, title=title, criterion=self.criterion)
        report = self._report(rows, pictures, seed)
        self._show(rows, searched, terminal)
        write_form(place / SUMMARY, report)
        say_pictures(pictures, terminal)
        terminal.say(f"table: {place / table(GAP)}")
        self._judge(rows, terminal)
        return report.to_json()

    def _report(self, rows: Rows, pictures: Sequence[Path], seed: int) -> GapSummary:
        return GapSummary(
            command="gap",
            run=self.run,
            rows=list(rows),
            criterion=self.criterion,
            peers=self.peers,
            tune_steps=self.tune_steps,
            seed=seed,
            split="val",
            chosen_by="val",
            gap={f"{share:g}": lost for share, lost in _losses(rows).items()},
            limit=self.limit,
            pictures=[str(path) for path in pictures],
        )

    def _show(self, rows: Rows, searched: SearchedRun, terminal: Terminal) -> None:
        from connsearch.analysis.gap import recorded_evaluation
        from connsearch.view.structures.tables import metrics_table, short

        shown = [
            {
                "share": f"{row.share:g}" if row.stage == "soft" else "",
                "stage": row.stage,
                **({} if row.mAP is None else {"mAP": round(row.mAP, 3)}),
                "accuracy": round(row.accuracy, 3),
                "95%": f"{row.low:.2f}-{row.high:.2f}",
                "edges": row.connections,
                "params": short(row.parameters),
                "MACs": short(row.macs),
                "dead": row.dead,
            }
            for row in rows
        ]
        title = f"validation split ({rows[0].clips} clips), criterion {self.criterion}"
        terminal.show(metrics_table(shown, title=title))
        terminal.say("the validation split was used for choosing: the numbers only compare stages")
        if not self.scratch:
            terminal.say("without training from scratch (--scratch): new weights may do as well")
        recorded = recorded_evaluation(searched)
        if recorded is not None and recorded.accuracy != rows[0].accuracy:
            terminal.warn(
                f"the soft network has accuracy {rows[0].accuracy:.4f}, its search recorded "
                f"{recorded.accuracy:.4f}: device, precision or versions are not the same"
            )

    def _judge(self, rows: Rows, terminal: Terminal) -> None:
        """Warns where masking costs more than chance explains; fails above the limit.

        Raises:
            Failure: more is lost than the limit allows.
        """
        lost, least = _losses(rows), rows[0].low
        if self.limit is None:
            for row in rows:
                if row.stage == "masked" and row.accuracy < least:
                    terminal.warn(
                        f"at {row.share:g} masking alone costs {lost[row.share]:.3f}, more "
                        "than the searched network's 95% interval: train what is pruned there"
                    )
            return
        over = [f"{gap:.3f} at {share:g}" for share, gap in lost.items() if gap > self.limit]
        if over:
            raise Failure(
                f"{self.run}: more than --limit {self.limit:g} is lost from soft to masked: "
                f"{', '.join(over)}\n  cure: a lower share, or a longer search; all is written"
            )


def _losses(rows: Rows) -> dict[float, float]:
    """What is lost from soft to masked, by threshold: accuracy, or mAP in multi-label data."""

    def score(row: GapRow) -> float:
        return row.accuracy if row.mAP is None else row.mAP

    soft = score(rows[0])
    return {row.share: soft - score(row) for row in rows if row.stage == "masked"}
