"""Exits along the depth of a structure, as a training is asked for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import connsearch
from connsearch.data.loading.load import DataSplits
from connsearch.errors import SettingsError

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
