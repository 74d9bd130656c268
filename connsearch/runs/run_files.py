"""The files of a run directory, read by their forms when they are first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from connsearch.data.records import split_name
from connsearch.errors import RunError
from connsearch.files.disk import is_there
from connsearch.files.documents import checked, read_object
from connsearch.runs import names
from connsearch.runs.documents import read_config, read_form, read_result
from connsearch.runs.formats.config import Config, Recorded
from connsearch.runs.formats.conversion import ConversionRecord
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.formats.focus_parts import FocusPartsRecord
from connsearch.runs.formats.form import Form
from connsearch.runs.formats.gates import GateRow, open_rates
from connsearch.runs.formats.initial import InitialRecord
from connsearch.runs.formats.prune import PruneRecord
from connsearch.runs.formats.result import Result
from connsearch.runs.formats.tables import Row, TermRow
from connsearch.runs.logs import read_table
from connsearch.runs.migration import migrated

if TYPE_CHECKING:
    from torch import Tensor

    from connsearch.runs.checkpoint import Loaded

F = TypeVar("F", bound=Form)
R = TypeVar("R", bound=Row)

_BACK = "restore the file, or rerun the command that wrote it"


@dataclass(frozen=True)
class RunFiles:
    """What lies in the directory of a run, finished or not, of a pruned or converted network.

    It is read only.

    Attributes:
        directory: where it lies. It need not hold anything.
    """

    directory: Path

    def path(self, name: str) -> Path:
        """Returns where a file of the directory is, whether or not it is there."""
        return self.directory / name

    def has(self, name: str) -> bool:
        """Returns whether there is something of that name."""
        return is_there(self.directory / name)

    @property
    def is_run(self) -> bool:
        """Whether it is the directory of a run: search, train or evolve began it."""
        return self.has(names.CONFIG)

    @property
    def is_pruned(self) -> bool:
        """Whether it is a pruned network."""
        return self.has(names.PRUNE_RECORD)

    @property
    def is_state(self) -> bool:
        """Whether it is a state of a run that was kept by the number of its epoch."""
        return self.has(names.STATE)

    @property
    def is_converted(self) -> bool:
        """Whether it is a network with weights that ``weights convert`` took from a file."""
        return self.has(names.CONVERSION)

    @property
    def is_finished_network(self) -> bool:
        """Whether it is no run: a network that was pruned or converted, at once."""
        return self.is_pruned or self.is_converted

    @property
    def finished(self) -> bool:
        """Whether the result is there."""
        return self.has(names.RESULT)

    @property
    def kind(self) -> Literal["search", "train", "prune", "convert"]:
        """What made the network: if it was neither pruned nor trained, it was searched.

        Only structures are searched, whatever a program has called its command.
        """
        if self.is_pruned:
            return "prune"
        if self.is_converted:
            return "convert"
        trained = self.has(names.MODEL) or self.config.get("command") == "train"
        return "train" if trained else "search"

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The run's ``config.json`` as JSON values, all settings among them.

        Raises:
            RunError: it is missing or damaged, or from a newer version.
        """
        if not self.is_run:
            raise RunError(
                f"{self.directory}: not a run directory, it has no {names.CONFIG}\n"
                "  cure: give the directory that search or train wrote"
            )
        return read_config(self.path(names.CONFIG))

    @cached_property
    def form(self) -> Config:
        """The same as the values of its form."""
        return Config.model_validate(dict(self.config))

    @cached_property
    def recorded(self) -> Mapping[str, Any]:
        """What is recorded of the run that this is or was pruned from, or of a conversion.

        JSON values: ``settings`` and ``facts``, of a run more. Empty if it is none of them.

        Raises:
            RunError: it is damaged.
        """
        for name in (names.PRUNE_RECORD, names.CONVERSION, names.CONFIG):
            if self.has(name):
                path, what = self.path(name), "the record of a run, a pruning or a conversion"
                found = read_object(path, "a record of connsearch")
                found = migrated(found)
                checked(path, Recorded, found, what, cure=_BACK)
                return found
        return {}

    @cached_property
    def result(self) -> Result | None:
        """The run's ``result.json``; None while it is unfinished.

        Raises:
            RunError: it is damaged.
        """
        return read_result(self.path(names.RESULT)) if self.finished else None

    @cached_property
    def prune_record(self) -> PruneRecord | None:
        """The pruned network's ``prune.json``; None of a run.

        Raises:
            RunError: it is damaged.
        """
        if not self.is_pruned:
            return None
        path, what = self.path(names.PRUNE_RECORD), "the record of a pruning"
        return read_form(path, PruneRecord, what, cure=_BACK)

    @cached_property
    def conversion(self) -> ConversionRecord | None:
        """The ``conversion.json`` of converted weights; None of anything else.

        Raises:
            RunError: it is damaged.
        """
        if not self.is_converted:
            return None
        path, what = self.path(names.CONVERSION), "the record of a conversion"
        return read_form(path, ConversionRecord, what, cure=_BACK)

    @cached_property
    def initial(self) -> InitialRecord | None:
        """The run's ``initial.json``; None where it began with weights of its own.

        Raises:
            RunError: it is damaged.
        """
        if not self.has(names.INITIAL):
            return None
        path, what = self.path(names.INITIAL), "the record of initial weights"
        return read_form(path, InitialRecord, what, cure=_BACK)

    @cached_property
    def focus_parts(self) -> FocusPartsRecord | None:
        """The run's ``parts.json``; None where no network of its model came from elsewhere.

        Raises:
            RunError: it is damaged.
        """
        if not self.has(names.FOCUS_PARTS):
            return None
        path, what = self.path(names.FOCUS_PARTS), "the record of the networks of a focus model"
        return read_form(path, FocusPartsRecord, what, cure=_BACK)

    @cached_property
    def evaluations(self) -> dict[str, Evaluation]:
        """The splits that ``connsearch evaluate`` opened, by name.

        Raises:
            RunError: their file is damaged.
        """
        path = self.path(names.EVALUATION)
        if not is_there(path):
            return {}
        what, cure = "the evaluations of a network", "remove it to open its splits again"
        found = read_object(path, what, cure=cure)
        damaged = "complete: it is unknown whether the split {} was opened"
        return {
            str(split_name(split)): checked(
                path, Evaluation, entry, damaged.format(split), cure=cure
            )
            for split, entry in found.items()
        }

    def summary(self, name: str, kind: type[F]) -> F | None:
        """Returns what the analysis of that name found; None where it was not made.

        Raises:
            RunError: it is damaged.
        """
        path = self.analysis(name) / names.SUMMARY
        return read_form(path, kind, f"a result of {name}") if is_there(path) else None

    def analysis(self, name: str) -> Path:
        """Returns the folder of an analysis: under its earlier name if only that exists."""
        earlier = names.EARLIER.get(name)
        return self.path(earlier if earlier and not self.has(name) and self.has(earlier) else name)

    def rows(self, name: str, kind: type[R], *, needed: tuple[str, ...] = ()) -> Iterator[R]:
        """Yields the rows of a table; see :func:`~connsearch.runs.logs.read_table`."""
        return read_table(self.path(name), kind, needed=needed)

    @cached_property
    def gates(self) -> tuple[GateRow, ...]:
        """The table of how often temporal gates were open; empty where the network has none.

        Raises:
            RunError: it is damaged.
        """
        if not self.has(names.GATES):
            return ()
        needed = ("step", "split", "gate", "deciding", "opened", "clips")
        return tuple(self.rows(names.GATES, GateRow, needed=needed))

    @cached_property
    def terms(self) -> tuple[TermRow, ...]:
        """The table of the terms of its loss; empty where the loss has none.

        Raises:
            RunError: it is damaged.
        """
        if not self.has(names.TERMS):
            return ()
        return tuple(self.rows(names.TERMS, TermRow, needed=("step", "term", "weight", "loss")))

    @property
    def open_rates(self) -> dict[str, float]:
        """How often each temporal gate is open on ``val``, by its name, in the state that was kept.

        Empty where there are none, or where they never decided.

        Raises:
            RunError: its table or its result is damaged.
        """
        return open_rates(self.gates, until=self.kept_step)

    @property
    def kept_step(self) -> int | None:
        """Steps of the state that was kept, where the best was; None: all that were done.

        Raises:
            RunError: its result is damaged.
        """
        return None if self.result is None else self.result.kept_step

    def checkpoint(self) -> Loaded | None:
        """Returns the newest whole checkpoint; None where there never was one.

        Raises:
            RunError: all of them are damaged.
        """
        from connsearch.runs.checkpoint import load_checkpoint

        return load_checkpoint(self.path(names.CHECKPOINTS))

    @property
    def digest(self) -> str | None:
        """SHA-256 over all weights of the result; None while there is none, and of a pruning."""
        return None if self.result is None else self.result.digest

    @property
    def pictures(self) -> list[Path]:
        """The pictures in the directory."""
        return sorted(p for p in self.directory.iterdir() if p.suffix in (".svg", ".png"))

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """The ``state_dict`` of the result or of the pruned network; read once.

        Raises:
            RunError: as for :meth:`weights`.
        """
        return self.weights()

    @property
    def weights_path(self) -> Path:
        """Where the weights are, once there are any."""
        if self.is_state:
            return self.path(names.STATE)
        return self.path(names.PRUNED_WEIGHTS if self.is_finished_network else names.WEIGHTS)

    def weights(self) -> dict[str, Tensor]:
        """Returns the ``state_dict`` of the result, or of the pruned or converted network.

        Raises:
            RunError: there is none yet, or the file is damaged.
        """
        from connsearch.runs.files import load_weights

        if self.is_pruned:
            if not is_there(self.weights_path):
                raise RunError(
                    f"{self.directory}: pruned from a structure that has no trained network, so "
                    "there are no weights here\n  cure: train it with --from-scratch"
                )
        elif not self.finished and not self.is_converted and not self.is_state:
            raise RunError(
                f"{self.directory}: the run is not finished, so it has no result yet\n"
                "  cure: rerun the command that started it to resume"
            )
        return load_weights(self.weights_path)
