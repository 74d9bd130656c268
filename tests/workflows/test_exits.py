"""Exits along the depth of a structure, as a training is asked for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import connsearch
from connsearch.data.loading.load import DataSplits
from connsearch.data.options import DataOptions
from connsearch.errors import SettingsError
from connsearch.graph.files import load_structure
from connsearch.models.catalogue import create_model
from connsearch.models.clip_needs import computes_flow
from connsearch.models.document import ModelDocument
from connsearch.models.structure import Network
from connsearch.models.weight_inheritance import is_by_entry
from connsearch.workflows.predict_videos import object_classes_of

pytestmark = pytest.mark.usefixtures("unpictured")
QUICK: dict[str, Any] = {"epochs": 1, "threads": 1, "precision": "fp32", "progress": False}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSplits:
    return connsearch.load_data(
        "synthetic:appearance",
        train_clips=2,
        val_clips=2,
        test_clips=2,
        frames=2,
        size=16,
        batch_size=4,
        cache=tmp_path_factory.mktemp("clips"),
        progress=False,
    )


def starter() -> dict[str, Any]:
    return ModelDocument.of(load_structure("starter")).to_json()


def trained(data: DataSplits, run: Path, **more: Any) -> Any:
    return connsearch.train("starter", data, run=run, exits=True, exit_neurons=8, **QUICK, **more)


def test_exits_alone_learn_and_the_network_stays(data: DataSplits, tmp_path: Path) -> None:
    alone = {"rate": {"network": 0.0}, "recalibrate_clips": 0}
    short = trained(data, tmp_path / "short", steps=1, **alone)
    long = trained(data, tmp_path / "long", steps=2, **alone)
    assert (short.model.kind, short.model.settings["levels"]) == ("exits", [0, 1, 2])
    before, after = short.tensors, long.tensors
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed
    assert not any(name.startswith("network.") for name in changed)
    found = connsearch.early_exit(long, split="val", progress=False)
    assert found.exits == 4


@pytest.mark.parametrize(
    ("target", "settings", "said"),
    [
        ("r3d_18", {"exits": True}, "--exits all: r3d_18 is no structure"),
        ("starter", {"exits": [1, 7]}, "exits: read 7\n  allowed: levels of starter"),
        ("starter", {"exits": "top"}, "read 'top'; allowed: levels such as 1,2, or all"),
        ("starter", {"exit_neurons": 8}, "--exit-neurons 8: has no effect without --exits"),
    ],
)
def test_exits_that_there_cannot_be_are_refused(
    data: DataSplits, tmp_path: Path, target: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        connsearch.train(target, data, run=tmp_path / "run", **settings, **QUICK)
    assert said in str(caught.value)


def test_object_maps_are_read_inside_other_networks(data: DataSplits, tmp_path: Path) -> None:
    run = trained(data, tmp_path / "run", steps=1, recalibrate_clips=0)
    record = data.val.records[0]
    assert record.objects is not None
    found = connsearch.predict(run, [record.path], progress=False)
    assert [one.classes for one in found] == [data.classes]
    focus = create_model("adafocus", 2, glance="resnet18", local=starter(), window="clip",
                         frames=2, size=40, patch=16, policy_hidden=4, neurons=4)  # fmt: skip
    for network in (run.load_model(), focus, Network(load_structure("starter"), 2)):
        assert object_classes_of(network, DataOptions()) == 5
        assert computes_flow(network)
    bare = tmp_path / "bare"
    for one in data.train.records:
        folder = bare / data.classes[one.labels[0]]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / one.path.name).write_bytes(one.path.read_bytes())
    options = {"val_share": 0.5, "test_share": 0, "frames": 2, "size": 16, **QUICK}
    with pytest.raises(SettingsError, match="has no object maps"):
        connsearch.train(run, str(bare), run=tmp_path / "further", **options)


def test_first_weights_of_a_network_without_exits_fit(data: DataSplits, tmp_path: Path) -> None:
    plain = connsearch.train(
        "starter", data, run=tmp_path / "plain", steps=1, recalibrate_clips=0, **QUICK
    )
    still = {"rate": {"network": 0.0}, "recalibrate_clips": 0, "steps": 1}
    begun = trained(data, tmp_path / "run", initial_weights=str(plain.directory), **still)
    for name, value in plain.tensors.items():
        if not is_by_entry(name):  # which belong to the wiring
            assert torch.equal(begun.tensors[f"network.{name}"], value), name
