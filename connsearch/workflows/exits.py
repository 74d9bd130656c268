"""Exits along the depth of a structure, as a training is asked for them."""

from __future__ import annotations

import torch

from connsearch.errors import SettingsError
from connsearch.models.catalogue import from_document
from connsearch.models.depth_exits import DepthExits
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model
from connsearch.models.structure import Network
from connsearch.runs.record import RunRecord
from connsearch.seeds import derive
from connsearch.workflows.settings.train import TrainSettings


def refuse_exits(asked: TrainSettings, start: Model | RunRecord | ModelDocument | str) -> None:
    """Refuses exits where no structure is trained, or where it cannot have them.

    Raises:
        SettingsError: they are asked for there, or after a level that has none.
    """
    if asked.depth.exits is None:
        if asked.depth.exit_neurons is not None:
            raise SettingsError(
                f"--exit-neurons {asked.depth.exit_neurons}: has no effect without --exits\n"
                "  cure: give --exits too, or leave it out"
            )
        return
    document = start.model if isinstance(start, RunRecord) else start
    if not isinstance(document, ModelDocument) or document.structure is None:
        more = ""
        if isinstance(document, ModelDocument) and document.kind == "exits":
            more = "; it has exits already, and they learn on without --exits"
        raise SettingsError(
            f"--exits {asked.depth.exits}: {asked.target} is no structure, it has no levels to "
            f"stop after{more}\n  cure: leave it out"
        )
    with torch.device("meta"):  # before any data is read
        network = from_document(document, 2)
        assert isinstance(network, Network), "the network of a structure"
        DepthExits.around(network, levels=asked.depth.levels, neurons=None, seed=0)


def with_exits(asked: TrainSettings, network: Model) -> Model:
    """Returns a network with the exits that are asked for; without any, as it is."""
    if asked.depth.exits is None:
        return network
    assert isinstance(network, Network), "only structures have exits"
    return DepthExits.around(
        network,
        levels=asked.depth.levels,
        neurons=asked.depth.exit_neurons,
        seed=derive(asked.seed, "exits"),
    )
