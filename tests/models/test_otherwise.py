"""Weights that fit a network with other settings: the message says with which."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

from connsearch.errors import WeightsError
from connsearch.models.catalogue import create_model
from connsearch.models.fitting import choose_fit
from connsearch.models.published import import_state
from connsearch.models.weights import PUBLICATIONS

SMALL = {"widths": (32, 32, 32, 32), "depths": (1, 1, 1, 1)}


def published(name: str, **options: Any) -> dict[str, Tensor]:
    """First values of a network by the names they were published under."""
    model = create_model(name, 5, seed=0, **SMALL, **options)
    names = PUBLICATIONS["srtg"].key_map(model.describe().settings)
    return {names.published(own) or own: t for own, t in model.state_dict().items()}


CASES = [
    ("r3dxt50_32x4d", {}, "r3dxt50_32x4d", {"legacy_dense": True}, "legacy_dense=True"),
    ("srtg_r3dxt34_32d", {}, "r3dxt34_32d", {"legacy_dense": True}, "legacy_dense=True"),
    ("srtg_r3d_50", {}, "srtg_r3d_50", {"expansion": 4}, "expansion=4"),
    ("ip_csn_50", {}, "srtg_ip_csn_50", {}, "place='final'"),
    ("srtg_r2plus1d_18", {}, "r2plus1d_18", {}, "place='none'"),
]


@pytest.mark.parametrize(("name", "options", "source", "other", "cure"), CASES)
def test_weights_that_fit_with_other_settings_say_so(
    name: str, options: dict[str, Any], source: str, other: dict[str, Any], cure: str
) -> None:
    state = published(source, **other)
    model = create_model(name, 7, seed=1, **SMALL, **options)
    before = {n: t.clone() for n, t in model.state_dict().items()}
    with pytest.raises(WeightsError, match="not the weights srtg has") as caught:
        import_state(state, model, publication="srtg", classifier=False)
    assert f"cure: build it with {cure}" in str(caught.value)
    assert "--model-options " in str(caught.value)
    assert all(bool((t == before[n]).all()) for n, t in model.state_dict().items())
    with pytest.raises(WeightsError, match="no publication has these names") as caught:
        choose_fit(None, name, {**SMALL, **options}, state)
    assert f"cure: build it with {cure}" in str(caught.value)


def test_weights_that_fit_in_no_way_are_told_no_such_thing() -> None:
    state = published("r3d_50")
    state["layer1.0.conv1.0.weight"] = state["layer1.0.conv1.0.weight"][:5]
    with pytest.raises(WeightsError, match="cure: build the network that was published"):
        import_state(state, create_model("r3d_50", 5, **SMALL), publication="srtg")


@pytest.mark.parametrize("name", ["srtg_ip_csn_50", "srtg_r2plus1d_18", "r3dxt50_32x4d"])
def test_weights_of_the_same_settings_go_in_whole(name: str) -> None:
    state, model = published(name), create_model(name, 5, seed=1, **SMALL)
    found = import_state(state, model, publication="srtg")
    assert found.taken.complete
    names = PUBLICATIONS["srtg"].key_map(model.describe().settings)
    own = model.state_dict()
    assert all(bool((own[names.ours(n) or ""] == t).all()) for n, t in state.items())
