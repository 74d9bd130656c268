"""The study: an Optuna storage, and what an evolution needs of it.

Every trial is one evaluation of one child. What must not happen twice (taking a waiting trial,
ending one) is left to the storage, which lets exactly one worker win; everything else is
interpreted in :mod:`connsearch.evolution.history`. Optuna is imported here and where storages are
opened.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any

import optuna
from optuna.storages import BaseStorage, GrpcStorageProxy, InMemoryStorage, JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from connsearch.errors import RunError
from connsearch.evolution.child import State, Trial
from connsearch.evolution.history import OPEN
from connsearch.evolution.study.collection import collected_later
from connsearch.evolution.study.patience import patiently
from connsearch.settings.differences import describe_differences, differences, may_change, plain

_STATES: Mapping[TrialState, State] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_DIRECT = (InMemoryStorage, JournalStorage, GrpcStorageProxy)
"""Storages that return a single trial quickly; databases are faster with all changes at once."""

_CODES = {state: code for code, state in _STATES.items()}
_RUNG = "rung "
_BEGAN, _ENDED = "began", "ended"
"""Seconds since 1970 by the clock of the worker who began or ended a trial. Optuna's own times are
local ones: through its proxy they arrive as another zone's, and one hour in autumn is lost."""

_SETTINGS = "connsearch"

_CREATION = 5.0
"""Seconds after which the creator of a study that has written no settings counts as dead."""


