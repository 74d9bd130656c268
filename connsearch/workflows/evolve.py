"""Blocks that evolve: each child is a short search of its own connections. :func:`evolve`."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connsearch.data.loading.load import DataSplits
from connsearch.errors import SettingsError
from connsearch.evolution.child import Child, Evaluate
from connsearch.evolution.history import History, key_of
from connsearch.evolution.review.children import best_children, refusals
from connsearch.evolution.simulate.fitness import simulated
from connsearch.evolution.start import unlearned
from connsearch.evolution.steps import replay
from connsearch.evolution.study.events import Told, WorkerEvent
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.lease import here, is_gone
from connsearch.evolution.study.study_directory import CHILDREN, Opened, begin, study_settings
from connsearch.evolution.study.worker import work
from connsearch.graph.files import write_structure
from connsearch.graph.spec import Structure
from connsearch.oneshot.fitness import SearchFitness, require_judges
from connsearch.runs.documents import new_config, write_config, write_form
from connsearch.runs.formats.studies import BestChild, EvolutionSummary
from connsearch.runs.names import BEST, CONFIG, STRUCTURE, SUMMARY
from connsearch.settings.nesting import flat
from connsearch.training.class_weights import filed_weights
from connsearch.view.evolution.files import evolution_tables
from connsearch.view.evolution.story import Story
from connsearch.workflows.advised import SHORT, advise, advise_offspring
from connsearch.workflows.data import begun_with, open_data, suit
from connsearch.workflows.given import StructureLike, named, structure_in
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.loaded import DataLike, given_data, splits_in
from connsearch.workflows.settings.evolve import EvolveSettings
from connsearch.workflows.settings.run import RUNS
from connsearch.workflows.targets import open_structure

_OF_A_MACHINE = frozenset({"threads", "device"})
"""Settings of a training in which the workers of one study may differ."""


@dataclass(frozen=True, slots=True)
class Evolved:
    """How far an evolution has come.

    Attributes:
        directory: where it lies; the best structure is ``best.json`` there.
        summary: what is written of it.
        story: all children and what became of them.
        history: of its study.
    """

    directory: Path
    summary: EvolutionSummary
    story: Story
    history: History


def evolve(
    structure: StructureLike | None = None,
    data: DataLike | None = None,
    *,
    progress: Progress = True,
    **settings: Any,
) -> EvolutionSummary:
    """Returns what an evolution of a structure's blocks has found; its directory holds the rest.

    Children are offspring of good parents; what a parent's connections have learned guides how its
    child is connected (AssembleNet, arXiv 1905.13209, section 3.2). The same call resumes, or joins
    as another worker. ``load_structure(found.run)`` is the best structure.

    Args:
        structure: a value, a name, a file, or an earlier run; by default ``starter``.
        data: loaded data, or what ``load_data`` finds it by; by default ``synthetic:mix``; not
            used with ``simulate``.
        progress: True shows the population, False nothing; a function hears every event.
        settings: any option of ``connsearch evolve`` by its name: ``rounds=40, epochs=6``.

    Raises:
        UserError: a setting, the structure or the data cannot be used.
        Failure: too many attempts in a row have failed, or the storage does not answer.
    """
    asked = EvolveSettings.of(**given_data(data, settings), **named("structure", structure))
    given = structure_in(structure), splits_in(data)
    return run_evolve(asked, Listener.of(progress), *given).summary


def run_evolve(
    asked: EvolveSettings,
    listener: Listener,
    structure: Structure | None = None,
    data: DataSplits | None = None,
) -> Evolved:
    """Returns how far the evolution has come when this worker ends.

    Args:
        asked: all settings.
        listener: hears what happens.
        structure: it starts from; None: as the settings name it.
        data: loaded already; None: as the settings name it.

    Raises:
        UserError: as for :func:`evolve`.
    """
    if structure is None:
        structure = open_structure(asked.structure)
    judge = None if asked.simulate is None else _simulated(asked)
    directory = asked.directory(RUNS / f"evolve-{Path(asked.structure).stem}")
    listener.say(f"run: {directory}")
    clips = _clips(asked, data, listener) if judge is None else None
    start = _start(asked, structure, clips)
    opened = _begin(asked, directory, start, clips, listener)
    evolution = Evolution(
        opened.study,
        opened.space,
        opened.options,
        seed=asked.seed,
        worker=asked.worker or f"{socket.gethostname()}-{os.getpid()}",
        lease_seconds=asked.lease,
    )
    listener.say(_state(evolution, asked.stop.rounds))
    if judge is None and asked.training.compute.threads is None and _has_neighbours(evolution):
        listener.warn(
            "another worker computes on this machine, and both take all of its cores, which "
            "makes both many times slower\n  cure: give each its share, such as --threads 1"
        )
    evaluate = judge or _searches(asked, opened, evolution, clips)
    advise_offspring(asked.stop.rounds, asked.evolution.population, listener)
    if clips is not None:  # children are compared with each other: short searches may do
        advise(start, clips, asked.training, listener, without=SHORT)
    events = _tidied(work(evolution, evaluate, asked.stop), evolution, evaluate)
    with listener.working("children"):
        for event in events:
            listener.hear(event)
    return _finish(directory, evolution)


def _clips(asked: EvolveSettings, given: DataSplits | None, listener: Listener) -> DataSplits:
    """The data, refused before there is a directory if nothing can be judged by it."""
    filed_weights(asked.training)
    data = open_data(asked.data_options(), listener) if given is None else given
    require_judges(data, asked.training)
    return data


def _start(asked: EvolveSettings, structure: Structure, data: DataSplits | None) -> Structure:
    """The structure it begins with, as nobody has searched it, fit for the data's streams."""
    if data is None:
        if asked.streams is not None or asked.attention is not None:
            raise SettingsError("--streams and --attention say nothing with --simulate")
        return unlearned(structure)
    return unlearned(suit(structure, data, asked))


