"""Ask for a task, tell its outcome: one evolution, shared with all other workers of its study."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from connsearch.errors import UserError
from connsearch.evolution.child import Child, Outcome, Rung, Task, Trial
from connsearch.evolution.history import History, Key, key_of, weight_facts
from connsearch.evolution.objectives import OBJECTIVES
from connsearch.evolution.options import EvolutionOptions
from connsearch.evolution.population import Population
from connsearch.evolution.proposal import Space, propose
from connsearch.evolution.study.lease import DEFAULT_LEASE, Watch
from connsearch.evolution.study.study import Study
from connsearch.evolution.study.tasks import Tasks
from connsearch.evolution.successive_halving import goes_on
from connsearch.seeds import derive


class OrderError(UserError):
    """An outcome was told for a task that was not asked for, or told twice."""


class Evolution:
    """The evolution that a study holds, seen by one worker.

    Every task that :meth:`ask` returns is leased to this worker until it is told, failed or
    released. A task left by a dead worker is returned to the next worker that asks.

    Args:
        study: its trials, shared by all workers.
        space: what is searched.
        options: how.
        seed: decides everything random.
        worker: a name for tables; ids of process and machine are recorded with it.
        lease_seconds: a worker that does not renew its lease for this long counts as dead.

    Attributes:
        history: the study when it was last read.
    """

    def __init__(
        self,
        study: Study,
        space: Space,
        options: EvolutionOptions,
        *,
        seed: int,
        worker: str = "worker",
        lease_seconds: float = DEFAULT_LEASE,
    ) -> None:
        self.study, self.space, self.options, self.seed = study, space, options, seed
        self.worker, self.lease_seconds = worker, lease_seconds
        self.history = history_of(space, options)
        self._watch = Watch(unsigned=lease_seconds)
        self._leased: dict[int, Task] = {}
        self._dead: list[Trial] = []
        self._tasks = Tasks(
            study,
            self.history,
            worker=worker,
            lease_seconds=lease_seconds,
            attempts=options.attempts,
        )

    def refresh(self) -> None:
        """Takes in what other workers have done since."""
        self._tasks.refresh()

    def ask(self, *, rounds: int) -> Task | None:
        """Returns the next task, or None if there is none now.

        Tasks that wait come first, then repetitions for elites, then new children.

        Args:
            rounds: the total number of children.

        Raises:
            ExhaustedError: no further child could be made.
            Failure: the storage does not answer.
        """
        self._dead += self._sweep()
        for trial in list(self.history.open.values()):
            if trial.state == "waiting" and self._tasks.take(trial):
                return self._hold(trial)
        while True:
            wish = self._repetition() or self._birth(rounds)
            if wish is None:
                return None
            key, child = wish
            trial = self._tasks.begin(key, child, self._seed(key))
            if trial is not None:
                return self._hold(trial)

    def tell(self, task: Task, outcome: Outcome) -> bool:
        """Records an outcome; returns whether it counts.

        It does not if the worker was taken for dead meanwhile and another one has the task.
        An outcome that is not finite is a failure of the attempt.

        Raises:
            OrderError: the task is not assigned to this worker.
        """
        self._require(task)
        if len(outcome.values) != len(self.options.objectives):
            raise OrderError(
                f"child {task.child.number}: {len(outcome.values)} values for the objectives "
                f"{', '.join(self.options.objectives)}"
            )
        self._drop(task)
        if not all(isfinite(value) for value in outcome.values):
            self._tasks.fail(task.trial, f"not finite: {list(outcome.values)}")
            return False
        self.refresh()
        turn = 1 + max((self._turn(n) for n in self.history.order[-1:]), default=0)
        result = {**outcome.facts, "weights": weight_facts(outcome.weights), "turn": turn}
        self.study.note(task.trial, "result", result)
        self.study.finish(task.trial, "complete", outcome.values)
        self.refresh()
        return self._counts(task)

    def report(self, task: Task, rung: Rung) -> bool:
        """Records the values at a rung; returns whether the evaluation continues.

        Repetitions always do, and everything if the study has no rungs. The first children do, too:
        others are compared with them, but a population must be full before it can select.

        Raises:
            OrderError: the task is not assigned to this worker.
        """
        self._require(task)
        if task.evaluation or not self.options.rungs:
            return True
        self.study.rung(task.trial, rung.number, rung.values)
        self.refresh()
        founds = task.child.number < self.options.population
        if len(rung.values) == 1 and self.study.reduction is not None:
            hopeless = self.study.is_hopeless(task.trial, rung.number, rung.values[0])
            return founds or not hopeless
        signs, own = self.history.signs, task.child.number
        reached = {
            key_of(trial).child: [s * v for s, v in zip(signs, values, strict=True)]
            for trial in self.history.trials.values()
            if trial.state != "failed" and (values := trial.rungs.get(rung.number)) is not None
        }
        return founds or own not in reached or goes_on(own, reached, self.options.survivors)

    def prune(self, task: Task, facts: Mapping[str, Any] | None = None) -> bool:
        """Ends an evaluation that does not continue; the child never enters the population."""
        self._drop(task)
        self.study.note(task.trial, "result", dict(facts or {}))
        self.study.finish(task.trial, "pruned")
        self.refresh()
        return self.history.trials[task.trial].state == "pruned"

    def fail(self, task: Task, cause: str) -> bool:
        """Ends an attempt; returns whether the child is queued again: attempts are not used up.

        Args:
            task: held by this worker.
            cause: in words, for people.

        Raises:
            OrderError: the task is not assigned to this worker.
        """
        self._drop(task)
        self._tasks.fail(task.trial, cause)
        return not self.history.trials[task.trial].facts.get("given_up", False)

    def release(self, task: Task, cause: str) -> None:
        """Gives a task back at no cost to the child; nothing where it has ended already."""
        if task.trial in self._leased:
            self._drop(task)
            self._tasks.fail(task.trial, cause, counts=False)

    def forget(self, task: Task) -> None:
        """Drops a task that another worker has now.

        Raises:
            OrderError: the task is not assigned to this worker.
        """
        self._drop(task)

    def renew(self, task: Task) -> bool:
        """Gives a sign of life; returns whether the task is still this worker's."""
        return self._tasks.renew(task.trial)

    def sweep(self) -> list[Trial]:
        """Ends the trials of dead workers and queues their children again.

        Returns:
            Those trials, with those that :meth:`ask` has found since the last time.
        """
        found = [*self._dead, *self._sweep()]
        self._dead.clear()
        return found

    def _sweep(self) -> list[Trial]:
        self.refresh()
        dead: list[Trial] = []
        for trial in list(self.history.open.values()):
            mine = trial.number in self._leased
            if trial.state != "running" or mine:
                continue
            if self._watch.has_run_out(trial.number, trial.facts.get("lease")):
                dead.append(trial)
                self._watch.forget(trial.number)
                self._tasks.fail(trial.number, "its worker died")
        for trial in list(self.history.orphans.values()):
            self._tasks.queue_again(trial)
        return dead

    @property
    def leased(self) -> tuple[Task, ...]:
        """The tasks this worker has asked for and not told."""
        return tuple(self._leased.values())

    def _birth(self, rounds: int) -> tuple[Key, Child] | None:
        number = len(self.history.births)
        if number >= rounds:
            return None
        child = propose(self.history, self.options, self.space, number=number, seed=self.seed)
        return Key(number, 0, 0), child

    def _repetition(self) -> tuple[Key, None] | None:
        """The elite with the fewest evaluations, once the population is full."""
        members = self.history.population.members
        if len(self.history.order) < self.options.population:
            return None
        for member in sorted(members[: self.options.elites], key=lambda m: m.evaluations):
            judged = self.history.judged[member.number]
            evaluation = self.history.begun(member.number)
            settled = evaluation == len(judged.values) + len(judged.lost)
            if settled and evaluation < self.options.evaluations:
                return Key(member.number, evaluation, 0), None
        return None

    def _hold(self, trial: Trial) -> Task:
        key = key_of(trial)
        task = Task(
            trial=trial.number,
            child=self.history.child(key.child),
            evaluation=key.evaluation,
            attempt=key.attempt,
            seed=trial.facts["seed"],
        )
        self._leased[trial.number] = task
        return task

    def _require(self, task: Task) -> None:
        if task.trial not in self._leased:
            raise OrderError(
                f"trial {task.trial} (child {task.child.number}) is not assigned to this "
                "worker: it was told already, or never asked for\n  allowed: "
                f"{', '.join(str(n) for n in self._leased) or 'none, ask first'}"
            )

    def _drop(self, task: Task) -> None:
        self._require(task)
        del self._leased[task.trial]

    def _turn(self, number: int) -> int:
        return self.history.trials[number].facts["result"]["turn"]

    def _counts(self, task: Task) -> bool:
        judged = self.history.judged[task.child.number].trials.get(task.evaluation)
        return judged is not None and judged.number == task.trial

    def _seed(self, key: Key) -> int:
        return derive(self.seed, "evaluation", key.child, key.evaluation)


def history_of(space: Space, options: EvolutionOptions) -> History:
    """Returns the empty history of an evolution."""
    signs = tuple(1 if OBJECTIVES[name].higher else -1 for name in options.objectives)
    return History(space.start, signs, Population(options.population, options.removal))
