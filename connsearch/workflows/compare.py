"""Is a found wiring better than random ones like it? :func:`compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connsearch.analysis.compare import Verdict, Wiring, judge, rows, units, wirings
from connsearch.analysis.searched_run import SearchedRun, budget
from connsearch.analysis.statistics import as_json
from connsearch.analysis.units import work_through
from connsearch.analysis.wirings import WiringSampler, pruned_from
from connsearch.errors import SettingsError
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.solve import prune_counted
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
from connsearch.training.options import TrainOptions
from connsearch.view.runs.baselines import comparison_pictures
from connsearch.workflows.advised import SHORT, advise
from connsearch.workflows.analyses import place_for, require_val, training_record
from connsearch.workflows.given import RunLike, place_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.scoring import by_scores, learned_scores
from connsearch.workflows.searched import open_searched
from connsearch.workflows.settings.compare import CompareSettings
from connsearch.workflows.targets import open_structure


def compare(run: RunLike, *, progress: Progress = True, **settings: Any) -> CompareSummary:
    """Returns how the wiring of a search compares with random ones, with an interval.

    Random wirings have the same nodes, as many connections and about the same cost; all are trained
    from scratch alike. The summary has the verdict, the difference and a row for every training.

    Args:
        run: of a search.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch compare`` by its name: ``random=5, seeds=3``.

    Raises:
        UserError: a setting cannot be used, or it is no finished search.
    """
    asked = CompareSettings.of(run=place_of(run), **settings)
    return run_compare(asked, Listener.of(progress))


def run_compare(asked: CompareSettings, listener: Listener) -> CompareSummary:
    """Returns the comparison, once everything is written.

    Raises:
        UserError: as for :func:`compare`.
    """
    place = place_for(asked.run, COMPARE, asked.output)
    with open_searched(asked.run, listener) as searched:
        require_val(searched)
        sampler = _sampler(asked, searched)
        drawn = sampler.draw(asked.random, seed=asked.seed)
        compared = wirings(sampler.found.structure, [one.structure for one in drawn])
        options = budget(searched.options, epochs=asked.epochs, steps=asked.steps)
        seeds = range(asked.seed, asked.seed + asked.seeds)
        _introduce(asked, sampler, compared, listener)
        advise(compared[0].structure, searched.data, options, listener, only=SHORT)
        with Ledger(place, _settings(asked, sampler, options)) as ledger:
            split = "test" if asked.open_test else "val"
            work = units(searched, compared, options, seeds, place, open_test=asked.open_test)
            results = listener.work_through(work_through(ledger, work), "trainings")
            scores = rows(results, compared, seeds, split)
            measure = "mAP" if searched.data.train.num_classes else "accuracy"
            verdict = judge(scores, measure=measure, split=split)
            return _write(place, _report(asked, scores, verdict, options, split, measure))


def _write(place: Path, report: CompareSummary) -> CompareSummary:
    """Writes everything, the summary last; returns it with its paths."""
    write_table(place / table(COMPARE), CompareRow, report.rows)
    measure, found = f"{report.measure} on {report.split}", report.difference
    assert found is not None, "there are rows"
    pictures = comparison_pictures(place, report.rows, found, measure=measure)
    paths = {"output": str(place), "pictures": [str(path) for path in pictures]}
    report = report.model_copy(update=paths)
    write_form(place / SUMMARY, report)
    return report


def _sampler(asked: CompareSettings, searched: SearchedRun) -> WiringSampler:
    """What random wirings are drawn like.

    Raises:
        SettingsError: ``--pruned`` beside settings of a pruning; a budget that cannot be kept.
    """
    mode = asked.pruning.mode
    if asked.pruned is None:
        data = searched.data
        found = prune_counted(
            searched.structure,
            asked.pruning,
            num_classes=len(data.classes),
            clip=data.clip,
            scores=learned_scores(asked.scores, asked.run, searched.structure),
            measured=asked.scores,
        )
    elif asked.pruning != PruneOptions() or asked.scores != "weight":
        raise SettingsError(
            "--pruned is pruned already; leave out --scores, --criterion and its like"
        )
    else:
        smaller = open_structure(str(asked.pruned))
        found, mode = pruned_from(searched.structure, smaller, name=str(asked.pruned))
    tolerance = asked.macs_tolerance
    return WiringSampler(
        searched.structure, found, mode, lambda s: searched.cost(s).macs, tolerance
    )


def _settings(
    asked: CompareSettings, sampler: WiringSampler, options: TrainOptions
) -> Mapping[str, Any]:
    """Everything that decides a result; how many there are does not belong here."""
    found = sampler.found
    nodes = {} if sampler.gates is None else {"nodes": sorted(found.node_map)}
    return {
        "command": "compare",
        "found": sorted(found.edges),
        **nodes,
        "mode": sampler.mode,
        "seed": asked.seed,
        "macs_tolerance": asked.macs_tolerance,
        "training": training_record(options),
    }


def _introduce(
    asked: CompareSettings, sampler: WiringSampler, compared: Sequence[Wiring], listener: Listener
) -> None:
    costs = [sampler.macs(wiring.structure) for wiring in compared]
    listener.say(
        f"found: {len(sampler.found.structure)} nodes, {len(sampler.found.edges)} of "
        f"{len(sampler.space.edges())} connections, {costs[0]:,} MACs; {asked.random} random "
        f"wirings of as many, {min(costs[1:]):,} to {max(costs[1:]):,} MACs"
    )
    if asked.open_test:
        listener.warn("the test split is opened: what it says is no basis for a choice now")


def _report(
    asked: CompareSettings,
    scores: Sequence[CompareRow],
    verdict: Verdict,
    options: TrainOptions,
    split: str,
    measure: str,
) -> CompareSummary:

    found, needed = verdict.difference, verdict.needed
    return CompareSummary(
        command="compare",
        run=asked.run,
        verdict=verdict.sentence,
        difference=DifferenceRecord(
            **as_json(found),
            n=found.seeds,
            needed=needed.seeds,
            needed_random=needed.wirings,
        ),
        over_seeds=OverSeeds(**as_json(verdict.over_seeds), needed=verdict.pairs),
        seeds=asked.seeds,
        random=asked.random,
        split=split,
        measure=measure,
        **by_scores(asked.scores),
        budget=TrainingBudget(epochs=options.schedule.epochs, steps=options.schedule.steps),
        rows=list(scores),
    )
