"""``connsearch train``: a pruned network further, or any structure from scratch."""

from __future__ import annotations

from collections.abc import Mapping
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
from connsearch.errors import SettingsError
from connsearch.graph.spec import Structure
from connsearch.runs.names import SCRATCH, TRAINED
from connsearch.training.options import TrainOptions

if TYPE_CHECKING:
    from connsearch.data.loading.load import DataSplits
    from connsearch.models.structure import Network


class Train(Work):
    """Trains a pruned network further with the weights it has, or any structure from scratch.

    What a run or a pruning left is trained on the data it was found with unless flags say
    otherwise. The test split stays closed; `connsearch evaluate` opens it.

    Interrupted or killed, the same line goes on where it was; once finished, it shows the result.
    """

    NAMED: ClassVar[tuple[str, ...]] = ("target", "from_scratch")

    target: Annotated[str, Flag(positional=True)]
    """The directory of a pruning or a run (its weights are trained further), or the name or file
    of a structure (trained from scratch)."""
    from_scratch: Annotated[bool, Flag(switch=True)] = False
    """Forget the weights; keep the wiring and its connection weights."""
    training: TrainOptions = TrainOptions()

    @classmethod
    def inherited(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the data settings of the run the target comes from."""
        return recorded_data(values["target"])

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Trains, or goes on, and returns where the result lies and how good it is."""
        from connsearch.oneshot.search import fit_structure
        from connsearch.runs.run import Run

        structure = open_structure(self.target)
        trained = None
        if is_trained(self.target) and not self.from_scratch:
            trained = open_trained(self.target)
        directory = self.directory(self._place())
        options = self.training.model_copy(update={"seed": self.seed})
        config = {"command": "train", "settings": self.settings()}
        data = prepare(directory, config, self.data_options(), terminal, target=self.target)
        with Run.open(directory, config) as run:
            if data is None:
                result = run.result()
            else:
                recorded = recorded_facts(self.target).get("data", data.fingerprint)
                known = (data.fingerprint, data.earlier)
                if trained is not None and recorded not in known:
                    terminal.warn(
                        "these are not the clips and splits its weights come from: clips it has "
                        "learned from may be among the select and test clips"
                    )
                network = (
                    self._first(structure, data)
                    if trained is None
                    else self._further(trained, data)
                )
                events = fit_structure(network, data, options, run=run, open_test=False)
                result = terminal.follow(self.heard(events, directory))
            return report_run("train", directory, result, terminal)

    def _place(self) -> Path:
        if is_trained(self.target):
            return Path(self.target) / (SCRATCH if self.from_scratch else TRAINED)
        return RUNS / f"train-{Path(self.target).stem}"

    def _first(self, structure: Structure, data: DataSplits) -> Network:
        """The network with first weights that depend on the seed alone."""
        from connsearch.models.structure import Network
        from connsearch.seeds import derive

        seed = derive(self.seed, "first weights")
        return Network(suit(structure, data, self), len(data.classes), seed=seed)

    def _further(self, trained: Trained, data: DataSplits) -> Network:
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
        built = trained.built_from
        if fit_objects(built, data.object_classes, data=data.name) != built:
            raise SettingsError(
                f"{self.target} has weights for {built.network.object_classes} object "
                f"classes, {data.name} has {data.object_classes}\n"
                "  cure: the data it was trained on, or --from-scratch"
            )
        return trained.network()
