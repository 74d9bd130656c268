"""``connsearch curve``: what accuracy costs, from the whole network to its strongest path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.outcome import say_pictures
from connsearch.cli.searched import open_searched
from connsearch.cli.terminal import Terminal
from connsearch.pruning.options import Mode
from connsearch.runs.documents import write_form
from connsearch.runs.formats.analyses import CurveRow, CurveSummary
from connsearch.runs.ledger import Ledger
from connsearch.runs.logs import write_table
from connsearch.runs.names import CURVE, SUMMARY, table

if TYPE_CHECKING:
    from connsearch.analysis.curve import CurvePoints
    from connsearch.analysis.searched_run import SearchedRun


class Curve(Command):
    """Shows what accuracy costs: accuracy over MACs and over measured latency.

    Prunes the searched network step by step, the weakest connection of each block first, down to
    its strongest path.

    Every network inherits its weights, has its batch-norm statistics set anew and is judged on the
    validation split; nothing is trained. All are timed in turn on this device.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of table, pictures and results; by default RUN/curve."""
    points: int = Field(default=12, ge=2, le=1000)
    """Number of networks on the curve, including the whole one, evenly spaced in MACs."""
    rounds: int = Field(default=4, ge=1, le=1000)
    """Rounds of timing; in each round every network runs five times."""
    mode: Mode = "pinned"
    """As in connsearch prune: pinned keeps all shapes, published derives them again."""
    peers: int = Field(default=1, ge=1)
    """Number of peers to keep for each connection (attention mode peer)."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Judges, times, shows and draws the points; returns the curve."""
        with open_searched(self.run, terminal) as searched:
            return self._measured(searched, terminal)

    def _measured(self, searched: SearchedRun, terminal: Terminal) -> Mapping[str, Any]:
        from connsearch.analysis.curve import curve, curve_settings
        from connsearch.pruning.path import pruning_path

        place = self.output or Path(self.run) / CURVE
        noted = {"name": "path", "order": "relative"}
        path = pruning_path(
            searched.structure, mode=self.mode, peers_kept=self.peers, criterion=noted
        )
        with Ledger(place, curve_settings(searched, path)) as ledger:
            work = curve(searched, path, ledger, points=self.points, rounds=self.rounds)
            found = terminal.work_through(work, "curve")
            pictures = self._show(found, place, terminal)
            report = CurveSummary(
                command="curve",
                run=self.run,
                split="val",
                rounds=self.rounds,
                points=list(found.points),
                measure=found.measure,
                clip=list(found.clip),
                device=found.device,
                threads=found.threads,
                precision=found.precision,
                recalibrate_clips=found.recalibrate_clips,
                output=str(place),
                pictures=[str(path) for path in pictures],
            )
            write_table(place / table(CURVE), CurveRow, report.points)
            write_form(place / SUMMARY, report)
        return report.to_json()

    def _show(self, found: CurvePoints, place: Path, terminal: Terminal) -> list[Path]:
        """Shows the table and draws the curve."""
        from connsearch.view.runs.curve import curve_figure, curve_table
        from connsearch.view.runs.plots import write_figure

        terminal.show(curve_table(found))
        noisy = [point for point in found.points if point.latency_spread > 0.05]
        if noisy:
            terminal.warn(
                f"the times of {len(noisy)} of {len(found.points)} networks spread by more than "
                "5 %: this machine does something else, too\n"
                "  cure: a quiet machine; more --rounds narrow the median"
            )
        paths = [place / f"curve.{suffix}" for suffix in ("svg", "png")]
        title = f"{Path(self.run).resolve().name}: what accuracy costs"
        pictures = write_figure(lambda: curve_figure(found, title=title), paths)
        terminal.say(f"table: {place / table(CURVE)}")
        say_pictures(pictures, terminal)
        return pictures
