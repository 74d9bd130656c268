"""What every network of the cupboard promises, and that one new file makes another."""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from connsearch.errors import SettingsError, UnknownNameError
from connsearch.models import zoo
from connsearch.models.count import count
from connsearch.models.document import ModelDocument
from connsearch.models.model import as_predictions
from connsearch.models.zoo import MODELS, READERS

QUICK = ("r3d_18", "r2plus1d_18", "r2plus1d_50", "srtg_ip_csn_50", "mtnet_xs_g8")
DEEP = {n for n in MODELS if MODELS[n].kind in ("resnet3d", "mtnet") and n not in QUICK}
NAMES = [pytest.param(n, marks=[pytest.mark.slow] if n in DEEP else []) for n in MODELS]


def bare(name: str) -> Any:
    """The network without numbers."""
    with torch.device("meta"):
        return MODELS[name].build(7)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_built_again_from_its_document(name: str) -> None:
    network = bare(name)
    written = json.loads(json.dumps(network.describe().to_json()))
    document = ModelDocument.read(written, where="here").with_provenance({"run": "x"})
    assert (document.kind, document.name) == (MODELS[name].kind, name)
    assert document.settings["classes"] == 7
    with torch.device("meta"):
        again: Any = READERS[document.kind](document)
    assert again.describe() == network.describe()
    shapes = {n: t.shape for n, t in network.state_dict().items()}
    assert {n: t.shape for n, t in again.state_dict().items()} == shapes


@pytest.mark.parametrize("name", NAMES)
def test_a_network_maps_the_streams_it_names_to_logits(name: str) -> None:
    network = bare(name)
    assert network.modalities == ("rgb",)
    clip = torch.empty(2, 3, *MODELS[name].clip, device="meta")
    assert as_predictions(network.eval()({"rgb": clip})).logits.shape == (2, 7)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("depths", [1, 2, 3], "depths.3: Field required"),
        ("depths", [1, 2, 3, True], "depths.3: Input should be a valid integer; read: True"),
        ("classes", 0, "classes: Input should be greater than or equal to 1; read: 0"),
        ("group", 4, "group: no setting named 'group', did you mean 'groups'? Known: block"),
        ("groups", 5, "groups 5: does not divide every one of the widths (64, 128, 256, 512)"),
        ("gate_test", {"tes": "align"}, "gate_test.tes: no setting named 'tes', did you mean"),
        ("block", None, "block: Input should be 'basic' or 'bottleneck'; read: None"),
    ],
)
def test_a_document_that_is_none_is_refused(setting: str, value: object, said: str) -> None:
    document = bare("r3d_18").describe()
    wrong = replace(document, settings={**document.settings, setting: value})
    with pytest.raises(SettingsError, match="r3d_18: not a model document") as caught:
        READERS["resnet3d"](wrong)
    assert said in str(caught.value)


@pytest.mark.parametrize("option", ["stem_pol", "name", "classes"])
def test_an_option_that_there_is_not_is_refused(option: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"r3d_18 cannot be built[^\n]*\n  {option}: no setting"
    ):
        MODELS["r3d_18"].build(5, **{option: 1})


def test_a_name_that_there_is_not_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'r3d_18'"):
        MODELS["r3d-18"]


def test_one_new_file_is_a_new_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mean_colour.py").write_text(
        textwrap.dedent('''
            """Classifies by the mean colour."""

            from torch import nn

            from connsearch.models.document import ModelDocument
            from connsearch.models.model import Model
            from connsearch.models.zoo import MODELS, READERS, ZooModel
            from connsearch.nn.seeded import seeded


            class MeanColour(Model):
                modalities = ("rgb",)

                def __init__(self, num_classes):
                    super().__init__()
                    self.head = nn.Linear(3, num_classes)

                def forward(self, streams):
                    return self.head(streams["rgb"].mean((2, 3, 4)))

                def describe(self):
                    return ModelDocument("colour", "", {"classes": self.head.out_features})


            def build(num_classes, /, *, seed=None, **options):
                with seeded(seed):
                    return MeanColour(num_classes, **options)


            MODELS.register("mean_colour")(ZooModel(build, "colour", (4, 8, 8)))
            READERS.register("colour")(lambda document: build(document.settings["classes"]))
        '''),
        encoding="utf-8",
    )
    monkeypatch.setattr(zoo, "__path__", [*zoo.__path__, str(tmp_path)])
    for registry in (MODELS, READERS):  # as if nobody had looked yet
        monkeypatch.setattr(registry, "_members", dict(registry._members))
        monkeypatch.setattr(registry, "_package", zoo.__name__)
        monkeypatch.setattr(registry, "_complete", False)
    try:
        found = MODELS["mean_colour"]
        network: Any = found.build(5, seed=1)
        assert READERS[network.describe().kind](network.describe()).head.out_features == 5
        assert count(network, {"rgb": torch.empty(1, 3, *found.clip)}) == (20, 15)
        assert "r3d_18" in MODELS
    finally:
        sys.modules.pop(f"{zoo.__name__}.mean_colour", None)
        vars(zoo).pop("mean_colour", None)
