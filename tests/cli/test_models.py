"""``connsearch models``, and training and judging a network by its name."""

from __future__ import annotations

import json
import runpy
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import torch

import connsearch
from connsearch.errors import SettingsError, UnknownNameError
from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure, structure_names
from connsearch.models.catalogue import create_model, from_document, list_models
from connsearch.models.count import count
from connsearch.models.document import ModelDocument
from connsearch.models.structure import Network
from connsearch.models.zoo import MODELS
from connsearch.nn.seeded import seeded
from connsearch.runs.checkpoint import digest
from connsearch.runs.record import open_run
from tests.cli.commands import ROOT, Command
from tests.golden.folder import Folder
from tests.golden.srtg.rule import HERE, STATES
from tests.models.published_costs import GMACS
from tests.unpictured import no_pictures

LISTED = Folder.read(HERE).table(STATES, HERE)
"""Published networks by name."""


GATES = ("", "srtg_")
SOME = "starter r3d_* srtg_r2plus1d_* ip_csn_50 srtg_ip_csn_50 r3dxt34_32d mtnet_s_g8".split()
"""Several depths of two blocks, gates, grouped convolutions, and a network of another kind."""


@pytest.mark.parametrize("patterns", [SOME, pytest.param([], marks=pytest.mark.slow, id="all")])
def test_models_are_listed_with_what_they_cost(run: Command, patterns: list[str]) -> None:
    done = run("models", *patterns, "--frames", "16", "--size", "224", "--json")
    assert done.code == 0, done.err
    assert list(done.json) == ["models"]
    found = {entry["name"]: entry for entry in done.json["models"]}
    every = [*structure_names(), *MODELS]
    assert set(found) == {
        name for name in every if not patterns or any(fnmatch(name, one) for one in patterns)
    }
    keys = {"name", "kind", "parameters", "macs", "clip", "classes"}
    assert all(set(entry) == keys for entry in found.values())
    assert all(entry["clip"] == [16, 224, 224] for entry in found.values())
    spent = cost(load_structure("starter"), num_classes=400, clip=(16, 224, 224))
    starter = {**found["starter"]}
    assert starter.pop("clip") == [16, 224, 224]
    assert starter == {
        "name": "starter",
        "kind": "structure",
        "parameters": spent.parameters,
        "macs": spent.macs,
        "classes": 400,
    }
    gmacs = {f"{gates}{name}": of[gates != ""] for name, of in GMACS.items() for gates in GATES}
    for one in gmacs.keys() & found.keys():
        macs = gmacs[one] * 1e9
        if "xt" in one:  # published as dense
            assert found[one]["parameters"] < LISTED[one]["parameters"], one
            assert found[one]["macs"] < 0.6 * macs, one
        else:
            assert found[one]["parameters"] == LISTED[one]["parameters"], one
            assert found[one]["macs"] == pytest.approx(macs, rel=1e-3), one
    assert "r3d_18" in done.err
    order = [name for name in found if name.startswith("r3d_")]
    assert order == [f"r3d_{depth}" for depth in (18, 34, 50, 101, 152, 200)]


def test_each_network_has_a_clip_of_its_own_unless_one_is_asked_for() -> None:
    found = list_models("r3d_18", "srtg_ir*_50", num_classes=7, size=64)
    assert [entry.name for entry in found] == ["r3d_18", "srtg_ir_csn_50"]
    assert all((entry.clip, entry.classes) == ((16, 64, 64), 7) for entry in found)


def test_a_pattern_that_no_name_fits_names_the_nearest(run: Command) -> None:
    done = run("models", "srtg_r3d_81")
    assert done.code == 2
    assert "did you mean 'srtg_r3d_18'? Known: " in done.err
    assert " more" in done.err
    assert len(done.err) < 300


@pytest.mark.parametrize("name", ["srtg_r2plus1d_34", "ip_csn_101"])
def test_a_listed_cost_is_that_of_the_network_itself(name: str) -> None:
    """However it is found: a deep network is counted by a shorter one."""
    (entry,) = list_models(name, num_classes=7, frames=6, size=50)
    with torch.device("meta"):
        found = count(create_model(name, 7), {"rgb": torch.empty(1, 3, 6, 50, 50)})
    assert (entry.parameters, entry.macs) == found


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
    with pytest.raises(SettingsError, match="telescope; only the code"):
        from_document(ModelDocument("telescope", "Hubble", {}), 3)


