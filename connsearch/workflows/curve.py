"""What accuracy costs, from the whole network to its strongest path: :func:`curve`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from connsearch.analysis.alike import nothing_to_tell
from connsearch.analysis.curve import CurvePoints, curve_settings
from connsearch.analysis.curve import curve as points_of
from connsearch.analysis.searched_run import SearchedRun
from connsearch.errors import RunError
from connsearch.pruning.options import PeerOnly
from connsearch.pruning.path import pruning_path
from connsearch.pruning.pruner import Pruned
from connsearch.runs.documents import write_form
from connsearch.runs.formats.analyses import CurveRow, CurveSummary
from connsearch.runs.ledger import Ledger, check_settings
from connsearch.runs.logs import write_table
from connsearch.runs.names import CURVE, LEDGER, SUMMARY, table
from connsearch.view.charts.files import write_both
from connsearch.view.runs.curve import curve_chart
from connsearch.workflows.given import RunLike, place_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.scoring import by_scores, learned_scores
from connsearch.workflows.searched import open_searched
from connsearch.workflows.settings.curve import CurveSettings


def curve(run: RunLike, *, progress: Progress = True, **settings: Any) -> CurveSummary:
    """Returns accuracy on ``val`` over MACs and measured latency, and keeps it beside the run.

    Args:
        run: of a search.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch curve`` by its name: ``points=8``.

    Raises:
        UserError: a setting cannot be used, or it is no finished search.
    """
    asked = CurveSettings.of(run=place_of(run), **settings)
    return run_curve(asked, Listener.of(progress))[1]


def run_curve(asked: CurveSettings, listener: Listener) -> tuple[CurvePoints, CurveSummary]:
    """Returns the points, and what is written of them.

    Raises:
        UserError: as for :func:`curve`.
    """
    place = asked.output or Path(asked.run) / CURVE
    with open_searched(asked.run, listener) as searched:
        path = _path(asked, searched, place, listener)
        with Ledger(place, curve_settings(searched, path)) as ledger:
            work = points_of(searched, path, ledger, points=asked.points, rounds=asked.rounds)
            found = listener.work_through(work, "curve")
            _warn_of_equal_scores(found, listener)
            _warn_of_noise(found, listener)
            title = f"{Path(asked.run).resolve().name}: what accuracy costs"
            pictures = write_both(curve_chart(found, title=title), place, CURVE)
            report = CurveSummary(
                command="curve",
                run=asked.run,
                split="val",
                rounds=asked.rounds,
                points=list(found.points),
                measure=found.measure,
                clip=list(found.clip),
                device=found.device,
                threads=found.threads,
                precision=found.precision,
                recalibrate_clips=found.recalibrate_clips,
                **by_scores(asked.scores),
                output=str(place),
                pictures=[str(path) for path in pictures],
            )
            write_table(place / table(CURVE), CurveRow, report.points)
            write_form(place / SUMMARY, report)
    return found, report


def _warn_of_equal_scores(found: CurvePoints, listener: Listener) -> None:
    same = nothing_to_tell(
        [point.score for point in found.points],
        of="networks",
        measure=f"{found.measure} on val",
        longer="cure: search again with more --epochs",
    )
    if same is not None:
        listener.warn(same)


def _path(
    asked: CurveSettings, searched: SearchedRun, place: Path, listener: Listener
) -> Sequence[Pruned]:
    """The networks of the curve; one that an earlier version began keeps every peer, as it did."""
    scores = learned_scores(asked.scores, asked.run, searched.structure, listener)

    def along(peer_only: PeerOnly) -> Sequence[Pruned]:
        return pruning_path(
            searched.structure,
            mode=asked.mode,
            peers_kept=asked.peers,
            peer_only=peer_only,
            scores=scores,
            criterion={"name": "path", "order": "relative", **by_scores(asked.scores)},
        )

    if asked.peer_only is not None:
        return along(asked.peer_only)
    if (place / LEDGER).exists():
        kept = along("keep")
        with suppress(RunError):  # of other settings: then those asked for are compared
            check_settings(place, curve_settings(searched, kept))
            return kept
    return along("reassign")


def _warn_of_noise(found: CurvePoints, listener: Listener) -> None:
    noisy = [point for point in found.points if point.latency_spread > 0.05]
    if noisy:
        listener.warn(
            f"the times of {len(noisy)} of {len(found.points)} networks spread by more than "
            "5 %: this machine does other work at the same time\n"
            "  cure: a quiet machine; more --rounds narrow the median"
        )
