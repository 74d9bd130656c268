"""What is lost between a searched network and a pruned one: :func:`gap`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connsearch.analysis.alike import nothing_to_tell
from connsearch.analysis.gap import GapPlan, cut, measure_gap, recorded_evaluation
from connsearch.analysis.searched_run import SearchedRun
from connsearch.errors import Failure
from connsearch.runs.documents import write_form
from connsearch.runs.formats.analyses import GapRow, GapSummary
from connsearch.runs.logs import write_table
from connsearch.runs.names import GAP, SUMMARY, table
from connsearch.view.runs.gap import gap_pictures
from connsearch.workflows.given import RunLike, place_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.scoring import by_scores, learned_scores
from connsearch.workflows.searched import open_searched
from connsearch.workflows.settings.gap import GapSettings

Rows = Sequence[GapRow]


def gap(run: RunLike, *, progress: Progress = True, **settings: Any) -> GapSummary:
    """Returns the discretisation gap of a search, stage by stage, and keeps it beside the run.

    The stages: as searched, masked, recalibrated, fine-tuned, from scratch; judged on ``val``.

    Args:
        run: of a search.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch gap`` by its name: ``shares=(0.5, 0.7)``.

    Raises:
        UserError: a setting cannot be used, or it is no finished search.
        Failure: more is lost than ``limit`` allows; everything is written.
    """
    asked = GapSettings.of(run=place_of(run), **settings)
    listener = Listener.of(progress)
    found = run_gap(asked, listener)
    judge_gap(asked, found.rows, listener)
    return found


def run_gap(asked: GapSettings, listener: Listener) -> GapSummary:
    """Returns the gap, once everything is written; no limit is looked at.

    Raises:
        UserError: as for :func:`gap`.
    """
    with open_searched(asked.run, listener) as searched:
        cuts = cut(
            searched.structure,
            asked.criterion,
            asked.shares,
            peers=asked.peers,
            scores=learned_scores(asked.scores, asked.run, searched.structure, listener),
            measured=asked.scores,
        )
        seed = searched.options.seed if asked.seed is None else asked.seed
        plan = GapPlan(cuts, tune_steps=asked.tune_steps, scratch=asked.scratch, seed=seed)
        place = asked.output or Path(asked.run) / GAP
        rows = listener.work_through(measure_gap(searched, plan, place), "stages")
        write_table(place / table(GAP), GapRow, rows)
        title = f"{searched.structure.name}: discretisation gap"
        pictures = gap_pictures(place, rows, title=title, criterion=asked.criterion)
        found = _report(asked, rows, pictures, seed)
        _warn_of_another_soft_network(searched, rows, listener)
        write_form(place / SUMMARY, found)
        return found


def judge_gap(asked: GapSettings, rows: Rows, listener: Listener) -> None:
    """Warns where masking costs more than chance explains; fails above the limit.

    Raises:
        Failure: more is lost than the limit allows.
    """
    lost, least = _losses(rows), rows[0].low
    same = nothing_to_tell(
        [_score(row) for row in rows],
        of="stages",
        measure="score on val",
        longer="cure: search again with more --epochs",
    )
    if same is not None:
        listener.warn(same)
    if asked.limit is None:
        for row in rows:
            if row.stage == "masked" and row.accuracy < least:
                listener.warn(
                    f"at {row.share:g} masking alone costs {lost[row.share]:.3f}, more "
                    "than the searched network's 95% interval: train what is pruned there "
                    "(connsearch train)"
                )
        return
    over = [f"{gap:.3f} at {share:g}" for share, gap in lost.items() if gap > asked.limit]
    if over:
        raise Failure(
            f"{asked.run}: more than --limit {asked.limit:g} is lost from soft to masked: "
            f"{', '.join(over)}\n  cure: lower --shares, or a search with more --epochs; all is "
            "written"
        )


def _warn_of_another_soft_network(searched: SearchedRun, rows: Rows, listener: Listener) -> None:
    recorded = recorded_evaluation(searched)
    if recorded is not None and recorded.accuracy != rows[0].accuracy:
        listener.warn(
            f"the soft network has accuracy {rows[0].accuracy:.4f}, its search recorded "
            f"{recorded.accuracy:.4f}: device, precision or versions are not the same"
        )


def _report(asked: GapSettings, rows: Rows, pictures: Sequence[Path], seed: int) -> GapSummary:
    return GapSummary(
        command="gap",
        run=asked.run,
        rows=list(rows),
        criterion=asked.criterion,
        peers=asked.peers,
        tune_steps=asked.tune_steps,
        seed=seed,
        split="val",
        chosen_by="val",
        gap={f"{share:g}": lost for share, lost in _losses(rows).items()},
        limit=asked.limit,
        **by_scores(asked.scores),
        pictures=[str(path) for path in pictures],
    )


def _losses(rows: Rows) -> dict[float, float]:
    """What is lost from soft to masked, by threshold: accuracy, or mAP in multi-label data."""
    soft = _score(rows[0])
    return {row.share: soft - _score(row) for row in rows if row.stage == "masked"}


def _score(row: GapRow) -> float:
    return row.accuracy if row.mAP is None else row.mAP
