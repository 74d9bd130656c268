"""Does the supernet rank sub-networks as training alone does? :func:`rank_correlation`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connsearch.analysis.agreement import Estimate
from connsearch.analysis.rank_correlation import RankAgreement, judge, sample, units
from connsearch.analysis.searched_run import budget
from connsearch.analysis.statistics import as_json
from connsearch.analysis.units import work_through
from connsearch.runs.documents import write_form
from connsearch.runs.formats.analyses import RankRow, RankSummary, TrainingBudget
from connsearch.runs.formats.ledger import RankedUnit
from connsearch.runs.ledger import Ledger
from connsearch.runs.logs import write_table
from connsearch.runs.names import RANK_CORRELATION, SUMMARY, table
from connsearch.view.runs.baselines import ranking_pictures
from connsearch.workflows.analyses import place_for, require_val, training_record
from connsearch.workflows.given import RunLike, place_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.searched import open_searched
from connsearch.workflows.settings.rank_correlation import RankCorrelationSettings


def rank_correlation(run: RunLike, *, progress: Progress = True, **settings: Any) -> RankSummary:
    """Returns Kendall's tau between ranking in the supernet and training alone, with intervals.

    Args:
        run: of a search.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch rank-correlation`` by its name: ``subnets=12``.

    Raises:
        UserError: a setting cannot be used, or it is no finished search.
    """
    asked = RankCorrelationSettings.of(run=place_of(run), **settings)
    return run_rank_correlation(asked, Listener.of(progress))[1]


def run_rank_correlation(
    asked: RankCorrelationSettings, listener: Listener
) -> tuple[RankAgreement, RankSummary]:
    """Returns the agreement, and what is written of it.

    Raises:
        UserError: as for :func:`rank_correlation`.
    """
    place = place_for(asked.run, RANK_CORRELATION, asked.output)
    with open_searched(asked.run, listener) as searched:
        require_val(searched)
        drawn = sample(searched.structure, asked.subnets, seed=asked.seed)
        usual = max(1, round(searched.options.schedule.epochs / 4))
        epochs = usual if asked.epochs is None else asked.epochs
        options = budget(searched.options, epochs=epochs, steps=asked.steps)
        options = options.with_values(seed=asked.seed)
        settings = {
            "command": "selftest",  # as the ledgers of earlier versions have it
            "seed": asked.seed,
            "training": training_record(options),
        }
        with Ledger(place, settings) as ledger:
            work = units(searched, drawn, options, place)
            results = listener.work_through(work_through(ledger, work), "sub-networks")
            rows = [_row(name, results.read(name, RankedUnit)) for name in work]
            measure = "mAP" if searched.data.train.num_classes else "accuracy"
            ranking = judge(rows, seed=asked.seed)
            report = RankSummary(
                command="rank-correlation",
                run=asked.run,
                subnets=asked.subnets,
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
            return ranking, _write(place, report, ranking)


def _write(place: Path, report: RankSummary, ranking: RankAgreement) -> RankSummary:
    """Writes everything, the summary last; returns it with its paths."""
    write_table(place / table(RANK_CORRELATION), RankRow, report.rows)
    words = {name: f"tau {tau}" for name, tau in taus(ranking).items()}
    pictures = ranking_pictures(place, report.rows, words, measure=report.measure)
    paths = {"output": str(place), "pictures": [str(path) for path in pictures]}
    whole = report.model_copy(update=paths)
    write_form(place / SUMMARY, whole)
    return whole


def taus(ranking: RankAgreement) -> dict[str, Estimate]:
    """Returns Kendall's tau by what ranks: the supernet, MACs, the number of connections."""
    return {
        "supernet": ranking.supernet,
        "macs": ranking.macs,
        "connections": ranking.connections,
    }


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
    found = as_json(estimate)
    return {
        f"{prefix}tau": found["value"],
        f"{prefix}low": found["low"],
        f"{prefix}high": found["high"],
    }
