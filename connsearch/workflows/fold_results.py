"""What is written of a cross-validation: the test of each fold, and the table of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connsearch.analysis.agreement import Estimate
from connsearch.analysis.folds import FoldsSummary, mean_and_spread, pooled
from connsearch.analysis.grouped import GroupedScores
from connsearch.analysis.stability import agree, learned
from connsearch.analysis.statistics import as_json
from connsearch.data.loading.load import DataSplits
from connsearch.data.records import Source
from connsearch.data.sources.datasets.csv_list import BETWEEN
from connsearch.data.sources.folds import Folds
from connsearch.files.disk import is_there
from connsearch.models.model import Model
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune_by
from connsearch.runs.documents import keep_evaluation, write_form
from connsearch.runs.formats.folds import (
    FoldClassRow,
    FoldRow,
    FoldsRecord,
    FoldsWiring,
    FoldUnit,
)
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.studies import EstimateRecord
from connsearch.runs.names import PREDICTIONS, SUMMARY, fold
from connsearch.runs.predictions import FoldAnswer, read_predictions, write_predictions
from connsearch.runs.record import RunRecord
from connsearch.training.environment import processor_threads
from connsearch.training.predictions import Answers
from connsearch.view.runs.confusion import confusion_pictures
from connsearch.workflows.agreeing import write_agreement
from connsearch.workflows.evaluate import alone, draw_confusion, judge_on
from connsearch.workflows.listening import Listener
from connsearch.workflows.settings.evaluate import EvaluateSettings
from connsearch.workflows.settings.folds import FoldedSettings
from connsearch.workflows.targets import open_trained


@dataclass(frozen=True, slots=True)
class FoldTest:
    """A fold that is to be tested.

    Attributes:
        run: the directory of its run.
        number: of the fold, from 1.
        folds: all of them.
    """

    run: Path
    number: int
    folds: Folds


def judge_fold(
    asked: FoldTest, data: DataSplits, network: Model | None, listener: Listener
) -> Metrics:
    """Returns what the network of a fold does on the fold; the answers are in its run.

    It is opened once: after a kill what was found before is taken.

    Raises:
        DataError: none of its clips can be read.
    """
    trained, path = open_trained(asked.run), asked.run / PREDICTIONS
    with alone(asked.run):
        before = RunRecord(asked.run).evaluations.get("test")
        if before is not None and is_there(path):
            draw_confusion(asked.run, "test", before.metrics, listener, fresh=False)
            return before.metrics
        environment = trained.form.environment
        assert environment is not None, "a finished run has its environment"
        wanted = EvaluateSettings(
            run=str(asked.run), device=environment.device, precision=environment.precision
        )
        with processor_threads(environment.threads):
            found, answers = judge_on(wanted, trained, data, network, listener, times=1)
        # first the answers: an evaluation that is there says that they are
        rows = _predictions(asked, data, answers)
        write_predictions(path, rows, data.classes, multi_label=data.multi_label)
        keep_evaluation(asked.run, "test", found)
    draw_confusion(asked.run, "test", found.metrics, listener, fresh=True)
    return found.metrics


def write_folds(
    asked: FoldedSettings,
    command: str,
    place: Path,
    source: Source,
    folds: Folds,
    units: Sequence[FoldUnit],
    listener: Listener,
) -> FoldsSummary:
    """Returns the cross-validation, after writing tables, pictures, and the summary last."""
    rows = [
        row
        for number in range(1, len(units) + 1)
        for row in read_predictions(place / fold(number) / PREDICTIONS)
    ]
    many = source.multi_label
    write_predictions(place / PREDICTIONS, rows, source.classes, multi_label=many)
    records = {record.name: record for part in folds.parts for record in part}
    unit_of = {
        record.name: unit
        for part, held in zip(folds.parts, folds.units, strict=True)
        for record, unit in zip(part, held, strict=True)
    }
    tests = [unit.test for unit in units]
    metrics, sure = pooled(rows, records, unit_of, source.classes, tests, multi_label=many)
    pictures = [] if metrics.confusion is None else _confusion(metrics, place)
    wiring, drawn = _wiring(asked, command, place, len(units), listener)
    mean, spread = mean_and_spread([test.score for test in tests])
    record = FoldsRecord(
        command=command,
        run=str(place),
        folds=len(units),
        by=folds.by,
        groups=len(set(unit_of.values())),
        measure=metrics.measure,
        pooled=metrics,
        accuracy=_estimate(sure.accuracy),
        balanced_accuracy=_known(sure.balanced_accuracy),
        mAP=_known(sure.mean_precision),
        mean=mean,
        spread=spread,
        rows=_fold_rows(place, folds, units),
        classes=_class_rows(metrics, sure),
        notes=folds.notes(len(source.classes)),
        wiring=wiring,
        predictions=str(place / PREDICTIONS),
        pictures=[str(path) for path in [*pictures, *drawn]],
    )
    write_form(place / SUMMARY, record)
    return FoldsSummary(place, record)


def _predictions(asked: FoldTest, data: DataSplits, answers: Answers) -> list[FoldAnswer]:
    found: list[FoldAnswer] = []
    odds = [()] * len(answers.indices) if answers.log_odds is None else answers.log_odds.tolist()
    rows = zip(
        answers.indices.tolist(),
        answers.first.tolist(),
        answers.probabilities.tolist(),
        odds,
        strict=True,
    )
    for index, first, probabilities, log_odds in rows:
        record = data.test.records[index]
        found.append(
            FoldAnswer(
                path=record.path.as_posix(),
                clip=record.name,
                label=BETWEEN.join(data.classes[label] for label in record.labels),
                group=record.group,
                fold=asked.number,
                predicted=data.classes[first],
                probability=probabilities[first],
                probabilities=dict(zip(data.classes, probabilities, strict=True)),
                log_odds=dict(zip(data.classes, log_odds, strict=True)) if log_odds else {},
            )
        )
    return found


def _confusion(metrics: Metrics, place: Path) -> list[Path]:
    assert metrics.confusion is not None, "there are classes"
    title = f"all folds: accuracy {metrics.accuracy:.3f} of {metrics.clips} clips"
    return confusion_pictures(metrics.confusion, place, "confusion", title=title)


def _wiring(
    asked: FoldedSettings, command: str, place: Path, count: int, listener: Listener
) -> tuple[FoldsWiring | None, list[Path]]:
    """How far the searches of the folds agree, and the pictures of it; nothing of a training."""
    if command != "search":
        return None, []
    options = PruneOptions()
    names = [fold(number) for number in range(1, count + 1)]
    searched = [learned(place / name) for name in names]
    found = agree(searched, [prune_by(one, options).edges for one in searched], seed=asked.seed)
    consensus, path, pictures = write_agreement(found, place, listener, what="folds")
    wiring = FoldsWiring(
        verdict=found.verdict,
        criterion=options.criterion,
        kept={name: len(kept) for name, kept in zip(names, found.kept, strict=True)},
        jaccard=_estimate(found.agreement),
        chance=found.chance,
        p=found.p,
        consensus=[list(edge) for edge in sorted(consensus.edges)],
        structure=str(path),
        rows=found.rows(),
    )
    return wiring, pictures


def _fold_rows(place: Path, folds: Folds, units: Sequence[FoldUnit]) -> list[FoldRow]:
    return [
        FoldRow(
            fold=number,
            name=folds.names[number - 1],
            run=str(place / fold(number)),
            clips=len(folds.parts[number - 1]),
            groups=len(set(folds.units[number - 1])),
            test=unit.test,
            val=None if unit.val is None else unit.val.headline,
        )
        for number, unit in enumerate(units, start=1)
    ]


def _class_rows(metrics: Metrics, sure: GroupedScores) -> list[FoldClassRow]:
    return [
        FoldClassRow(name=name, clips=metrics.support[name], value=_estimate(found))
        for name, found in sure.by_class.items()
    ]


def _estimate(found: Estimate) -> EstimateRecord:
    return EstimateRecord(**as_json(found))


def _known(found: Estimate | None) -> EstimateRecord | None:
    return None if found is None else _estimate(found)
