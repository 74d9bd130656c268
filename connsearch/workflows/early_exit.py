"""When clips may stop early, and what that costs and saves: :func:`early_exit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from torch import nn

from connsearch.analysis.early_exit import (
    Floats,
    Ints,
    SolvedExits,
    area_under,
    evenly_spread,
    exits_of,
    mean_cost,
    solve,
    solved_at,
)
from connsearch.analysis.stopping import MEASURES, StoppingClips, timed
from connsearch.models.catalogue import require_known
from connsearch.models.early_exit import Stops
from connsearch.models.model import Model, model_of
from connsearch.pruning.budget import Budget
from connsearch.runs.documents import write_form
from connsearch.runs.formats.early_exit import (
    EarlyExitRow,
    EarlyExitSummary,
    Measured,
    SolvedBudget,
)
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.logs import write_table
from connsearch.runs.names import CURVE, SUMMARY, table
from connsearch.runs.recorded import recorded_settings
from connsearch.view.charts.files import write_both
from connsearch.view.runs.early_exit import early_exit_chart
from connsearch.workflows.evaluate import alone
from connsearch.workflows.given import RunLike, place_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.early_exit import EarlyExitSettings
from connsearch.workflows.stopping import (
    StoppingRun,
    answered_clips,
    counted,
    open_stopping,
    solved_share,
    stepwise,
    tested_clips,
)
from connsearch.workflows.targets import open_trained

TOO_MUCH = 1.1
"""Times the cost that was asked for, above which that is told."""
FEW_CLIPS = 10
"""Calibration clips an exit below which they are said to be few."""


def early_exit(
    run: RunLike,
    *,
    network: nn.Module | None = None,
    progress: Progress = True,
    **settings: Any,
) -> EarlyExitSummary:
    """Returns when clips may stop early and what comes of it, and keeps it in the run.

    Thresholds are solved on ``val``, and reported on ``test``, which is opened once: its answers
    of all steps are kept, and further budgets read those.

    >>> found = early_exit("runs/mine", budget=["macs<=50%"])  # doctest: +SKIP

    Args:
        run: the training of a network that answers after several steps.
        network: a module of one's own, built as for its training; the weights of the run are put
            into it. None: what the run has trained is built by its name and settings.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch early-exit`` by its name: ``budget=["macs<=10G"]``.

    Raises:
        RunError: it is no finished run, or its network answers once.
        SettingsError: a setting cannot be used; a budget is out of reach.
        DataError: a split is empty, or none of its clips can be read.
    """
    asked = EarlyExitSettings.of(run=place_of(run), **settings)
    return run_early_exit(
        asked, Listener.of(progress), None if network is None else model_of(network)
    )


def run_early_exit(
    asked: EarlyExitSettings, listener: Listener, network: Model | None = None
) -> EarlyExitSummary:
    """Returns what is found, once table, pictures and summary are written.

    Args:
        asked: all settings.
        listener: hears what happens.
        network: to put the weights into; None: it is built by its name and settings.

    Raises:
        UserError: as for :func:`early_exit`.
    """
    trained = open_trained(asked.run, listener)
    if network is None:
        require_known(trained.model)
    stepwise(trained.load_model(network), trained.directory)
    with alone(trained.directory), ExitStack() as stack:
        work = open_stopping(asked, trained, network, listener, stack)
        return _report(work, listener)


def _report(work: StoppingRun, listener: Listener) -> EarlyExitSummary:
    asked = work.asked
    calibration = answered_clips(work, "val", listener)
    judged = calibration if asked.split == "val" else tested_clips(work, listener)
    measure = _measure(asked.run, judged.judged(judged.all_at(-1)))
    sure = calibration.confidences(), judged.confidences()
    solved = {
        str(one): solved_at(solved_share(one, work.costs), work.costs, sure[0])
        for one in work.all_budgets
    }
    exits = {name: exits_of(sure[1], one.thresholds) for name, one in solved.items()}
    times = _times(work, solved, exits, judged, listener) if asked.measure else {}
    budgets = [
        _budget(
            one,
            work.costs,
            solved[str(one)],
            sure[0],
            judged,
            exits[str(one)],
            measure,
            times.get(str(one)) or _measured_before(work, one, solved[str(one)]),
        )
        for one in work.all_budgets
    ]
    for one in budgets:
        _warn_of(one, len(calibration.found.labels), len(work.costs), asked.split, listener)
    curve = _curve(work.costs, asked.points, sure, judged, measure)
    area = area_under([row.realised for row in curve], [row.score or 0.0 for row in curve])
    summary = EarlyExitSummary(
        run=asked.run,
        confidence=asked.confidence,
        exits=len(work.costs),
        costs=list(work.costs),
        weights=work.weights,
        data=work.data.fingerprint,
        calibration_clips=len(calibration.found.labels),
        split=asked.split,
        clips=len(judged.found.labels),
        left_out=len(judged.found.faults),
        measure=measure,
        chosen=work.chosen,
        budgets=budgets,
        curve=curve,
        area=None if any(row.score is None for row in curve) else area,
        precision=work.compute.precision,
        output=str(work.place),
    )
    return _written(work, summary)


def _measured_before(work: StoppingRun, budget: Budget, solved: SolvedExits) -> Measured | None:
    """What the same thresholds have taken in time before, on the same split."""
    before = work.before
    found = None if before is None else before.solved(str(budget))
    if before is None or found is None or before.split != work.asked.split:
        return None
    return found.measured if found.thresholds == _told(solved) else None


def _told(solved: SolvedExits) -> list[float | None]:
    """Thresholds as JSON has them; None: nobody stops there."""
    return [None if np.isinf(x) else float(x) for x in solved.thresholds[:-1]]


def _warn_of(
    one: SolvedBudget, calibration_clips: int, exits: int, split: str, listener: Listener
) -> None:
    """Says where clips cost clearly more than was asked for."""
    if one.point.realised <= TOO_MUCH * one.limit:
        return
    few = calibration_clips < FEW_CLIPS * exits
    why = f"; {calibration_clips} clips of val are few to tell {exits} exits apart" if few else ""
    listener.warn(
        f"--budget {one.budget}: clips of {split} cost {one.point.realised / one.limit - 1:.0%} "
        f"more than that{why}\n  cure: more clips in val (--val-share), or a smaller budget"
    )


def _written(work: StoppingRun, summary: EarlyExitSummary) -> EarlyExitSummary:
    """Writes the table, the pictures and last the summary."""
    write_table(work.place / table(CURVE), EarlyExitRow, summary.curve)
    title = f"{work.trained.directory.resolve().name}: what stopping early costs"
    pictures = write_both(early_exit_chart(summary, title=title), work.place, CURVE)
    summary = summary.model_copy(update={"pictures": [str(path) for path in pictures]})
    write_form(work.place / SUMMARY, summary)
    return summary


def _measure(run: str, metrics: Metrics) -> str:
    """What the run is judged by: the number its training watched, if a curve can show it."""
    watched = recorded_settings(run).get("training", {}).get("choice", {}).get("watch")
    known = watched in MEASURES and getattr(metrics, watched) is not None
    return str(watched) if known else metrics.measure


def _budget(
    budget: Budget,
    costs: Sequence[int],
    solved: SolvedExits,
    calibration_NS: Floats,
    judged: StoppingClips,
    exits_N: Ints,
    measure: str,
    measured: Measured | None,
) -> SolvedBudget:
    stopping = np.bincount(exits_N, minlength=len(costs)) / len(exits_N)
    given = {} if measured is None else {"measured": measured}
    return SolvedBudget(
        budget=str(budget),
        limit=budget.limit(costs[-1]),
        thresholds=_told(solved),
        leaving=solved.leaving.tolist(),
        calibrated=mean_cost(exits_of(calibration_NS, solved.thresholds), costs),
        stopping=stopping.tolist(),
        point=judged.row(exits_N, measure, solved.planned, solved.q),
        **given,
    )


def _curve(
    costs: Sequence[int],
    points: int,
    sure: tuple[Floats, Floats],
    judged: StoppingClips,
    measure: str,
) -> list[EarlyExitRow]:
    """All clips at the first exit, budgets spread evenly, all clips at the last exit."""
    rows = [judged.row(judged.all_at(0), measure)]
    for budget in evenly_spread(costs, points):
        one = solved_at(solve(budget, costs), costs, sure[0])
        rows.append(judged.row(exits_of(sure[1], one.thresholds), measure, one.planned, one.q))
    return [*rows, judged.row(judged.all_at(-1), measure)]


def _times(
    work: StoppingRun,
    solved: Mapping[str, SolvedExits],
    exits: Mapping[str, Ints],
    judged: StoppingClips,
    listener: Listener,
) -> dict[str, Measured]:
    """What the budgets take, measured; by their texts."""
    places: Sequence[int] = judged.found.indices.tolist()
    known = {
        place: [int(exits[name][number]) for name in solved] for number, place in enumerate(places)
    }
    loader = work.loaders[work.asked.split]
    stops = [Stops(one.thresholds.tolist(), work.asked.confidence) for one in solved.values()]
    run = timed(work.network, loader, stops, known, work.costs, compute=work.compute)
    found: list[Measured] = counted(run, len(loader.dataset), "clips timed", listener)
    return dict(zip(solved, found, strict=True))
