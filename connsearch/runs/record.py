"""A run directory for read-only use: pruning, pictures, reports, children.

Everything that reads a run goes through :func:`open_run`. A file is read when it is first asked
for, and checked against its form; what takes long to import is imported then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from connsearch.data.records import split_name
from connsearch.errors import RunError
from connsearch.files.disk import is_folder, is_there
from connsearch.files.documents import checked, read_object
from connsearch.runs import names
from connsearch.runs.documents import read_config, read_form, read_result
from connsearch.runs.formats.config import Config, Recorded
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.formats.form import Form
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.prune import PruneRecord
from connsearch.runs.formats.result import Result
from connsearch.runs.formats.tables import Row
from connsearch.runs.logs import read_table
from connsearch.runs.migration import migrated

if TYPE_CHECKING:
    from torch import Tensor

    from connsearch.graph.spec import Structure
    from connsearch.models.document import ModelDocument
    from connsearch.models.model import Model
    from connsearch.models.structure import Network
    from connsearch.runs.checkpoint import Loaded

F = TypeVar("F", bound=Form)
R = TypeVar("R", bound=Row)

_BACK = "restore the file, or rerun the command that wrote it"


def open_run(directory: str | Path, *, whole: bool = True) -> RunRecord:
    """Returns what the directory of a run or of a pruned network holds, without touching it.

    Args:
        directory: its path.
        whole: read its record, its model and its result now, and refuse a damaged or incomplete
            run; otherwise each part is checked when it is read.

    Raises:
        RunError: it is neither, or not complete.
        StructureError: its structure breaks a rule.
    """
    found = RunRecord(Path(directory))
    if not found.is_run and not found.is_pruned:
        what = "not a run directory" if is_folder(directory) else "no such run"
        raise RunError(
            f"{directory}: {what}, it has no {names.CONFIG} and no {names.PRUNE_RECORD}\n"
            "  allowed: a directory that search, train or prune wrote, such as runs/search-starter"
        )
    if whole:
        _ = (found.recorded if found.is_pruned else found.config, found.model, found.result)
    return found


@dataclass(frozen=True)
class RunRecord:
    """The directory of a run, finished or not, or of a pruned network; read only.

    Attributes:
        directory: its path. It may be empty: see :func:`open_run`.
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
    def finished(self) -> bool:
        """Whether the result is there."""
        return self.has(names.RESULT)

    @property
    def kind(self) -> Literal["search", "train", "prune"]:
        """What made the network: if it was neither pruned nor trained, it was searched.

        Only structures are searched, whatever a program has called its command.
        """
        if self.is_pruned:
            return "prune"
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
        """What is recorded of the run that this is, or that it was pruned from, as JSON values.

        ``settings`` and ``facts``, of a run more. Empty if it is neither.

        Raises:
            RunError: it is damaged.
        """
        for name in (names.PRUNE_RECORD, names.CONFIG):
            if self.has(name):
                path, what = self.path(name), "the record of a run or a pruning"
                found = read_object(path, "a record of connsearch")
                found = migrated(found)
                checked(path, Recorded, found, what, cure=_BACK)
                return found
        return {}

    @cached_property
    def model(self) -> ModelDocument:
        """What is trained; of a pruned network, what was left.

        Raises:
            RunError: the run never got as far, or its document is damaged.
            StructureError: it is a structure, and breaks a rule.
        """
        for name in (names.STRUCTURE, names.MODEL):
            if self.has(name):
                return self._model(name)
        raise RunError(
            f"{self.directory}: the run stopped before it had a model\n"
            "  cure: rerun the command that started it"
        )

    @cached_property
    def outcome(self) -> ModelDocument | None:
        """The model with what was learned: the result, or that of the newest checkpoint.

        Of a pruned network it is the model. None before the first checkpoint, or where the file
        of a finished run is gone.

        Raises:
            RunError: what holds it is damaged.
            StructureError: it is a structure, and breaks a rule.
        """
        if self.is_pruned:
            return self.model
        if self.has(names.LEARNED):
            return self._model(names.LEARNED)
        from connsearch.runs.files import stored_model

        loaded = self.checkpoint()
        return None if loaded is None else stored_model(loaded.path)

    @property
    def structure(self) -> Structure:
        """The structure with what was learned so far; before the first checkpoint as it was built.

        Raises:
            RunError: it is another kind of model, its file is gone, or as for ``outcome``.
        """
        if self.outcome is not None:
            return self._structure(self.outcome)
        if self.finished:
            raise RunError(
                f"{self.directory}: its {names.LEARNED} is gone\n"
                "  cure: put it back, or repeat the command that wrote it"
            )
        return self.built

    @property
    def built(self) -> Structure:
        """The structure that is trained, without what was learned; over-connected in a search.

        Raises:
            RunError: it is another kind of model, or as for ``model``.
        """
        return self._structure(self.model)

    def _model(self, name: str) -> ModelDocument:
        from connsearch.runs.files import read_model

        return read_model(self.path(name))

    def _structure(self, model: ModelDocument) -> Structure:
        if model.structure is None:
            raise RunError(
                f"{self.directory}: trains {model.name}, a {model.kind}: it has no connections to "
                "show, search or prune\n  allowed here: runs of a structure"
            )
        return model.structure

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

    def below(self) -> list[RunRecord]:
        """Returns the pruned networks and finished trainings below, down to the second level."""
        marks = (f"*/{names.PRUNE_RECORD}", f"*/{names.RESULT}", f"*/*/{names.RESULT}")
        places = {path.parent for mark in marks for path in self.directory.glob(mark)}
        return [RunRecord(place) for place in sorted(places)]

    def checkpoint(self) -> Loaded | None:
        """Returns the newest whole checkpoint; None where there never was one.

        Raises:
            RunError: all of them are damaged.
        """
        from connsearch.runs.checkpoint import load_checkpoint

        return load_checkpoint(self.path(names.CHECKPOINTS))

    @property
    def metrics(self) -> Mapping[str, Metrics]:
        """The last evaluation of each split, by name; what ``evaluate`` found goes before.

        Empty while the run is unfinished.

        Raises:
            RunError: a file is damaged.
        """
        found = {} if self.result is None else dict(self.result.metrics)
        if self.prune_record is not None:
            found |= self.prune_record.metrics
        return {**found, **{name: entry.metrics for name, entry in self.evaluations.items()}}

    @property
    def digest(self) -> str | None:
        """SHA-256 over all weights of the result; None while there is none, and of a pruning."""
        return None if self.result is None else self.result.digest

    @property
    def pictures(self) -> list[Path]:
        """The pictures in the directory."""
        return sorted(p for p in self.directory.iterdir() if p.suffix in (".svg", ".png"))

    @property
    def learns(self) -> bool:
        """Whether stored connection weights are logits that learn, as in a search."""
        return self.kind == "search"

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """The ``state_dict`` of the result or of the pruned network; read once.

        Raises:
            RunError: as for :meth:`weights`.
        """
        return self.weights()

    @property
    def num_classes(self) -> int:
        """Outputs of the classifier.

        Raises:
            RunError: the weight file holds none.
        """
        if self.model.structure is None:
            return int(self.model.settings.get("classes", 0))
        found = self.tensors.get("head.dense.weight")
        if found is None or len(found.shape) != 2:
            raise RunError(f"{self.directory}: its weight file holds no classifier")
        return found.shape[0]

    def load_model(self, network: Model | None = None) -> Model:
        """Returns the network with its weights, on the CPU.

        Args:
            network: to put the weights into, where only code of one's own can build it; None: it
                is built from its document.

        Raises:
            RunError: the weights are not those of the network.
            SettingsError: it is a module of one's own, and none is given.
        """
        from connsearch.models.catalogue import from_document
        from connsearch.runs.files import put_weights

        found = network
        if found is None:
            found = from_document(self.model, self.num_classes, learn_connections=self.learns)
        put_weights(found, self.tensors, self.directory)
        return found

    def network(self) -> Network:
        """Returns the network of a structure with its weights, on the CPU.

        Raises:
            RunError: it is another kind of network, or the weights are not those of the structure.
        """
        from connsearch.models.structure import Network

        _ = self.structure  # another kind of network is refused by name
        found = self.load_model()
        assert isinstance(found, Network)
        return found

    @property
    def weights_path(self) -> Path:
        """Where the weights are, once there are any."""
        return self.path(names.PRUNED_WEIGHTS if self.is_pruned else names.WEIGHTS)

    def weights(self) -> dict[str, Tensor]:
        """Returns the ``state_dict`` of the result or of the pruned network.

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
        elif not self.finished:
            raise RunError(
                f"{self.directory}: the run is not finished, so it has no result yet\n"
                "  cure: rerun the command that started it to resume"
            )
        return load_weights(self.weights_path)