class Study:
    """The trials of one evolution, in a storage that any number of workers share.

    Args:
        storage: see :func:`open_storage`.
        name: of the study in the storage.
        maximise: for every objective whether more is better.
        settings: what decides results, as JSON values; a study that exists must have the same.
        reduction: one of how many children continues at a rung, if Optuna prunes by one
            objective; None without pruning.
        create: whether a missing study is created; otherwise it must exist.

    Raises:
        RunError: the study exists with other objectives or settings.
    """

    def __init__(
        self,
        storage: BaseStorage,
        name: str,
        maximise: Sequence[bool],
        settings: Mapping[str, Any],
        *,
        reduction: int | None = None,
        create: bool = True,
    ) -> None:
        self.name, self.storage = name, storage
        wanted = [StudyDirection.MAXIMIZE if m else StudyDirection.MINIMIZE for m in maximise]
        find = _find_or_create if create else _find
        self._id, created = patiently(lambda: find(storage, name, wanted))
        self.settings = self._agree(wanted, plain(settings), created)
        self._ids: dict[int, int] = {}
        self._known = 0
        self._open: set[int] = set()
        self.reduction = reduction
        self._climbing: _Climbing | None = None

    def _agree(
        self, wanted: Sequence[StudyDirection], asked: Mapping[str, Any], created: bool
    ) -> Mapping[str, Any]:
        """Writes the settings of a new study; refuses other settings than it has.

        The worker that created it writes them; the others wait for that, unless it died in between.
        """
        end = time.monotonic() + (0.0 if created else _CREATION)
        known = self._recorded()
        while known is None and time.monotonic() < end:
            time.sleep(0.05)
            known = self._recorded()
        if known is None:
            patiently(lambda: self.storage.set_study_user_attr(self._id, _SETTINGS, asked))
            known = self._recorded() or {}
        different = differences(known, asked)
        different = {key: pair for key, pair in different.items() if not may_change(key)}
        if list(patiently(lambda: self.storage.get_study_directions(self._id))) != list(wanted):
            different["objectives"] = ("others", "these")
        if different:
            raise RunError(
                f"study {self.name}: was started with other settings\n"
                f"{describe_differences(different)}\n"
                "  cure: use its settings, or choose another directory (--run) or --name"
            )
        return known

    def _recorded(self) -> Mapping[str, Any] | None:
        return patiently(lambda: self.storage.get_study_user_attrs(self._id)).get(_SETTINGS)

    def trials(self) -> list[Trial]:
        """Returns all trials, including those returned before."""
        with collected_later():
            found = patiently(lambda: self.storage.get_all_trials(self._id, deepcopy=False))
            return [_trial(frozen) for frozen in found]

    def changed(self) -> list[Trial]:
        """Returns the trials that are new or may have changed since they were last asked for."""
        with collected_later():
            found = [_trial(frozen) for frozen in patiently(self._fresh)]
        self._known += sum(trial.number >= self._known for trial in found)
        self._open = {t.number for t in found if t.state in OPEN}
        return found

    def _fresh(self) -> list[FrozenTrial]:
        if self._known and isinstance(self.storage, _DIRECT):
            return self._one_by_one()
        trials = self.storage.get_all_trials(self._id, deepcopy=False)
        return [trials[n] for n in (*sorted(self._open), *range(self._known, len(trials)))]

    def _one_by_one(self) -> list[FrozenTrial]:
        """The same without a list of all trials, which takes long where there are many.

        New ones are found first, so the others are at least as recent.
        """
        storage, last = self.storage, self._known
        with contextlib.suppress(KeyError):
            while True:
                known = storage.get_trial_id_from_study_id_trial_number(self._id, last)
                self._ids[last] = known
                last += 1
        fresh = (*sorted(self._open), *range(self._known, last))
        return [storage.get_trial(self._trial_id(number)) for number in fresh]

    def create(self, state: State, facts: Mapping[str, Any]) -> int:
        """Returns the number of a new trial, ``running`` or ``waiting``."""
        known = {k: v for k, v in facts.items() if v is not None}
        if state == "running":
            known[_BEGAN] = time.time()
        template = optuna.trial.create_trial(state=_CODES[state], user_attrs=known)
        template.datetime_start = datetime.now() if state == "running" else None
        created = patiently(lambda: self.storage.create_new_trial(self._id, template))
        number = patiently(lambda: self.storage.get_trial_number_from_id(created))
        self._ids[number] = created
        return number

    def claim(self, number: int) -> bool:
        """Returns whether this worker has got a waiting trial: exactly one does."""
        return self._change(number, TrialState.RUNNING) and self.note(number, _BEGAN, time.time())

    def note(self, number: int, key: str, value: Any) -> bool:
        """Writes a fact; returns whether the trial was still open."""
        try:
            trial = self._trial_id(number)
            patiently(lambda: self.storage.set_trial_user_attr(trial, key, value))
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        return True

    def finish(self, number: int, state: State, values: Sequence[float] | None = None) -> bool:
        """Ends a trial; returns whether no other worker has ended it before."""
        self.note(number, _ENDED, time.time())
        return self._change(number, _CODES[state], values)

    def rung(self, number: int, rung: int, values: Sequence[float]) -> bool:
        """Writes the intermediate values of a trial; returns whether it was still open."""
        return self.note(number, f"{_RUNG}{rung}", list(values))

    def is_hopeless(self, number: int, rung: int, value: float) -> bool:
        """Returns whether Optuna's successive halving ends a trial of one objective at a rung."""
        factor = self.reduction
        assert factor is not None
        if self._climbing is None:
            pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=factor)
            self._climbing = patiently(lambda: _Climbing(self.name, self.storage, pruner=pruner))
        study, trial_id = self._climbing, self._trial_id(number)
        try:
            trial = patiently(lambda: optuna.Trial(study, trial_id))
            patiently(lambda: trial.report(value, factor**rung))
            return patiently(trial.should_prune)
        except optuna.exceptions.UpdateFinishedTrialError:
            return False  # another worker has ended it; telling will find out

    def _change(
        self, number: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        trial = self._trial_id(number)
        try:
            return patiently(lambda: self.storage.set_trial_state_values(trial, state, values))
        except optuna.exceptions.UpdateFinishedTrialError:
            return False

    def _trial_id(self, number: int) -> int:
        if number not in self._ids:
            self._ids[number] = patiently(
                lambda: self.storage.get_trial_id_from_study_id_trial_number(self._id, number)
            )
        return self._ids[number]


class _Climbing(optuna.Study):
    """The study as its pruner sees it: without failed attempts, whose children climb again."""

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [t for t in super().get_trials(deepcopy, states) if t.state != TrialState.FAIL]


def studies(storage: BaseStorage) -> dict[str, Mapping[str, Any]]:
    """Returns the settings of every evolution in a storage, by name."""
    found = patiently(storage.get_all_studies)
    return {s.study_name: s.user_attrs[_SETTINGS] for s in found if _SETTINGS in s.user_attrs}


def _find_or_create(
    storage: BaseStorage, name: str, wanted: Sequence[StudyDirection]
) -> tuple[int, bool]:
    """The id of a study, and whether it was created just now: by one worker only."""
    try:
        return storage.create_new_study(wanted, name), True
    except optuna.exceptions.DuplicatedStudyError:
        return storage.get_study_id_from_name(name), False


def _find(storage: BaseStorage, name: str, _: Sequence[StudyDirection]) -> tuple[int, bool]:
    return storage.get_study_id_from_name(name), False


def _trial(frozen: FrozenTrial) -> Trial:
    facts = frozen.user_attrs
    rungs = {int(k[len(_RUNG) :]): tuple(v) for k, v in facts.items() if k.startswith(_RUNG)}
    values = frozen.values if frozen.state.is_finished() else None
    return Trial(
        number=frozen.number,
        state=_STATES[frozen.state],
        values=None if values is None else tuple(values),
        facts=facts,
        rungs=rungs,
        started=_seconds(facts.get(_BEGAN), frozen.datetime_start),
        finished=_seconds(
            facts.get(_ENDED) if frozen.state.is_finished() else None, frozen.datetime_complete
        ),
    )


def _seconds(noted: Any, moment: datetime | None) -> float | None:
    """When something happened: as a worker noted it; in studies of before as Optuna did."""
    if noted is not None:
        return float(noted)
    return None if moment is None else moment.timestamp()
