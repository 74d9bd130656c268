"""``connsearch train``: a pruned network further, or any structure from scratch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from connsearch.cli.command import Flag
from connsearch.cli.outcome import report_run
from connsearch.cli.target import (
    Trained,
    is_trained,
    open_structure,
    open_trained,
    recorded_data,
    recorded_facts,
)
from connsearch.cli.terminal import Terminal
from connsearch.cli.work import RUNS, Work, prepare, suit
from connsearch.errors import SettingsError, UnknownNameError
from connsearch.graph.spec import Structure
from connsearch.registry import suggest
from connsearch.runs.names import SCRATCH, TRAINED
from connsearch.runs.record import open_run
from connsearch.seeds import derive
from connsearch.training.options import TrainOptions

if TYPE_CHECKING:
    from connsearch.data.loading.load import DataSplits
    from connsearch.models.document import ModelDocument
    from connsearch.models.model import Model


class Train(Work):
    """Trains a pruned network further with the weights it has, or any network from scratch.

    What a run or a pruning left is trained on the data it was found with unless flags say
    otherwise. The test split stays closed; `connsearch evaluate` opens it.

    Interrupted or killed, the same line goes on where it was; once finished, it shows the result.
    """

    NAMED: ClassVar[tuple[str, ...]] = ("target", "from_scratch")

    target: Annotated[str, Flag(positional=True)]
    """The directory of a pruned network or a run (training continues from its weights), or the name
    or file of a structure, or the name of another model, such as r3d_18 (trained from scratch);
    `connsearch models` lists all names."""
    from_scratch: Annotated[bool, Flag(switch=True)] = False
    """Start from new weights; keep the wiring with its connection weights, or the settings of the
    model."""
    training: TrainOptions = TrainOptions()

    @classmethod
    def inherited(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the data settings of the run the target comes from."""
        return recorded_data(values["target"])

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Trains, or goes on, and returns where the result lies and how good it is."""
        from connsearch.oneshot.search import fit_model
        from connsearch.runs.run import Run

        start = self._start()
        directory = self.directory(self._place())
        options = self.training.with_values(seed=self.seed)
        config = {"command": "train", "settings": self.settings()}
        data = prepare(directory, config, self.data_options(), terminal, target=self.target)
        with Run.open(directory, config) as run:
            if data is None:
                result = run.result()
            else:
                if isinstance(start, Trained):
                    self._warn_of_other_clips(data, terminal)
                    model = self._further(start, data)
                else:
                    model = self._first(start, data)
                events = fit_model(model, data, options, run=run, open_test=False)
                result = terminal.follow(self.heard(events, directory))
            return report_run("train", directory, result, terminal)

    def _start(self) -> Trained | ModelDocument | str:
        """What the training starts from: weights, what is built anew, or a name of the zoo.

        Raises:
            UserError: there is no such thing, or it has no streams or attention to choose.
        """
        from connsearch.models.catalogue import require_known
        from connsearch.models.document import ModelDocument
        from connsearch.models.zoo import MODELS

        if is_trained(self.target):
            start = open_run(self.target).model if self.from_scratch else open_trained(self.target)
            document = start.record.model if isinstance(start, Trained) else start
            require_known(document)
            if document.structure is not None:  # also refuses what is damaged
                structure = open_structure(self.target)
                start = ModelDocument.of(structure) if self.from_scratch else start
        elif self.target in MODELS:
            start, document = self.target, None
        else:
            start = document = ModelDocument.of(self._structure())
        if document is None or document.structure is None:
            self._refuse_parts_of_structures()
        return start

    def _structure(self) -> Structure:
        from connsearch.graph.files import structure_names
        from connsearch.models.zoo import MODELS

        try:
            return open_structure(self.target)
        except UnknownNameError:
            known = sorted([*structure_names(), *MODELS])
            raise UnknownNameError(suggest("network", self.target, known)) from None

    def _refuse_parts_of_structures(self) -> None:
        for option, value in (("--streams", self.streams), ("--attention", self.attention)):
            if value is not None:
                raise SettingsError(
                    f"{option}: {self.target} is no structure, it has neither stems nor peers to "
                    "choose\n  cure: leave it out"
                )

    def _warn_of_other_clips(self, data: DataSplits, terminal: Terminal) -> None:
        recorded = recorded_facts(self.target).get("data", data.fingerprint)
        if recorded not in (data.fingerprint, data.earlier):
            terminal.warn(
                "these are not the clips and splits its weights come from: clips it has learned "
                "from may be among the validation and test clips"
            )

    def _place(self) -> Path:
        if is_trained(self.target):
            return Path(self.target) / (SCRATCH if self.from_scratch else TRAINED)
        return RUNS / f"train-{Path(self.target).stem}"

    def _first(self, start: ModelDocument | str, data: DataSplits) -> Model:
        """The network with first weights that depend on the seed alone."""
        from connsearch.models.catalogue import create_model, from_document
        from connsearch.models.document import ModelDocument
        from connsearch.nn.seeded import seeded

        seed, classes = derive(self.seed, "first weights"), len(data.classes)
        if isinstance(start, str):
            return create_model(start, classes, seed=seed)
        if start.structure is not None:
            document = ModelDocument.of(suit(start.structure, data, self))
        else:
            document = replace(start, settings={**start.settings, "classes": classes})
        with seeded(seed):
            return from_document(document, classes)

    def _further(self, trained: Trained, data: DataSplits) -> Model:
        """The network with the weights it has.

        Raises:
            SettingsError: the weights do not fit what is asked for.
        """
        from connsearch.graph.streams import fit_objects

        if self.streams is not None or self.attention is not None:
            asked = "--attention" if self.streams is None else "--streams"
            raise SettingsError(
                f"{asked}: {self.target} has weights for its own streams and attention mode\n"
                "  cure: leave it out, or train --from-scratch"
            )
        if trained.num_classes != len(data.classes):
            raise SettingsError(
                f"{self.target} has weights for {trained.num_classes} classes, {data.name} has "
                f"{len(data.classes)}\n  cure: the data it was trained on, or --from-scratch"
            )
        built = trained.record.model.structure
        if built is None:
            return trained.model()
        if fit_objects(built, data.object_classes, data=data.name) != built:
            raise SettingsError(
                f"{self.target} has weights for {built.network.object_classes} object "
                f"classes, {data.name} has {data.object_classes}\n"
                "  cure: the data it was trained on, or --from-scratch"
            )
        return trained.model()
