"""``connsearch models``, and training and judging a network by its name."""

from __future__ import annotations

import json

import pytest

from connsearch.errors import SettingsError, UnknownNameError
from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure, structure_names
from connsearch.models.catalogue import create_model, from_document, list_models
from connsearch.models.document import ModelDocument
from connsearch.models.structure import Network
from connsearch.models.zoo import MODELS
from connsearch.nn.seeded import seeded
from connsearch.runs.checkpoint import digest
from tests.cli.commands import Command


def test_models_are_listed_with_what_they_cost(run: Command) -> None:
    done = run("models", "--num-classes", "5", "--frames", "8", "--size", "32", "--json")
    assert done.code == 0, done.err
    assert list(done.json) == ["models"]
    found = {entry["name"]: entry for entry in done.json["models"]}
    assert set(found) == {*structure_names(), *MODELS}
    keys = {"name", "kind", "parameters", "macs", "clip", "classes"}
    assert all(set(entry) == keys for entry in found.values())
    assert all(entry["clip"] == [8, 32, 32] for entry in found.values())
    spent = cost(load_structure("starter"), num_classes=5, clip=(8, 32, 32))
    starter = {**found["starter"]}
    assert starter.pop("clip") == [8, 32, 32]
    assert starter == {
        "name": "starter",
        "kind": "structure",
        "parameters": spent.parameters,
        "macs": spent.macs,
        "classes": 5,
    }
    assert found["r3d_18"]["parameters"] == 33_168_837  # the published network with 5 classes
    assert found["r2plus1d_18"]["parameters"] == 31_302_690
    assert "r3d_18" in done.err


def test_each_network_has_a_clip_of_its_own_unless_one_is_asked_for() -> None:
    found = {entry.name: entry for entry in list_models(num_classes=7, size=64)}
    assert found["r3d_18"].clip == (16, 64, 64)
    assert found["r3d_18"].classes == 7


@pytest.mark.parametrize("name", ["starter", "r3d_18"])
def test_a_network_is_made_by_name_and_again_from_its_document(name: str) -> None:
    model = create_model(name, 3, seed=1)
    written = json.loads(json.dumps(model.describe().to_json()))
    with seeded(1):
        again = from_document(ModelDocument.read(written, where="here"), 3)
    assert digest(again.state_dict(), {}) == digest(model.state_dict(), {})
    assert again.describe() == model.describe()


def test_what_cannot_be_made_is_refused_in_words() -> None:
    with pytest.raises(UnknownNameError, match="no model named 'r3d_19', did you mean 'r3d_1"):
        create_model("r3d_19", 3)
    with pytest.raises(SettingsError, match="starter: is a structure, which has no option dropout"):
        create_model("starter", 3, dropout=0.5)
    own = ModelDocument("module", "Mine", {"class": "my.Net", "stream": "rgb"})
    with pytest.raises(SettingsError, match=r"a module of your own \(my.Net\)"):
        from_document(own, 3)
    with pytest.raises(SettingsError, match="is telescope, which only the code"):
        from_document(ModelDocument("telescope", "Hubble", {}), 3)


def test_no_two_kinds_of_model_share_a_name() -> None:
    assert not set(structure_names()) & set(MODELS)
    assert isinstance(create_model("starter", 2), Network)
