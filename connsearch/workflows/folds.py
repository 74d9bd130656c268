"""One training for each fold of a cross-validation, and what they say together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from connsearch.analysis.folds import FoldsSummary
from connsearch.analysis.units import UnitWork, work_through
from connsearch.data.loading.load import DataSplits
from connsearch.data.records import Source
from connsearch.data.sources.folds import Folds, divide, fold_lists
from connsearch.data.sources.source import read_source
from connsearch.errors import Failure, SettingsError, TrainingError
from connsearch.files.disk import is_there
from connsearch.models.model import Model
from connsearch.runs.documents import read_form
from connsearch.runs.events import AdviceEvent, Event, NoteEvent, WarningEvent
from connsearch.runs.formats.folds import FoldsRecord, FoldUnit
from connsearch.runs.ledger import Ledger, check_settings
from connsearch.runs.names import SUMMARY, fold
from connsearch.runs.record import open_run
from connsearch.runs.recorded import is_trained, recorded_settings
from connsearch.runs.run import Run
from connsearch.training.best import require_effect
from connsearch.training.class_weights import filed_weights
from connsearch.training.options import TrainOptions
from connsearch.workflows.analyses import refuse_strange
from connsearch.workflows.data import open_data
from connsearch.workflows.fold_results import FoldTest, judge_fold, write_folds
from connsearch.workflows.initial import forget_first
from connsearch.workflows.listening import Hear, Listener
from connsearch.workflows.loaded import DataLike
from connsearch.workflows.pictures import draw_run
from connsearch.workflows.scalars import for_tensorboard
from connsearch.workflows.settings.folds import FoldedSettings

S = TypeVar("S", bound=FoldedSettings)

_SOME = "1/2"
"""Some fold: which options have an effect is the same for all of them."""


@dataclass(frozen=True, slots=True)
class FoldTraining(Generic[S]):
    """How a fold is trained.

    Attributes:
        command: that is cross-validated: ``train`` or ``search``.
        options: of the training of each.
        events: yields those of a training with these settings, on this data, in this run.
        network: a fresh module that weights are put into, where only its owner can build it.
    """

    command: str
    options: TrainOptions
    events: Callable[[S, DataSplits, Run, Listener], Iterator[Event]]
    network: Callable[[], Model] | None = None


def refuse_loaded(data: DataLike | None) -> None:
    """Refuses data that is split already.

    Raises:
        SettingsError: it is.
    """
    if isinstance(data, DataSplits):
        raise SettingsError(
            "folds: has no effect on loaded data, which is split already\n"
            "  cure: name the data in place of loading it: train(network, 'my_videos', folds=5)"
        )


def refuse_seen(target: str, source: str, listener: Listener, *, weights: bool) -> None:
    """Refuses weights that have learned from clips which a fold would test.

    Args:
        target: the run that they come from, or its wiring.
        source: the data that is divided.
        listener: is warned of a wiring alone.
        weights: they are used.

    Raises:
        SettingsError: they come from this data.
    """
    recorded = recorded_settings(target).get("data", {}).get("source", {}).get("source")
    if recorded is None or Path(recorded).resolve() != Path(source).resolve():
        return  # other data: whatever can be said of it is said when it is read
    if weights:
        raise SettingsError(
            f"{target}: its weights have learned from clips of {source}, so folds would test what "
            "was trained\n  cure: --from-scratch; or search --folds, then prune and train each of "
            "its folds"
        )
    listener.warn(
        f"the wiring of {target} was found with clips of {source}, those that are tested among "
        "them: search --folds tells how good search and wiring are together"
    )


def refuse_initial(asked: FoldedSettings, listener: Listener, others: Iterable[str] = ()) -> None:
    """Refuses folds that begin with weights which have learned from clips they would test.

    Args:
        asked: all settings.
        listener: hears of it.
        others: where further weights come from.

    Raises:
        SettingsError: they come from a run on this data.
    """
    named = [asked.initial_weights, *others]
    for target in named:
        if target is not None and is_trained(target):
            refuse_seen(target, asked.data.source.source, listener, weights=True)


def run_folds(asked: S, place: Path, training: FoldTraining[S], listener: Listener) -> FoldsSummary:
    """Returns the cross-validation that was asked for, once it is finished.

    Every fold has a run of its own below ``place``; the same call resumes, and folds that are
    finished are not trained again.

    Args:
        asked: all settings; ``folds`` among them.
        place: the directory.
        training: how a fold is trained.
        listener: hears what happens.

    Raises:
        DataError: the data cannot be divided so.
        RunError: the directory holds something else, or was made with other settings or data.
        Failure: the training of a fold could not go on; it is named, the others are finished.
    """
    listener.say(f"run: {place}")
    refuse_strange(place)
    settings = {"command": training.command, "settings": asked.settings()}
    check_settings(place, settings, besides=("data", "class_weights"))
    if is_there(place / SUMMARY):
        listener.say("it is finished; this is its result")
        summary = read_form(place / SUMMARY, FoldsRecord, "the summary of a cross-validation")
        return FoldsSummary(place, summary)
    require_effect(training.options.choice)
    weights = filed_weights(training.options)
    told = _Told(listener)
    source = read_source(asked.data_options().with_values(fold=_SOME))
    folds = _divided(source, asked, told)
    first = _opened(_one(asked, 1, len(folds.parts), place), told)
    with Ledger(place, {**settings, "data": first.fingerprint, **weights}) as ledger:
        work: dict[str, UnitWork] = {}
        for number in range(1, len(folds.parts) + 1):
            one = _one(asked, number, len(folds.parts), place)
            given = first if number == 1 else None
            work[fold(number)] = _unit(one, number, folds, training, given, told)
        failed: dict[str, TrainingError] = {}
        told.work_through(work_through(ledger, work, failed=failed), "folds")
        _refuse_failed(failed, len(work), place)
        tests = [ledger.read(name, FoldUnit) for name in work]
        return write_folds(asked, training.command, place, source, folds, tests, told)


def _divided(source: Source, asked: FoldedSettings, listener: Listener) -> Folds:
    """The folds; whatever keeps one of them from being trained is refused here.

    Raises:
        DataError: see ``data.sources.folds``.
    """
    options = asked.data_options().split
    folds = divide(source, options, asked.folds if isinstance(asked.folds, int) else None)
    for number in range(1, len(folds.parts) + 1):
        fold_lists(source, folds, options, number)
    sizes = ", ".join(str(len(part)) for part in folds.parts)
    units = len({unit for part in folds.units for unit in part})
    over = f" in {units} groups" if folds.by != "clips" else ""
    called = f" ({', '.join(folds.names)})" if folds.by == "the column cv" else ""
    listener.say(
        f"{len(folds.parts)} folds{called} of {sum(map(len, folds.parts))} clips{over}: {sizes}"
    )
    for note in folds.notes(len(source.classes)):
        listener.warn(note)
    return folds


def _one(asked: S, number: int, count: int, place: Path) -> S:
    """The settings of one fold: those of its training alone, with a seed of its own."""
    return asked.model_copy(
        update={
            "folds": None,
            "run": place / fold(number),
            "seed": asked.seed + number - 1,
            "data_seed": asked.data_options().split.seed,
            "data": asked.data.with_values(fold=f"{number}/{count}"),
        }
    )


def _unit(
    one: S,
    number: int,
    folds: Folds,
    training: FoldTraining[S],
    given: DataSplits | None,
    listener: _Told,
) -> UnitWork:
    """One fold: trained as its command would train it alone, then tested, once."""

    def work() -> Iterator[Event | FoldUnit]:
        data = _opened(one, listener) if given is None else given
        assert one.run is not None, "a fold has its directory"
        config = {"command": training.command, "settings": one.settings()}
        with Run.open(one.run, config) as run:
            if not run.finished:
                events = training.events(one, data, run, listener)
                watched = for_tensorboard(events, one.run, wanted=one.tensorboard)
                yield from listener.of_training(one.run.name, watched)
            forget_first(one.run)
            draw_run(open_run(one.run), listener)
        network = None if training.network is None else training.network()
        found = judge_fold(FoldTest(one.run, number, folds), data, network, listener)
        val = run.result().metrics.get("val")
        summary = f"test {found.measure} {found}"
        yield FoldUnit(test=found, val=val, summary=summary)

    return work


def _opened(one: FoldedSettings, told: _Told) -> DataSplits:
    """The data of a fold; what is true of all folds was said of them together."""
    assert one.run is not None, "a fold has its directory"
    return open_data(one.data_options(), Listener(told.of_data(one.run.name)))


class _Told(Listener):
    """A listener that hears a warning about the data once: most are the same for every fold."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(self._hear)
        self._whose, self._heard, self._advised = listener, set[str](), set[str]()

    def of_data(self, name: str) -> Hear:
        """Returns what hears of the data of one fold: its counts, and warnings of it alone."""

        def hear(event: object) -> None:
            if isinstance(event, WarningEvent):
                if event.message not in self._heard:
                    self._heard.add(event.message)
                    self._whose.warn(f"{name}: {event.message}")
            elif not isinstance(event, NoteEvent):
                self._whose.hear(event)

        return hear

    def of_training(self, name: str, events: Iterable[Event]) -> Iterator[Event]:
        """Yields the events of a fold's training; warnings say which fold it is.

        Folds are trained alike, so a kind of advice is told by the first one that has it.
        """
        for event in events:
            if isinstance(event, WarningEvent):
                yield WarningEvent(f"{name}: {event.message}")
            elif isinstance(event, AdviceEvent):
                if event.advice.kind not in self._advised:
                    self._advised.add(event.advice.kind)
                    yield WarningEvent(f"{name}: {event.advice}")
            else:
                yield event

    def _hear(self, event: object) -> None:
        if isinstance(event, WarningEvent):
            self._heard.add(event.message)
        self._whose.hear(event)


def _refuse_failed(failed: Mapping[str, TrainingError], count: int, place: Path) -> None:
    """Raises what has failed, once everything else is done.

    Raises:
        Failure: the training of a fold could not go on.
    """
    if failed:
        lines = "\n".join(
            f"  {name}: {str(error).splitlines()[0]}" for name, error in failed.items()
        )
        raise Failure(
            f"{place}: {len(failed)} of {count} folds failed, so there is no table of all clips\n"
            f"{lines}\n  the other folds are finished and stay\n"
            "  cure: other settings, such as a smaller --lr, in another directory; the same "
            "command tries these folds once more"
        )
