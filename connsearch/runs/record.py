"""A run directory for read-only use: pruning, pictures, reports, children.

Everything that reads a run goes through :func:`open_run`. A file is read when it is first asked
for, and checked against its form; what takes long to import is imported then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from connsearch.errors import RunError
from connsearch.files.disk import is_folder, is_there
from connsearch.runs import names
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.run_files import RunFiles

if TYPE_CHECKING:
    from torch import nn

    from connsearch.graph.spec import Structure
    from connsearch.models.document import ModelDocument
    from connsearch.models.model import Model
    from connsearch.models.structure import Network


def open_run(directory: str | Path, *, whole: bool = True) -> RunRecord:
    """Returns what the directory of a run, or of a pruned or converted network, holds.

    It is not touched.

    Args:
        directory: its path.
        whole: read its record, its model and its result now, and refuse a damaged or incomplete
            run; otherwise each part is checked when it is read.

    Raises:
        RunError: it is none of them, or not complete.
        StructureError: its structure breaks a rule.
    """
    found = RunRecord(Path(directory))
    if not found.is_run and not found.is_finished_network:
        _refuse_folds(found.directory)
        what = "not a run directory" if is_folder(directory) else "no such run"
        raise RunError(
            f"{directory}: {what}, it has no {names.CONFIG}, {names.PRUNE_RECORD} or "
            f"{names.CONVERSION}\n  allowed: a directory that search, train, prune or weights "
            "convert wrote, such as runs/search-starter"
        )
    if whole:
        record = found.recorded if found.is_finished_network else found.config
        _ = (record, found.model, found.result)
    return found


def _refuse_folds(directory: Path) -> None:
    """Refuses the directory of a cross-validation, which has a run for each fold.

    Raises:
        RunError: it is one.
    """
    first = directory / names.fold(1)
    if RunRecord(first).is_run and is_there(directory / names.LEDGER):
        raise RunError(
            f"{directory}: is a cross-validation, which has a run for each fold; this takes one\n"
            f"  cure: give a fold, such as {first}; what all folds say together is shown by the "
            f"command that made it, and is in {directory / names.SUMMARY}"
        )


@dataclass(frozen=True)
class RunRecord(RunFiles):
    """The directory of a run, finished or not, or of a pruned or converted network; read only.

    Its files are those of :class:`~connsearch.runs.run_files.RunFiles`; here is what they mean.

    Attributes:
        directory: its path. It may be empty: see :func:`open_run`.
    """

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

        Of a pruned or converted network it is the model. None before the first checkpoint, or
        where the file of a finished run is gone.

        Raises:
            RunError: what holds it is damaged.
            StructureError: it is a structure, and breaks a rule.
        """
        if self.is_finished_network:
            return self.model
        if self.has(names.LEARNED):
            return self._model(names.LEARNED)
        from connsearch.runs.files import stored_model

        if self.is_state:
            return stored_model(self.weights_path)
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
            from connsearch.models.document import a_kind

            raise RunError(
                f"{self.directory}: trains {model.name}, {a_kind(model.kind)}: it has no "
                "connections to show, search or prune\n  allowed here: runs of a structure"
            )
        return model.structure

    def below(self) -> list[RunRecord]:
        """Returns the pruned networks and finished trainings below, down to the second level."""
        marks = (f"*/{names.PRUNE_RECORD}", f"*/{names.RESULT}", f"*/*/{names.RESULT}")
        places = {path.parent for mark in marks for path in self.directory.glob(mark)}
        return [RunRecord(place) for place in sorted(places)]

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
    def kept(self) -> str | None:
        """Which state of the network this is, for people, where the best was kept.

        None: it is that of the last step, or a pruned network.

        Raises:
            RunError: the result is damaged.
        """
        choice = None if self.result is None else self.result.choice
        return None if choice is None else f"weights of {self.directory}: {choice}"

    @property
    def learns(self) -> bool:
        """Whether stored connection weights are logits that learn, as in a search."""
        return self.kind == "search"

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

    def load_model(
        self, network: nn.Module | None = None, *, classes: Sequence[str] | None = None
    ) -> Model:
        """Returns the network with its weights, on the CPU.

        Args:
            network: to put the weights into, where only code of one's own can build it; None: it
                is built from its document.
            classes: of the data it is to work on. Converted weights may have another order of
                the same classes: then the outputs are put into this one. None: as they are.

        Raises:
            RunError: the weights are not those of the network.
            SettingsError: it is a module of one's own and none is given, or another one is; or
                converted weights are for other classes.
        """
        from connsearch.models.catalogue import from_document
        from connsearch.models.gates import decide_as
        from connsearch.models.model import model_of
        from connsearch.runs.files import put_weights, require_shapes

        if network is None:
            found = from_document(self.model, self.num_classes, learn_connections=self.learns)
        else:
            found = model_of(network)
            require_shapes(found, self.tensors, self.directory)
        tensors = self.tensors
        if classes is not None and self.is_converted:
            from connsearch.runs.class_order import in_order, order_of

            known: list[str] = self.recorded.get("facts", {}).get("classes", [])
            order = order_of(known, self.num_classes, classes, self.directory)
            tensors = in_order(tensors, order, found.classifier)
        put_weights(found, tensors, self.directory)
        decide_as(found, self.outcome or self.model)
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