def test_no_two_kinds_of_model_share_a_name() -> None:
    assert not set(structure_names()) & set(MODELS)
    assert isinstance(create_model("starter", 2), Network)


TINY_CLIPS = (
    "--frames 4 --size 16 --train-clips 3 --val-clips 2 --test-clips 2 --batch-size 6 "
    "--precision fp32 --threads 1 --recalibrate-clips 6 --steps 2"
).split()


def built(directory: str) -> dict[str, Any]:
    """What the network of a run is built from."""
    return json.loads(Path(directory, "model.json").read_text(encoding="utf-8"))["settings"]


def test_a_network_is_trained_and_judged_by_its_name(run: Command) -> None:
    narrow = ["--model-options", "widths=[8,8,8,8]", "stem_pool=False"]
    done = run("train", "r3d_18", *narrow, *TINY_CLIPS, "--run", "runs/r3d", "--json")
    assert done.code == 0, done.err
    assert (done.json["name"], done.json["kind"]) == ("r3d_18", "resnet3d")
    assert built("runs/r3d") | {"widths": [8, 8, 8, 8], "stem_pool": False} == built("runs/r3d")
    otherwise = ["--model-options", "stem_pool=false", "widths=[8, 8, 8, 8]"]
    again = run("train", "r3d_18", *otherwise, *TINY_CLIPS, "--run", "runs/r3d", "--json")
    assert (again.code, again.json) == (0, done.json), "another spelling, the same run"
    assert "structure" not in done.json
    assert {Path(picture).name for picture in done.json["pictures"]} == {
        "training.svg",
        "training.png",
    }
    names = {path.name for path in Path("runs/r3d").iterdir()}
    assert "model.json" in names
    assert not {"structure.json", "connections.csv"} & names
    judged = run("evaluate", "runs/r3d", "--json")
    assert judged.code == 0, judged.err
    assert judged.json["times_opened"] == 1
    with no_pictures():
        further = run("train", "runs/r3d", "--steps", "1", "--threads", "1", "--json")
    assert further.code == 0, further.err
    assert further.json["run"].startswith("runs/r3d/trained")
    more = ["--from-scratch", "--model-options", "place=end", "gate_test.test=align"]
    with no_pictures():
        anew = run("train", "runs/r3d", *more, "--steps", "1", "--threads", "1", "--json")
    assert anew.code == 0, anew.err
    found = built(anew.json["run"])
    assert (found["widths"], found["place"], found["gate_test"]["test"]) == (
        [8, 8, 8, 8],
        "end",
        "align",
    )
    refused = run("train", "runs/r3d", "--model-options", "place=end", "--steps", "1")
    assert refused.code == 2
    assert "runs/r3d has weights for its own settings" in refused.err
    assert "--from-scratch" in refused.err
    page = run("report", "runs/r3d", "--json")
    assert page.code == 0, page.err
    text = Path("runs/r3d/report.html").read_text(encoding="utf-8")
    assert "Trained: r3d_18, a resnet3d" in text
    assert "random wirings" not in text
    assert "cannot be read" not in text
    shown = run("inspect", "runs/r3d")
    assert shown.code == 0, shown.err
    assert "stem_pool" in shown.out
    decides = run("inspect", anew.json["run"], "--json")
    assert decides.json["settings"]["gated"] is True, "as it was trained, not as it began"
    for line in (["prune", "runs/r3d"], ["draw", "runs/r3d"]):
        refused = run(*line)
        assert refused.code == 2, line
        assert "r3d_18, a resnet3d: it has no connections" in refused.err, (line, refused.err)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "mc3_18"])
def test_every_kind_of_network_is_trained_and_judged(run: Command, name: str) -> None:
    done = run("train", name, *TINY_CLIPS, "--run", "runs/one", "--json")
    assert done.code == 0, done.err
    assert done.json["name"] == name
    for what in ("evaluate", "report"):
        judged = run(what, "runs/one", "--json")
        assert judged.code == 0, judged.err


