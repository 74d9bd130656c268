"""What is looked at: a searched network with its weights, its data and how it was trained."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import SplitLoaders
from connsearch.graph.cost import Cost, cost
from connsearch.graph.spec import FREE, Edge, Structure, Weight
from connsearch.models.gates import decide_as, decides, let_decide
from connsearch.models.inherit import inherit
from connsearch.models.structure import Network
from connsearch.nn.mask import Mask
from connsearch.oneshot.search import fit_model
from connsearch.pruning.pruner import Pruned
from connsearch.runs.events import Event
from connsearch.runs.files import put_weights
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.record import open_run
from connsearch.runs.run import Run
from connsearch.seeds import derive
from connsearch.settings.nesting import by_name, leaves
from connsearch.training.evaluate import Compute, evaluate, recalibrate_on
from connsearch.training.gates import of_its_own
from connsearch.training.options import TrainOptions


@dataclass(frozen=True)
class SearchedRun:
    """A searched network and everything needed to judge it.

    Attributes:
        directory: of its run.
        network: with its weights, as it was searched; never changed.
        structure: the same with everything that was learned written in.
        data: the data it was searched on; ``test`` stays closed unless a command says otherwise.
        options: how it was trained.
        compute: device and precision of evaluations.
        loaders: of the data; closed by the code that opened them.
    """

    directory: Path
    network: Network
    structure: Structure
    data: DataSplits
    options: TrainOptions
    compute: Compute
    loaders: SplitLoaders

    def cost(self, structure: Structure) -> Cost:
        """Returns what a structure costs on clips of this data."""
        return cost(structure, num_classes=len(self.data.classes), clip=self.data.clip)

    def child(self, pruned: Pruned) -> Network:
        """Returns the pruned network with the weights it inherits."""
        child = Network(pruned.structure, len(self.data.classes), seed=0)
        inherit(child, self.network, pruned)
        child.memory_format = self.network.memory_format
        return child.to(self.compute.device)

    def recalibrate(self, network: Network) -> None:
        """Sets the batch-norm statistics of a network from training clips, the same every time."""
        recalibrate_on(
            network,
            self.loaders["train"],
            clips=self.options.logging.recalibrate_clips or 128,
            seed=self.options.seed,
            compute=self.compute,
        )

    def judge(self, network: Network, split: str = "val", *, all_views: bool = False) -> Metrics:
        """Returns the metrics of a network on a split, by the centre of every clip.

        With ``all_views`` by the views its data options ask for, as the search's last evaluation.
        """
        return evaluate(
            network,
            self.loaders[split],
            classes=self.data.classes,
            compute=self.compute,
            loss=self.options.loss.loss,
            all_views=all_views,
        )


@contextmanager
def masked(network: Network, pruned: Pruned) -> Generator[None]:
    """Multiplies everything that a pruning cut away by zero inside the block."""
    network.mask(Mask.of(pruned))
    try:
        yield
    finally:
        network.mask(None)


def free_weights(structure: Structure) -> Structure:
    """Returns the wiring with connection weights that learn from the start."""
    stored = structure.weights()
    learned: dict[Edge, Weight] = {e: FREE for e, w in stored.items() if w is not None}
    return structure.with_weights(learned)


def budget(
    options: TrainOptions, *, epochs: int | None = None, steps: int | None = None
) -> TrainOptions:
    """Returns how a network of its own is trained: as the search was, or so many epochs or steps.

    It is evaluated at its end only, and the network of its last step is kept. As it begins from new
    weights, all of it learns at one rate, and no other states and tables are kept.
    """
    known = by_name(options)
    values = {path[-1]: known[path[-1]] for path in leaves(TrainOptions)}
    if epochs is not None or steps is not None:
        values |= {"epochs": epochs or values["epochs"], "steps": steps}
    alone = {"eval_every": values["epochs"], "keep": "last", "score_csv": False}
    return TrainOptions.of(
        **{**values, **alone, "fine_tune": None, "rate": None, "save_every": None}
    )


def trained_alone(directory: Path, classes: int) -> Network:
    """Returns the network that :func:`train_alone` has left in a run directory."""
    record = open_run(directory)
    network = Network(record.built, classes)
    put_weights(network, record.weights(), record.weights_path)
    decide_as(network, record.outcome or record.model)
    return network


def train_alone(
    structure: Structure,
    data: DataSplits,
    options: TrainOptions,
    directory: Path,
    *,
    weights: Network | None = None,
    open_test: bool = False,
) -> Iterator[Event]:
    """Yields the events of training a network of its own, the last one its result.

    It has its own run directory and resumes there. With new weights its temporal gates learn before
    they decide, as in a search; with given ones they go on as they are.

    Args:
        structure: its free connection weights learn, the others stay as they are.
        data: the splits.
        options: how to train; the seed decides first weights and order.
        directory: of its run.
        weights: start from the weights of this network (of the same structure), not from new ones.
        open_test: judge it on ``test``, too, at the end.
    """
    seed = derive(options.seed, "first weights")
    network = Network(replace(structure, gates_decide=False), len(data.classes), seed=seed)
    if weights is not None:
        network.load_state_dict(weights.state_dict())
        let_decide(network, gated=decides(weights))
    options = of_its_own(options, network, learned=weights is not None)
    config = {
        "command": "train",
        "settings": {"training": options.model_dump(mode="json")},
        "inherited": weights is not None,
    }
    with Run.open(directory, config) as run:
        yield from fit_model(network, data, options, run=run, open_test=open_test)
