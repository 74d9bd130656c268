"""The study: an Optuna storage, and what an evolution asks of it.

Every trial is one evaluation of one child. What must not happen twice (taking a waiting trial,
ending one) is left to the storage, which lets exactly one worker win; everything else is made sense
of in :mod:`connsearch.evolve.history`. Optuna is imported here and in ``storage`` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from connsearch.errors import RunError
from connsearch.evolve.child import State, Trial
from connsearch.evolve.history import OPEN
from connsearch.evolve.storage import patiently
from connsearch.settings import describe_differences, differences, may_change, plain

_STATES: Mapping[TrialState, State] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_CODES = {state: code for code, state in _STATES.items()}
_RUNG = "rung "
_SETTINGS = "connsearch"


class Study:
    """The trials of one evolution, in a storage that any number of workers share.

    Args:
        storage: see :func:`open_storage`.
        name: of the study in the storage.
        maximise: for every objective whether more is better.
        settings: what decides results, as JSON values; a study that exists must have the same.
        reduction: every how many children one goes on at a rung, where one objective is pruned by
            Optuna; None where nothing is.

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
    ) -> None:
        self.name, self.storage = name, storage
        wanted = [StudyDirection.MAXIMIZE if m else StudyDirection.MINIMIZE for m in maximise]
        self._id = patiently(lambda: _find_or_create(storage, name, wanted))
        self.settings = self._agree(wanted, settings)
        self._ids: dict[int, int] = {}
        self._known = 0
        self._open: set[int] = set()
        self._reduction = reduction
        self._optuna: optuna.Study | None = None

    def _agree(
        self, wanted: Sequence[StudyDirection], settings: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Writes the settings where there are none yet; refuses others."""
        asked = plain(settings)
        known = patiently(lambda: self.storage.get_study_user_attrs(self._id)).get(_SETTINGS)
        if known is None:
            patiently(lambda: self.storage.set_study_user_attr(self._id, _SETTINGS, asked))
            known = patiently(lambda: self.storage.get_study_user_attrs(self._id))[_SETTINGS]
        different = differences(known, asked)
        different = {key: pair for key, pair in different.items() if not may_change(key)}
        if list(patiently(lambda: self.storage.get_study_directions(self._id))) != list(wanted):
            different["objectives"] = ("others", "these")
        if different:
            raise RunError(
                f"study {self.name}: was begun with other settings\n"
                f"{describe_differences(different)}\n"
                "  cure: repeat its own settings, or choose another directory or name"
            )
        return known

    def changed(self) -> list[Trial]:
        """Returns the trials that are new or may have changed since they were last asked for."""
        trials = patiently(lambda: self.storage.get_all_trials(self._id, deepcopy=False))
        fresh = [*sorted(self._open), *range(self._known, len(trials))]
        found = [_trial(trials[number]) for number in fresh]
        self._known = len(trials)
        self._open = {t.number for t in found if t.state in OPEN}
        return found

    def create(self, state: State, facts: Mapping[str, Any]) -> int:
        """Returns the number of a new trial, ``running`` or ``waiting``."""
        template = optuna.trial.create_trial(
            state=_CODES[state], user_attrs={k: v for k, v in facts.items() if v is not None}
        )
        template.datetime_start = datetime.now() if state == "running" else None
        created = patiently(lambda: self.storage.create_new_trial(self._id, template))
        number = patiently(lambda: self.storage.get_trial_number_from_id(created))
        self._ids[number] = created
        return number

    def claim(self, number: int) -> bool:
        """Returns whether this worker has got a waiting trial: exactly one does."""
        return self._change(number, TrialState.RUNNING)

    def note(self, number: int, key: str, value: Any) -> bool:
        """Writes a fact; returns whether the trial was still open."""
        try:
            trial = self._trial_id(number)
            patiently(lambda: self.storage.set_trial_user_attr(trial, key, value))
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        return True

    def finish(self, number: int, state: State, values: Sequence[float] | None = None) -> bool:
        """Ends a trial; returns whether nobody else has ended it before."""
        return self._change(number, _CODES[state], values)

    def rung(self, number: int, rung: int, values: Sequence[float]) -> None:
        """Writes the values a trial has on its way."""
        self.note(number, f"{_RUNG}{rung}", list(values))

    def is_hopeless(self, number: int, rung: int, value: float) -> bool:
        """Returns whether Optuna's successive halving ends a trial of one objective at a rung."""
        assert self._reduction is not None
        if self._optuna is None:
            pruner = optuna.pruners.SuccessiveHalvingPruner(
                min_resource=1, reduction_factor=self._reduction
            )
            self._optuna = optuna.load_study(
                study_name=self.name, storage=self.storage, pruner=pruner
            )
        study, trial_id = self._optuna, self._trial_id(number)
        trial = patiently(lambda: optuna.Trial(study, trial_id))
        patiently(lambda: trial.report(value, self._reduction_at(rung)))
        return patiently(trial.should_prune)

    def _reduction_at(self, rung: int) -> int:
        assert self._reduction is not None
        return int(self._reduction**rung)

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


def studies(storage: BaseStorage) -> dict[str, Mapping[str, Any]]:
    """Returns the settings of every evolution in a storage, by name."""
    found = patiently(storage.get_all_studies)
    return {s.study_name: s.user_attrs[_SETTINGS] for s in found if _SETTINGS in s.user_attrs}


def _find_or_create(storage: BaseStorage, name: str, wanted: Sequence[StudyDirection]) -> int:
    try:
        return storage.create_new_study(wanted, name)
    except optuna.exceptions.DuplicatedStudyError:
        return storage.get_study_id_from_name(name)


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
        started=_seconds(frozen.datetime_start),
        finished=_seconds(frozen.datetime_complete),
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
