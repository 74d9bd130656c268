"""The whole loop in Python: structure, search, prune, check, train on, evaluate, picture.

    python examples/tour.py [DIRECTORY]

On built-in data whose class is the direction of motion; about a minute on two cores.
"""

from __future__ import annotations

import sys
from pathlib import Path

from connsearch.data.loading.load import load_data
from connsearch.data.options import DataOptions
from connsearch.graph.files import load_structure
from connsearch.graph.streams import fit_objects
from connsearch.models.exactness import exactness
from connsearch.models.inherit import inherit
from connsearch.models.structure import Network
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import build, fit_model, search, search_space
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune_by
from connsearch.runs.events import EvaluationEvent, ResultEvent
from connsearch.runs.files import load_weights
from connsearch.runs.names import WEIGHTS
from connsearch.runs.run import Run
from connsearch.training.options import TrainOptions
from connsearch.view.structures.draw import render


def main(directory: Path, *, epochs: int = 6, clips: int = 96) -> ResultEvent:
    data = load_data(DataOptions.of(source="synthetic:motion", train_clips=clips))
    structure = fit_objects(load_structure("starter"), data.object_classes, data=data.name)

    # Search: every allowed connection, its weight learned together with the filters.
    options = SearchOptions.of(epochs=epochs)
    with Run.open(directory / "search", {"command": "tour", "settings": {}}) as run:
        for event in search(structure, data, options, run=run):
            if isinstance(event, EvaluationEvent):
                print(f"epoch {event.epoch}: {event.split} {event.metrics}")
            if isinstance(event, ResultEvent):
                searched = event.structure
    supernet = build(search_space(structure, options), len(data.classes), options)
    supernet.load_state_dict(load_weights(directory / "search" / WEIGHTS))

    # Prune: in every block, inputs with at least half of its strongest weight stay.
    pruned = prune_by(searched, PruneOptions(criterion="relative:0.5"))
    network = Network(pruned.structure, len(data.classes))
    inherit(network, supernet, pruned)
    print(exactness(supernet, network, pruned, clip=data.clip))

    # Train on, then open the test split, once.
    with Run.open(directory / "trained", {"command": "tour", "settings": {}}) as run:
        options = TrainOptions.of(epochs=max(1, epochs // 3))
        for event in fit_model(network, data, options, run=run):
            if isinstance(event, ResultEvent):
                result = event
    print(f"test: {result.metrics['test']}")
    for name, value in (("searched", searched), ("pruned", pruned.structure)):
        print(render(value, directory / f"{name}.svg"))
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/tour"))
