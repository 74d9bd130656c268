"""The study: an Optuna storage, and what an evolution asks of it. The only door to optuna.

Every trial is one evaluation of one child. What must not happen twice (taking a waiting trial,
ending one) is left to the storage, which lets exactly one worker win; :mod:`connsearch.evolve.history`
makes sense of everything else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import optuna
from optuna.storages import BaseStorage, GrpcStorageProxy, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from connsearch.errors import Failure, RunError, SettingsError
from connsearch.evolve.child import State, Trial
from connsearch.evolve.history import OPEN
from connsearch.evolve.journal import HAS_LOCKS, JournalLock

MEMORY = "memory"
"""A storage that ends with the process: for simulations and tests."""

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
_PATIENCE = 60.0
"""Seconds in which a database that is busy or restarting is asked again."""

T = TypeVar("T")


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
        self._ids: list[int] = []
        self._open: set[int] = set()
        self._reduction = reduction
        self._optuna: optuna.Study | None = None

    def _agree(
        self, wanted: Sequence[StudyDirection], settings: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Writes the settings where there are none yet; refuses others."""
        plain = json.loads(json.dumps(settings))
        known = patiently(lambda: self.storage.get_study_user_attrs(self._id)).get(_SETTINGS)
        if known is None:
            patiently(lambda: self.storage.set_study_user_attr(self._id, _SETTINGS, plain))
            known = patiently(lambda: self.storage.get_study_user_attrs(self._id))[_SETTINGS]
        found = patiently(lambda: self.storage.get_study_directions(self._id))
        if known != plain or list(found) != list(wanted):
            different = sorted(k for k in {*known, *plain} if known.get(k) != plain.get(k))
            lines = [f"  {k}: recorded {known.get(k)!r}, now {plain.get(k)!r}" for k in different]
            raise RunError(
                f"study {self.name}: was begun with other settings\n"
                + "\n".join(lines)
                + "\n  cure: repeat its own settings, or give this evolution another name"
            )
        return known

    def changed(self) -> list[Trial]:
        """Returns the trials that are new or may have changed since they were last asked for."""
        trials = patiently(lambda: self.storage.get_all_trials(self._id, deepcopy=False))
        fresh = [*sorted(self._open), *range(len(self._ids), len(trials))]
        found = [_trial(trials[number]) for number in fresh]
        self._ids += [trials[number]._trial_id for number in range(len(self._ids), len(trials))]
        self._open = {t.number for t in found if t.state in OPEN}
        return found

    def create(self, state: State, facts: Mapping[str, Any]) -> int:
        """Returns the number of a new trial, ``running`` or ``waiting``."""
        template = optuna.trial.create_trial(
            state=_CODES[state], user_attrs={k: v for k, v in facts.items() if v is not None}
        )
        template.datetime_start = datetime.now() if state == "running" else None
        created = patiently(lambda: self.storage.create_new_trial(self._id, template))
        return patiently(lambda: self.storage.get_trial_number_from_id(created))

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
        if number < len(self._ids):
            return self._ids[number]
        return patiently(
            lambda: self.storage.get_trial_id_from_study_id_trial_number(self._id, number)
        )


def open_storage(place: str | Path) -> BaseStorage:
    """Returns the storage at a place.

    Args:
        place: a journal file; ``sqlite:///FILE``, ``postgresql://...`` or ``mysql://...``;
            ``grpc://HOST:PORT`` of a proxy; or ``memory``.

    Raises:
        SettingsError: no such kind, or its driver is not installed.
        Failure: it cannot be reached, or what stands there is damaged.
    """
    text = str(place)
    kind, separator, rest = text.partition("://")
    if text == MEMORY:
        return InMemoryStorage()
    if not separator:
        return _open_journal(Path(place))
    if kind == "grpc":
        return _open_proxy(rest)
    return _open_database(text)


def studies(storage: BaseStorage) -> dict[str, Mapping[str, Any]]:
    """Returns the settings of every evolution in a storage, by name."""
    found = patiently(storage.get_all_studies)
    return {s.study_name: s.user_attrs[_SETTINGS] for s in found if _SETTINGS in s.user_attrs}


def serve(place: str | Path, *, host: str, port: int) -> None:
    """Serves a storage to other machines through Optuna's gRPC proxy, until interrupted.

    It answers whoever can reach the port, without a password.
    """
    optuna.storages.run_grpc_proxy_server(open_storage(place), host=host, port=port)


def patiently(ask: Callable[[], T]) -> T:
    """Returns what a storage answers; one that is busy or restarting is asked again for a while.

    Raises:
        Failure: it still does not answer.
    """
    for pause in _pauses():
        try:
            return ask()
        except _BUSY as error:
            if pause is None:
                raise Failure(f"the study's storage does not answer: {error}") from error
            time.sleep(pause)
    raise AssertionError("the last pause is None")


def _pauses() -> Iterator[float | None]:
    end, pause = time.monotonic() + _PATIENCE, 0.02
    while time.monotonic() < end:
        yield pause
        pause = min(pause * 2, 2.0)
    yield None


_BUSY = (optuna.exceptions.StorageInternalError,)


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


def _open_journal(path: Path) -> BaseStorage:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalLock(path) if HAS_LOCKS else JournalFileOpenLock(str(path))
    try:
        if HAS_LOCKS and lock.acquire():  # half a line at its end is mended
            lock.release()
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except (ValueError, KeyError, AssertionError) as error:
        raise Failure(
            f"{path}: is damaged, or no journal: {error}\n  cure: every line is one JSON object; "
            "take out the line that is none, or go on with a copy of the file"
        ) from error


def _open_proxy(address: str) -> BaseStorage:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"grpc://{address}: write it as grpc://HOST:PORT")
    try:
        storage = GrpcStorageProxy(host=host, port=int(port))
        storage.wait_server_ready(timeout=20)
    except ImportError as error:
        raise SettingsError(
            f"grpc://{address}: grpcio is not installed\n  cure: pip install 'connsearch[grpc]'"
        ) from error
    except ConnectionError as error:
        raise Failure(f"grpc://{address}: nobody answers there") from error
    return storage


def _open_database(url: str) -> BaseStorage:
    settings: dict[str, Any] = {"pool_pre_ping": True}
    if url.startswith("sqlite"):
        settings = {"connect_args": {"timeout": 60}}
    try:
        return patiently(
            lambda: optuna.storages.get_storage(
                optuna.storages.RDBStorage(url, engine_kwargs=settings)
            )
        )
    except ImportError as error:
        raise SettingsError(
            f"{hidden(url)}: its driver is not installed ({error})\n  cure: for PostgreSQL pip "
            "install 'connsearch[postgresql]' and postgresql+psycopg://..., for MySQL pymysql and "
            "mysql+pymysql://..."
        ) from error


def hidden(place: str) -> str:
    """Returns a storage's place without its password.

    >>> hidden("postgresql://me:secret@host/db")
    'postgresql://me:***@host/db'
    """
    kind, separator, rest = place.partition("://")
    user, at, host = rest.rpartition("@")
    if not separator or not at or ":" not in user:
        return place
    return f"{kind}://{user.partition(':')[0]}:***@{host}"