@pytest.mark.slow
def test_a_network_of_the_zoo_is_exported(run: Command) -> None:
    """Its strides in time tie the frames of a program of torch, and not those of an ONNX model."""
    assert run("train", "r3d_18", *TINY_CLIPS, "--run", "runs/r3d").code == 0
    for kind, opened in (("torch", ["clips"]), ("onnx", ["clips", "frames"])):
        done = run("export", "runs/r3d", "--format", kind, "--json")
        assert done.code == 0, done.err
        assert done.json["axes"]["open"] == opened
        assert done.json["model"]["kind"] == "resnet3d"
        assert ("the number of frames is settled at" in done.err) == (kind == "torch")


@pytest.fixture
def own(run: Command) -> str:
    """The run of a module of one's own, made by the example."""
    main = runpy.run_path(str(ROOT / "examples" / "own_network.py"))["main"]
    with no_pictures():
        main(Path("runs/own"), epochs=1, clips=2)
    return "runs/own"


def test_a_run_of_a_module_of_ones_own_is_shown_and_not_built_again(run: Command, own: str) -> None:
    assert run("report", own).code == 0
    text = Path(own, "report.html").read_text(encoding="utf-8")
    assert "Trained: Sequential, a module" in text
    assert run("evaluate", own).code == 0, "the example has opened the test split"
    for line in (["evaluate", "--again"], ["train"], ["train", "--from-scratch"]):
        done = run(line[0], own, *line[1:])
        assert done.code == 2, line
        told = "error: Sequential: is a module of your own (torch.nn.modules.container.Sequential)"
        assert done.err.startswith(told), (line, done.err)
    assert run("prune", own).code == 2
    done = run("gap", own)
    assert done.code == 2
    assert "not the directory of a search" in done.err


def test_whatever_a_program_calls_its_command_only_structures_are_searched(
    run: Command, own: str
) -> None:
    path = Path(own, "config.json")
    path.write_text(path.read_text().replace('"command": "train"', '"command": "mine"'))
    assert open_run(own).kind == "train"


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("srtg_r3d_18", ["stem_pol=false"], "did you mean 'stem_pool'? Known: block, conv"),
        ("srtg_r3d_18", ["expansion=4"], "expansion 4: only a bottleneck widens"),
        ("srtg_r3d_18", ["stem_pool"], "--model-options: read 'stem_pool'; allowed: NAME=VALUE"),
        ("srtg_r3d_18", ["place=mid", "place=end"], "--model-options: read place twice"),
        ("starter", ["place=mid"], "--model-options place=mid: starter is a structure"),
    ],
)
def test_options_that_a_network_has_not_are_refused(
    run: Command, name: str, options: list[str], said: str
) -> None:
    done = run("train", name, *TINY_CLIPS, "--model-options", *options)
    assert done.code == 2
    assert said in done.err
    assert not Path("runs").exists()


def test_a_module_takes_no_options() -> None:
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten())
    with pytest.raises(SettingsError, match=r"--model-options place=mid: .* is a module"):
        connsearch.train(net, model_options={"place": "mid"}, progress=False)


@pytest.mark.parametrize("option", [["--streams", "rgb"], ["--attention", "none"]])
def test_what_only_a_structure_has_is_refused(run: Command, option: list[str]) -> None:
    done = run("train", "r3d_18", *option, *TINY_CLIPS)
    assert done.code == 2
    assert f"{option[0]}: r3d_18 is no structure" in done.err


def test_a_name_that_nothing_has_names_the_nearest(run: Command) -> None:
    done = run("train", "r3d_81", *TINY_CLIPS)
    assert done.code == 2
    assert "r3d_18" in done.err
    for line in (["search", "r3d_81", *TINY_CLIPS], ["inspect", "r3d_81"]):
        near = run(*line)
        assert near.code == 2
        assert "r3d_18 is a resnet3d, which has no connections" in near.err
    assert "did you mean 'starter'" in run("inspect", "startr").err
    searched = run("search", "r3d_18", *TINY_CLIPS)
    assert searched.code == 2
    assert "r3d_18: is a resnet3d" in searched.err
