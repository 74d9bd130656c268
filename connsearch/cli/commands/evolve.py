"""``connsearch evolve``: let the blocks of a structure evolve, with any number of workers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from connsearch.cli.command import Flag
from connsearch.cli.target import open_structure
from connsearch.cli.terminal import Terminal
from connsearch.cli.work import RUNS, Work, begun_with, open_data, suit
from connsearch.errors import SettingsError
from connsearch.evolution.options import EvolutionOptions, StopOptions
from connsearch.oneshot.options import SearchOptions
from connsearch.runs.documents import new_config, write_config
from connsearch.runs.names import CONFIG, STRUCTURE
from connsearch.settings.nesting import flat

if TYPE_CHECKING:
    from connsearch.data.loading.load import DataSplits
    from connsearch.evolution.child import Child, Evaluate
    from connsearch.evolution.study.evolution import Evolution
    from connsearch.evolution.study.study_directory import Opened
    from connsearch.evolution.study.worker import WorkerEvent
    from connsearch.graph.spec import Structure

_OF_THIS_WORKER = frozenset({"stop", "storage", "name", "worker", "lease"})
"""Settings that differ between workers, or between one start of a worker and the next."""

_OF_A_MACHINE = frozenset({"threads", "device"})
"""Settings of a training in which the workers of one study may differ."""


class Evolve(Work):
    """Evolves the blocks of a structure: each child is a short search of its own connections.

    Children are offspring of good parents; what a parent's connections have learned guides how its
    child is connected. Without arguments: from a small structure, on built-in data.

    The same line on another terminal or machine joins as a second worker. Stopped or killed, it
    goes on where it was; --rounds can be raised later.
    """

    NAMED: ClassVar[tuple[str, ...]] = ("structure",)
    HIDDEN: ClassVar[frozenset[str]] = Work.HIDDEN | {
        "training.over_connect",
        "training.warm_start",
        "tensorboard",
    }

    BASIC: ClassVar[frozenset[str]] = frozenset(
        """
        run config seed storage simulate json_line source frames stride size augment batch_size
        workers val_share population objectives budget elites inherit rounds hours epochs lr device
        threads
        """.split()
    )

    structure: Annotated[str, Flag(positional=True)] = "starter"
    """Start structure: its name, a structure file, or an earlier run."""
    storage: Annotated[str | None, Flag(metavar="PLACE")] = None
    """Where to keep the study: sqlite:///FILE, postgresql+psycopg://..., mysql+pymysql://...,
    grpc://HOST:PORT or a journal file; by default a journal file in the run directory."""
    name: str | None = None
    """Name of the study in its storage; by default that of the run directory."""
    worker: str | None = None
    """Name of this worker in tables; by default its machine and process."""
    lease: float = Field(default=60.0, ge=1, allow_inf_nan=False)
    """A worker that has sent no sign of life for this many seconds counts as dead; a process that
    died on this machine is noticed at once."""
    simulate: Annotated[str | None, Flag(metavar="FITNESS")] = None
    """Use a simulated fitness and train nothing: planted, table:FILE, or with settings, such as
    planted:noise=0.02,seconds=1."""
    evolution: EvolutionOptions = EvolutionOptions()
    stop: StopOptions = StopOptions()
    training: SearchOptions = SearchOptions.of(epochs=8)

    def settings(self) -> dict[str, Any]:
        """Returns everything that decides the result, as JSON values."""
        values = super().settings()
        return {key: value for key, value in values.items() if key not in _OF_THIS_WORKER}

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Evolves, joins or goes on, and returns the best child and what became of all."""
        from connsearch.cli.evolving import follow
        from connsearch.evolution.study.evolution import Evolution
        from connsearch.evolution.study.worker import work

        structure = open_structure(self.structure)
        judge = None if self.simulate is None else self._simulated()
        directory = self.directory(RUNS / f"evolve-{Path(self.structure).stem}")
        terminal.say(f"run: {directory}")
        data = self._clips(terminal) if judge is None else None
        start = self._start(structure, data)
        opened = self._begin(directory, start, data, terminal)
        worker = self.worker or f"{socket.gethostname()}-{os.getpid()}"
        evolution = Evolution(
            opened.study,
            opened.space,
            opened.options,
            seed=self.seed,
            worker=worker,
            lease_seconds=self.lease,
        )
        terminal.say(_state(evolution, self.stop.rounds))
        if judge is None and self.training.compute.threads is None and _has_neighbours(evolution):
            terminal.warn(
                "another worker computes on this machine, and both take all of its cores, which "
                "makes both many times slower\n  cure: give each its share, such as --threads 1"
            )
        evaluate = judge or self._searches(opened, evolution, data)
        events = _tidied(work(evolution, evaluate, self.stop), evolution, evaluate)
        follow(events, evolution, self.stop, terminal)
        return self._report(directory, evolution, terminal)

    def _clips(self, terminal: Terminal) -> DataSplits:
        """The data, refused before there is a directory if nothing can be judged by it."""
        from connsearch.oneshot.fitness import require_judges

        data = open_data(self.data_options(), terminal)
        require_judges(data)
        return data

    def _start(self, structure: Structure, data: DataSplits | None) -> Structure:
        """The structure it begins with, as nobody has searched it, fit for the data's streams."""
        from connsearch.evolution.start import unlearned

        if data is None:
            if self.streams is not None or self.attention is not None:
                raise SettingsError("--streams and --attention say nothing with --simulate")
            return unlearned(structure)
        return unlearned(suit(structure, data, self))

    def _begin(
        self, directory: Path, start: Structure, data: DataSplits | None, terminal: Terminal
    ) -> Opened:
        from connsearch.evolution.study.study_directory import begin, study_settings
        from connsearch.graph.files import write_structure

        settings = self.settings()

        def begun(fitness: Mapping[str, Any]) -> Opened:
            recorded = study_settings(
                start,
                self.evolution,
                seed=self.seed,
                classes=10 if data is None else len(data.classes),
                clip=(16, 112, 112) if data is None else data.clip,
                fitness=fitness,
            )
            return begin(directory, recorded, storage=self.storage, name=self.name)

        if data is None:
            opened = begun({"simulate": self.simulate})
        else:
            training = flat(self.training.with_values(seed=self.seed), without=_OF_A_MACHINE)
            opened = begun_with(
                data, lambda mark: begun({"training": training, "data": mark}), terminal
            )
        if not (directory / CONFIG).exists():
            write_structure(start, directory / STRUCTURE)
            write_config(
                directory / CONFIG, new_config({"command": "evolve", "settings": settings})
            )
        return opened

    def _simulated(self) -> Evaluate:
        from connsearch.evolution.simulate.fitness import simulated

        assert self.simulate is not None
        options = self.evolution
        return simulated(self.simulate, objectives=options.objectives, rungs=options.rungs)

    def _searches(self, opened: Opened, evolution: Evolution, data: DataSplits | None) -> Evaluate:
        """The real fitness: a search of a child's own connections."""
        from connsearch.evolution.steps import replay
        from connsearch.evolution.study.study_directory import CHILDREN
        from connsearch.oneshot.fitness import SearchFitness

        assert data is not None

        def origins(child: Child) -> tuple[tuple[int, ...], ...]:
            parent = evolution.history.learned(child.parents[0])
            return replay(parent, child.steps, opened.space.limits).origins

        return SearchFitness(
            data,
            self.training,
            opened.directory / CHILDREN,
            objectives=self.evolution.objectives,
            rungs=self.evolution.rungs,
            origins=origins if self.evolution.inherit else None,
        )

    def _report(
        self, directory: Path, evolution: Evolution, terminal: Terminal
    ) -> Mapping[str, Any]:
        """Shows the population, writes the table of all children and the best structure."""
        from connsearch.cli.evolved import finish

        return finish(directory, evolution, terminal)


def _tidied(
    events: Iterator[WorkerEvent], evolution: Evolution, evaluate: Evaluate
) -> Iterator[WorkerEvent]:
    """The events as they come; weights go when nobody will prune them or start from them."""
    from connsearch.evolution.history import key_of
    from connsearch.evolution.review.children import best_children
    from connsearch.evolution.study.worker import Told

    history = evolution.history
    thin = getattr(evaluate, "thin", None)
    for event in events:
        if thin is not None and isinstance(event, Told):
            keep = {member.number for member in history.population.members}
            for trial in history.open.values():
                child = key_of(trial).child
                keep |= {child, *history.births[child]["parents"]}
            thin(keep | set(best_children(history)))
        yield event


def _has_neighbours(evolution: Evolution) -> bool:
    """Whether another worker on this machine is judging a child."""
    from connsearch.evolution.study.lease import here, is_gone

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