def _begin(
    asked: EvolveSettings,
    directory: Path,
    start: Structure,
    data: DataSplits | None,
    listener: Listener,
) -> Opened:

    settings = asked.settings()

    def begun(fitness: Mapping[str, Any]) -> Opened:
        recorded = study_settings(
            start,
            asked.evolution,
            seed=asked.seed,
            classes=10 if data is None else len(data.classes),
            clip=(16, 112, 112) if data is None else data.clip,
            fitness=fitness,
        )
        return begin(directory, recorded, storage=asked.storage, name=asked.name)

    if data is None:
        opened = begun({"simulate": asked.simulate})
    else:
        training = flat(asked.training.with_values(seed=asked.seed), without=_OF_A_MACHINE)
        weights = filed_weights(asked.training)
        opened = begun_with(
            data, lambda mark: begun({"training": training, "data": mark, **weights}), listener
        )
    if not (directory / CONFIG).exists():
        write_structure(start, directory / STRUCTURE)
        write_config(directory / CONFIG, new_config({"command": "evolve", "settings": settings}))
    return opened


def _simulated(asked: EvolveSettings) -> Evaluate:

    assert asked.simulate is not None
    options = asked.evolution
    return simulated(asked.simulate, objectives=options.objectives, rungs=options.rungs)


def _searches(
    asked: EvolveSettings, opened: Opened, evolution: Evolution, data: DataSplits | None
) -> Evaluate:
    """The real fitness: a search of a child's own connections."""
    assert data is not None

    def origins(child: Child) -> tuple[tuple[int, ...], ...]:
        parent = evolution.history.learned(child.parents[0])
        return replay(parent, child.steps, opened.space.limits).origins

    return SearchFitness(
        data,
        asked.training,
        opened.directory / CHILDREN,
        objectives=asked.evolution.objectives,
        rungs=asked.evolution.rungs,
        origins=origins if asked.evolution.inherit else None,
    )


def _finish(directory: Path, evolution: Evolution) -> Evolved:
    """Writes how far an evolution has come: tables, the best structure, and the summary last."""
    history = evolution.history
    story = Story.of(history, evolution.options, title=directory.resolve().name)
    tables = evolution_tables(story, directory)
    fates = Counter(entry.fate for entry in story.entries.values())
    found = EvolutionSummary(
        command="evolve",
        run=str(directory),
        objectives=list(story.objectives),
        children=len(story.entries),
        judged=fates["judged"],
        ended_early=fates["pruned"],
        failed=fates["failed"],
        attempts_failed=len(story.mishaps),
        refused=refusals(history),
        best=[_best(history, number) for number in story.best],
        tables=[str(path) for path in tables],
    )
    if story.winner is not None:
        write_structure(_best_structure(history, story.winner, directory), directory / BEST)
    write_form(directory / SUMMARY, found)
    return Evolved(directory, found, story, history)


def _best(history: History, number: int) -> BestChild:
    judged = history.judged[number]
    return BestChild(
        child=number,
        values=list(judged.mean),
        evaluations=len(judged.values),
        hash=history.births[number]["hash"],
    )


def _best_structure(history: History, number: int, directory: Path) -> Structure:
    """The best child with the weights it has learned, ready to be searched, pruned or drawn."""
    child = history.child(number)
    provenance = {
        "operator": [step.operator for step in child.steps],
        "parents": list(child.parents),
        "child": number,
        "run": str(directory),
        "hash": child.hash,
    }
    return replace(history.learned(number), provenance=provenance)


def _tidied(
    events: Iterator[WorkerEvent], evolution: Evolution, evaluate: Evaluate
) -> Iterator[WorkerEvent]:
    """The events as they come; weights go when nobody will prune them or start from them."""
    history = evolution.history
    discard = getattr(evaluate, "discard_weights", None)
    for event in events:
        if discard is not None and isinstance(event, Told):
            keep = {member.number for member in history.population.members}
            for trial in history.open.values():
                child = key_of(trial).child
                keep |= {child, *history.births[child]["parents"]}
            discard(keep | set(best_children(history)))
        yield event


def _has_neighbours(evolution: Evolution) -> bool:
    """Whether another worker on this machine is judging a child."""
    leases = [trial.facts.get("lease") for trial in evolution.history.open.values()]
    host = here()["host"]
    return any(held and held["host"] == host and not is_gone(held) for held in leases)


def _state(evolution: Evolution, rounds: int) -> str:
    history = evolution.history
    if not history.births:
        return f"a new study: {rounds} children"
    return (
        f"a study of {len(history.births)} of {rounds} children, {len(history.order)} judged, "
        f"{len(history.open)} under way"
    )
