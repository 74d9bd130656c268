"""What one worker does with the trials of a study: begins, takes, ends and queues them again.

After every step another worker can continue, if this one dies between two lines.
"""

from __future__ import annotations

import uuid
from typing import Any

from connsearch.evolution.child import Child, Trial
from connsearch.evolution.history import History, Key, birth_facts, key_of
from connsearch.evolution.study.collection import collected_later
from connsearch.evolution.study.lease import lease
from connsearch.evolution.study.study import Study

VOID = "void: another trial has the same task"


class Tasks:
    """The trials of a study as one worker handles them.

    Args:
        study: shared by all workers.
        history: the study when it was last read; updated here.
        worker: a name for tables.
        lease_seconds: a worker that does not renew its lease for this long counts as dead.
        attempts: how often a child is tried.
    """

    def __init__(
        self, study: Study, history: History, *, worker: str, lease_seconds: float, attempts: int
    ) -> None:
        self.study, self.history = study, history
        self.worker, self.lease_seconds, self.attempts = worker, lease_seconds, attempts
        self._token = uuid.uuid4().hex
        self._beats: dict[int, int] = {}
        self.refresh()

    def refresh(self) -> None:
        """Takes in what other workers have done since."""
        changed = self.study.changed()
        with collected_later():
            self.history.update(changed)

    def begin(self, key: Key, child: Child | None, seed: int) -> Trial | None:
        """Returns the trial of a new task; None if another worker was faster.

        If the storage had accepted the trial but its answer was lost, a second one was
        requested. The first counts then, and belongs to this worker.
        """
        facts = {
            **key._asdict(),
            "strikes": 0,
            "seed": seed,
            "birth": None if child is None else birth_facts(child),
            "lease": self._lease(0),
            "worker": self.worker,
        }
        self.study.create("running", facts)
        self.refresh()
        for number in [n for n, t in self.history.open.items() if self._is_mine(t)]:
            self.end_void(number)
        trial = self.history.counting(key)
        assert trial is not None
        return trial if trial.state == "running" and self._is_mine(trial) else None

    def take(self, trial: Trial) -> bool:
        """Returns whether this worker has got a trial that waits."""
        if self.end_void(trial.number) or not self.study.claim(trial.number):
            return False
        self.study.note(trial.number, "lease", self._lease(0))
        self.study.note(trial.number, "worker", self.worker)
        self.refresh()
        return True

    def renew(self, number: int) -> bool:
        """Gives a sign of life; returns whether the trial was still open."""
        self._beats[number] = self._beats.get(number, 0) + 1
        return self.study.note(number, "lease", self._lease(self._beats[number]))

    def fail(self, number: int, cause: str, *, counts: bool = True) -> None:
        """Ends a trial and queues its child again, unless attempts are used up.

        Args:
            number: of a trial that is open.
            cause: text for users.
            counts: whether it costs the child one of its attempts.
        """
        if self.end_void(number):
            return
        strikes = self.history.trials[number].facts["strikes"] + counts
        self.study.note(number, "cause", cause)
        if not counts:
            self.study.note(number, "free", True)
        if strikes >= self.attempts:
            self.study.note(number, "given_up", True)
        self.study.finish(number, "failed")
        self.refresh()
        orphan = self.history.orphans.get(key_of(self.history.trials[number])[:2])
        if orphan is not None:
            self.queue_again(orphan)

    def queue_again(self, trial: Trial) -> None:
        """Lets a failed attempt be followed by another one, which waits for a worker.

        How many attempts were used up is counted here, from facts that never change: two workers
        may end the same trial at the same moment.
        """
        key, facts = key_of(trial), trial.facts
        again = key._replace(attempt=key.attempt + 1)
        strikes = facts["strikes"] + (not facts.get("free", False))
        self.study.create("waiting", {**again._asdict(), "strikes": strikes, "seed": facts["seed"]})
        self.refresh()

    def end_void(self, number: int) -> bool:
        """Returns whether another trial has the same task; this one is ended then."""
        if number not in self.history.voids:
            return False
        self.study.note(number, "cause", VOID)
        self.study.finish(number, "failed")
        self.refresh()
        return True

    def _is_mine(self, trial: Trial) -> bool:
        return trial.facts.get("lease", {}).get("token") == self._token

    def _lease(self, beat: int) -> dict[str, Any]:
        return lease(self.worker, length=self.lease_seconds, beat=beat, token=self._token)
