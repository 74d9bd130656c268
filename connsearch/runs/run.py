"""The run directory: everything needed to read, repeat and continue a piece of work.

::

    config.json            settings, seeds, versions, data fingerprint, threads, precision
    structure.json         what is trained (over-connected in a search)
    model.json             the same, where it is no structure
    initial.json           which weights it began with, where they are of elsewhere
    metrics.csv            every step and every evaluation
    connections.csv        every connection and peer logit that learns, over time (structures)
    quarantine.csv         clips that could not be read, and why
    skipped.csv            steps in which a gradient overflowed (fp16)
    gates.csv              how often each temporal gate was open (networks with gates)
    terms.csv              every term of the loss in every step (focus models)
    checkpoint/            the newest state and the one before it
    epochs/                states that are kept by the number of their epoch (--save-every)
    train_results_s0000.csv, val_results_s0000.csv  the scores of every epoch (--score-csv)
    learned.json           the result: the structure with learned weights (or the model) ...
    learned.safetensors    ... and all weights, with the exact logits
    result.json            numbers and alarms; it is written last and says that the run is finished
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from connsearch.errors import RunError, UserError
from connsearch.files.disk import is_folder, is_there
from connsearch.files.documents import checked
from connsearch.files.paths import check_path
from connsearch.files.places import DirectoryLock, strange
from connsearch.models.document import ModelDocument
from connsearch.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, tidy
from connsearch.runs.documents import (
    described,
    new_config,
    read_config,
    read_result,
    write_config,
    write_form,
)
from connsearch.runs.events import ResultEvent
from connsearch.runs.files import read_model, write_model, write_weights
from connsearch.runs.formats.advice import Advice
from connsearch.runs.formats.checkpoint import Notes, State
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.result import Result
from connsearch.runs.formats.tables import Row
from connsearch.runs.logs import LOGS, CsvLog
from connsearch.runs.names import (
    CHECKPOINTS,
    CONFIG,
    FIRST,
    INITIAL,
    LEARNED,
    MODEL,
    RESULT,
    STATE,
    STRUCTURE,
    WEIGHTS,
)
from connsearch.settings.differences import describe_differences, differences, may_change, plain

_INSIDE = 100
"""Bytes of the longest path in a run: the state of an epoch that is being written."""
_ANEW = "start again in another directory (--run)"


class Run:
    """A run directory that this process works in; ``open`` makes one, ``close`` lets it go."""

    def __init__(self, directory: Path, config: dict[str, Any], lock: DirectoryLock) -> None:
        self.directory = directory
        self.config = config
        self.warnings: list[str] = []
        self.advice: list[Advice] = []
        self._lock = lock
        self._logs: dict[str, CsvLog] = {}
        self._tables: dict[str, type[Row]] = dict(LOGS)
        self._fresh = not (directory / CONFIG).exists()

    @classmethod
    def open(cls, directory: str | Path, config: Mapping[str, Any]) -> Run:
        """Returns a new run, or the one in ``directory`` where it last stopped.

        Args:
            directory: the run directory; made when missing.
            config: everything that decides the result, as JSON values: at least ``command`` and
                ``settings``. Options that cannot change it (``config.MAY_CHANGE``) may differ.

        Raises:
            RunError: the directory is something else, belongs to other settings or to a newer
                version, or another process is working in it.
            SettingsError: its path is too long, or not UTF-8.
        """
        directory = Path(directory)
        check_path(directory, below=_INSIDE, utf8=True)
        check_place(directory)
        lock = DirectoryLock(directory)
        try:
            run = cls(directory, open_config(directory, plain(config)), lock)
            run._write_config()
        except BaseException:
            lock.undo()
            raise
        return run

    @staticmethod
    def check(directory: Path, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the config of the run there; refuses what :meth:`open` would refuse.

        The directory is left as it is; where there is no run, the config is empty.

        Raises:
            RunError: see :meth:`open`.
        """
        check_place(directory)
        if not (directory / CONFIG).exists():
            return {}
        lock = DirectoryLock(directory)
        try:
            return open_config(directory, plain(config))
        finally:
            lock.undo()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        """Closes the run; what was refused before its first row leaves nothing behind."""
        if self._fresh and isinstance(error, UserError):
            self._undo()
        else:
            self.close()

    def close(self) -> None:
        """Closes the logs and lets other processes in."""
        for log in self._logs.values():
            log.close()
        self._logs.clear()
        self._lock.release()

    def _undo(self) -> None:
        """Takes away what this process has written, of a run that it began."""
        for log in self._logs.values():
            log.close()
        self._logs.clear()
        for name in (*self._tables, STRUCTURE, MODEL, FIRST, INITIAL, CONFIG):
            (self.directory / name).unlink(missing_ok=True)
        self._lock.undo()

    @property
    def first_epoch(self) -> int:
        """The epoch, from 0, that it begins with: another one if it goes on from another run."""
        return (self.config.get("from_epoch") or {}).get("epoch", 0)

    @property
    def finished(self) -> bool:
        """Whether the result is there."""
        return is_there(self.directory / RESULT)

    def settle(
        self, model: ModelDocument, environment: Mapping[str, Any], facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Returns the environment to compute with: the recorded one where there is one.

        Args:
            model: what is trained; written on the first call.
            environment: what was found here (``environment.describe_environment``).
            facts: what must be the same on every call, such as the data's fingerprint. What a
                run of an earlier version did not record is not compared.

        Raises:
            RunError: a fact differs; each is named with both values.
        """
        if "environment" not in self.config:
            self.config |= {"environment": plain(environment), "facts": plain(facts)}
            write_model(model, self.directory / (MODEL if model.structure is None else STRUCTURE))
            self._write_config()
            return self.config["environment"]
        recorded: dict[str, Any] = self.config["environment"]
        found = differences(recorded, plain(environment))
        self.warnings += [
            f"this run was started with another {key}: {before}, now {now}; it resumes, but its "
            "last bits may differ from an uninterrupted run"
            for key, (before, now) in found.items()
            if key not in ("threads", "precision", "device")
        ]
        known: dict[str, Any] = self.config["facts"]
        found = differences(known, plain({key: facts[key] for key in facts if key in known}))
        _refuse(self.directory, found)
        if recorded["device"] == "cuda" and environment["device"] != "cuda":
            raise RunError(
                f"{self.directory}: was started on a GPU, and there is none here\n"
                "  cure: resume it on a machine with a GPU, or start a new run (--run)"
            )
        return recorded

    def describe(self, name: str, value: Mapping[str, Any]) -> None:
        """Adds something to ``config.json``; existing entries are kept.

        Raises:
            ValueError: its form has no such field.
        """
        if name not in self.config:
            self.config |= described({name: value})
            self._write_config()

    def restore(self, tables: Mapping[str, type[Row]] | None = None) -> Checkpoint | None:
        """Returns the newest complete checkpoint, or None at the start; log rows past it are cut.

        Args:
            tables: those that are written besides metrics and quarantine: file name -> form of
                a row.
        """
        self._tables |= tables or {}
        loaded = load_checkpoint(self.directory / CHECKPOINTS)
        lengths: Mapping[str, int] = {}
        if loaded is not None:
            path, found = loaded.path, loaded.checkpoint
            checked(path, State, found.state, "a checkpoint of this version", cure=_ANEW)
            notes = checked(path, Notes, found.notes, "a checkpoint of this version", cure=_ANEW)
            lengths = notes.logs
        for name, kind in self._tables.items():
            self._logs[name] = CsvLog(self.directory / name, kind, length=lengths.get(name))
        if loaded is None:
            return None
        if not loaded.damaged:  # the writer may have been killed before it tidied up
            tidy(self.directory / CHECKPOINTS)
        self.warnings += [
            f"{reason}; resuming from the checkpoint before it" for reason in loaded.damaged
        ]
        return loaded.checkpoint

    def log(self, name: str, *rows: Mapping[str, Any]) -> None:
        """Adds rows to one of the tables."""
        self._fresh = False
        self._logs[name].add(rows)

    def save(self, checkpoint: Checkpoint) -> Path:
        """Returns the path of the checkpoint; the logs up to it are on disk before it is."""
        lengths = {name: log.sync() for name, log in self._logs.items()}
        notes = {**checkpoint.notes, "logs": lengths}
        full = Checkpoint(checkpoint.step, checkpoint.tensors, checkpoint.state, notes)
        return save_checkpoint(self.directory / CHECKPOINTS, full)

    def finish(
        self,
        model: ModelDocument,
        tensors: Mapping[str, Tensor],
        metrics: Mapping[str, Metrics],
        report: Mapping[str, Any],
    ) -> ResultEvent:
        """Returns the result, once model, weights and numbers are on disk."""
        write_weights(self.directory / WEIGHTS, tensors, model)
        write_model(model, self.directory / LEARNED)
        kind = "structure" if model.structure is not None else "model"
        document = {kind: LEARNED, "weights": WEIGHTS, "metrics": dict(metrics), **report}
        write_form(self.directory / RESULT, Result.model_validate(document))
        return self.result()

    def result(self) -> ResultEvent:
        """Returns the result of a finished run."""
        report = read_result(self.directory / RESULT)
        path = self.directory / LEARNED
        return ResultEvent(read_model(path), report.metrics, path, report)

    def _write_config(self) -> None:
        write_config(self.directory / CONFIG, self.config)


def origin(operator: str, parent: str, run: Run) -> dict[str, Any]:
    """Returns where a result comes from: operator, parent, run, seed, data ..."""
    return {
        "operator": operator,
        "parents": [parent],
        "run": run.directory.name,
        "seed": run.config.get("settings", {}).get("seed"),
        **run.config.get("facts", {}),
        "versions": run.config.get("environment", {}).get("versions"),
    }


def check_place(directory: Path) -> None:
    """Refuses a directory that contains anything but a run.

    Raises:
        RunError: it does.
    """
    if is_there(directory) and not is_folder(directory):
        raise RunError(
            f"{directory}: is a file\n  cure: choose another directory for the run (--run)"
        )
    if is_there(directory / CONFIG):
        return
    found = strange(directory)
    if found:
        names = ", ".join(found[:5]) + (" ..." if len(found) > 5 else "")
        raise RunError(
            f"{directory}: not a run directory, it has no {CONFIG} but contains {names}\n"
            "  cure: choose an empty or a new directory (--run)"
        )


def open_config(directory: Path, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the config of a new run, or the recorded one if it asks for the same work.

    Raises:
        RunError: it asks for other work; every setting that differs is named.
    """
    path = directory / CONFIG
    if is_there(directory / STATE):
        raise RunError(
            f"{directory}: is a state that a run has kept, and no run\n"
            "  cure: --run with the run itself, and --from-epoch to go on from this state"
        )
    if not is_there(path):
        return new_config(wanted)
    recorded = read_config(path)
    found = differences({k: recorded.get(k) for k in wanted}, wanted)
    _refuse(directory, {key: pair for key, pair in found.items() if not may_change(key)})
    return recorded


def _refuse(directory: Path, found: Mapping[str, tuple[Any, Any]]) -> None:
    if found:
        raise RunError(
            f"{directory}: contains a run with other settings\n{describe_differences(found)}\n"
            f"  cure: use that run's settings (--config {directory / CONFIG}), or choose "
            "another directory (--run)"
        )
