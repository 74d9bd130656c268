"""Published weights become a directory that every command opens, with the published logits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import connsearch
from connsearch.data.media.decode import write_video
from connsearch.errors import DataError, RunError, SettingsError, UnknownNameError, WeightsError
from connsearch.files.disk import sha256_of
from connsearch.models.published import names_of, part_for
from connsearch.models.weights import PUBLICATIONS
from connsearch.models.zoo import MODELS
from connsearch.runs.checkpoint import digest
from connsearch.runs.record import open_run
from connsearch.view.notebook.runs import run_html
from connsearch.workflows.export import export
from connsearch.workflows.opened import OpenedRun
from connsearch.workflows.report import report
from connsearch.workflows.weights_convert import convert_weights
from tests.golden.folder import Folder
from tests.golden.srtg.rule import HERE, clip, shapes, value
from tests.workflows.colours import frames_of

pytestmark = pytest.mark.usefixtures("unpictured")

SMALL = {"widths": [4, 4, 8, 8], "depths": [1, 1, 1, 1]}
"""An r3d_18 that takes no time; ``srtg`` says nothing of its sizes."""


def small_state(classes: int = 4, *, seed: int = 1) -> dict[str, Tensor]:
    """Weights of a small network by their published names."""
    network = MODELS["r3d_18"].build(classes, seed=seed, **SMALL)
    document = network.describe()
    theirs = names_of(part_for("srtg", document), document)
    return {theirs(name): tensor.clone() for name, tensor in network.state_dict().items()}


def saved(path: Path, state: dict[str, Tensor]) -> Path:
    """A file as SRTG's training leaves one, DataParallel and a numpy number included."""
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    optimiser = {"state": {}, "param_groups": [{"lr": np.float64(0.1), "params": []}]}
    torch.save({"epoch": 12, "state_dict": parallel, "optimizer": optimiser}, path)
    return path


def converted(file: Path, place: Path | None = None, **settings: Any) -> OpenedRun:
    given = {"model_options": SMALL, "output": place or file.parent / "converted"} | settings
    return convert_weights(file, "r3d_18", progress=False, **given)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return saved(tmp_path / "small_ep-0012.pth.tar", small_state())


# What it must show: the published logits ---------------------------------------------------------

FOLDER = Folder.read(HERE)
QUICK = {"r3d_18"}
"""Factories whose file is made, converted and run by default."""
TWICE = {"r2plus1d_18"}
"""Factories whose names and shapes torchvision has, too: whose a file is has to be said."""
NETS = [
    pytest.param(name, marks=[] if entry["factory"] in QUICK else [pytest.mark.slow])
    for name, entry in FOLDER.index.items()
    if entry["kind"] == "net" and entry["factory"] in MODELS
]


@pytest.mark.parametrize("name", NETS)
def test_a_file_laid_out_as_published_gives_the_golden_logits(name: str, tmp_path: Path) -> None:
    entry, classes = FOLDER.index[name], FOLDER.index[name]["num_classes"]
    wanted = shapes(FOLDER, entry["factory"], classes)
    state = {one: value(one, shape, entry["seed"]) for one, shape in wanted.items()}
    saved(tmp_path / "net_ep-0001.pth", state)
    run = convert_weights(
        tmp_path / "net_ep-0001.pth",
        entry["factory"],
        publication="srtg" if entry["factory"] in TWICE else None,
        output=tmp_path / "out",
        model_options={"mean": [0.5] * 3, "std": [0.5] * 3},  # the golden clips are normalised
        progress=False,
    )
    record = run.conversion
    assert record is not None
    assert (record.publication, record.taken.missing) == ("srtg", [])
    assert record.taken.loaded == len(wanted)
    network = run.load_model().double().eval()
    x = clip((entry["batch"], 3, entry["time"], *entry["size"]), entry["seed"]).double()
    with torch.no_grad():
        logits = network({"rgb": x})
    golden = torch.from_numpy(FOLDER.arrays(name)["eval64/out"])
    assert (logits - golden).abs().max() <= 1e-10 * golden.abs().max()


# The directory -----------------------------------------------------------------------------------


def test_the_record_says_where_the_weights_come_from(file: Path) -> None:
    run = converted(file)
    record = run.conversion
    assert record is not None
    assert record.source.sha256 == sha256_of(file)
    assert (record.source.entry, record.source.prefix) == ("state_dict", "module.")
    assert record.weights_sha256 == sha256_of(run.weights_path)
    assert "left out, as it is no weight of the network: epoch, optimizer" in record.notes
    assert record.taken.elements == record.taken.of
    assert run.model.settings["provenance"]["sha256"] == record.source.sha256
    assert sorted(path.name for path in run.directory.iterdir()) == [
        "conversion.json",
        "model.json",
        "weights.safetensors",
    ]
    expected = connsearch.create_model("r3d_18", 4, seed=0, **SMALL)
    assert run.load_model().state_dict().keys() == expected.state_dict().keys()
    assert run.model.settings["mean"] == pytest.approx([0.4863, 0.4588, 0.4078], abs=1e-4)


def test_the_same_line_finds_it_there_and_another_is_refused(file: Path) -> None:
    place = converted(file).directory
    before = {path.name: path.stat().st_mtime_ns for path in place.iterdir()}
    assert converted(file).directory == place
    assert {path.name: path.stat().st_mtime_ns for path in place.iterdir()} == before
    with pytest.raises(SettingsError, match="holds other converted weights; num_classes differ"):
        converted(file, num_classes=7)
    saved(file, small_state(seed=2))
    with pytest.raises(SettingsError, match="holds other converted weights; sha256 differ"):
        converted(file)


def test_what_was_interrupted_is_completed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    place = file.parent / "converted"
    with monkeypatch.context() as patch:
        patch.setattr("connsearch.workflows.weights_convert.write_weights", stopped)
        with pytest.raises(KeyboardInterrupt):
            converted(file)
    with pytest.raises(RunError, match="not a run directory"):
        connsearch.load_run(place)
    with pytest.raises(SettingsError, match="unfinished output of another command"):
        converted(file, num_classes=7)
    assert converted(file).conversion is not None
    assert not (place / ".unfinished.json").exists()


def test_nothing_is_left_of_what_was_refused(file: Path) -> None:
    with pytest.raises(WeightsError):
        converted(file, publication="torchvision")
    assert [path.name for path in file.parent.iterdir()] == [file.name]


# What is said ------------------------------------------------------------------------------------


def test_a_wrong_shape_a_missing_and_an_unknown_entry_are_each_said(tmp_path: Path) -> None:
    state = small_state()
    state["layer1.0.conv1.1.bias"] = torch.zeros(5)
    del state["layer2.0.downsample.0.weight"]
    state["layer2.0.sar.gru.weight"] = torch.zeros(2)
    file = saved(tmp_path / "w.pth", state)
    with pytest.raises(WeightsError) as caught:
        converted(file, publication="srtg")
    said = str(caught.value)
    assert "1 missing: layer2.0.downsample.0.weight" in said
    assert "1 unexpected: layer2.0.sar.gru.weight" in said
    assert "1 of another shape: layer1.0.conv1.1.bias [5], here [4]" in said
    with pytest.raises(WeightsError, match="no publication has these names and shapes") as caught:
        converted(file)
    assert "skipped by shape     1  layer1.0.conv1.1.bias [5], here [4]" in str(caught.value)
    taken = converted(file, partial=True).conversion
    assert taken is not None
    assert taken.taken.missing == ["layer2.0.downsample.0.weight"]
    assert taken.taken.skipped_by_name == ["layer2.0.sar.gru.weight"]
    assert [one.name for one in taken.taken.skipped_by_shape] == ["layer1.0.conv1.1.bias"]
    assert taken.taken.loaded == len(state) - 2


def test_weights_that_hardly_fit_are_warned_about(tmp_path: Path) -> None:
    part = {name: t for name, t in small_state().items() if name.startswith("stem.1")}
    file = saved(tmp_path / "w.pth", part)
    heard: list[str] = []
    options = {"model_options": SMALL, "output": tmp_path / "out", "partial": True}
    convert_weights(
        file,
        "r3d_18",
        publication="srtg",
        num_classes=4,
        progress=lambda event: heard.append(getattr(event, "message", "")),
        **options,
    )
    assert any("hardly anything of" in message for message in heard)


def test_two_publications_that_fit_have_to_be_chosen_from(tmp_path: Path) -> None:
    """torchvision's r2plus1d_18 has the names of SRTG's, and no pool after the stem."""
    options = {"widths": [4, 4, 8, 8]}
    network = MODELS["r2plus1d_18"].build(4, seed=1, **options)
    document = network.describe()
    theirs = names_of(part_for("srtg", document), document)
    state = {theirs(n): t.clone() for n, t in network.state_dict().items()}
    file = saved(tmp_path / "w.pth", state)

    def convert(**more: Any) -> OpenedRun:
        given = {"output": tmp_path / "out", "model_options": options} | more
        return convert_weights(file, "r2plus1d_18", progress=False, **given)

    with pytest.raises(WeightsError, match="2 publications have these names and shapes") as caught:
        convert()
    assert "srtg: stem_pool True" in str(caught.value)
    assert "torchvision: stem_pool False" in str(caught.value)
    assert "cure: say whose they are, such as --publication srtg" in str(caught.value)
    run = convert(publication="torchvision")
    assert run.model.settings["stem_pool"] is False
    assert convert(
        model_options={**options, "stem_pool": False}, publication="srtg", output=tmp_path / "b"
    )


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({"publication": "torchvison"}, UnknownNameError, "did you mean 'torchvision'"),
        ({"entry": "ema"}, WeightsError, "allowed here: state_dict"),
        ({"model_options": {"width": 3}}, SettingsError, "width"),
        ({"classes": "absent.txt"}, DataError, "absent.txt: cannot be read"),
    ],
)
def test_a_mistake_is_named(
    file: Path, settings: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        converted(file, **settings)


def test_networks_that_nobody_has_published_are_named(file: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'r3d_18'"):
        convert_weights(file, "r3d18", progress=False)
    with pytest.raises(SettingsError, match="is a structure; its weights were not published"):
        convert_weights(file, "starter", progress=False)


def test_a_file_without_a_classifier_needs_a_number_of_classes(tmp_path: Path) -> None:
    state = {name: t for name, t in small_state().items() if not name.startswith("fc.")}
    file = saved(tmp_path / "w.pth", state)
    with pytest.raises(WeightsError, match="cure: --num-classes K"):
        converted(file)
    record = converted(file, num_classes=3).conversion
    assert record is not None
    assert record.taken.left_out == ["head.weight", "head.bias"]


# Classes -----------------------------------------------------------------------------------------


def test_another_number_of_classes_leaves_the_head_out_and_says_so(file: Path) -> None:
    run = converted(file, num_classes=7)
    assert run.num_classes == 7
    assert run.conversion is not None
    assert run.conversion.taken.left_out == ["head.weight", "head.bias"]
    assert any(
        "the classifier (head.weight, head.bias) was left out" in n for n in run.conversion.notes
    )
    again = converted(file, file.parent / "again", num_classes=7)
    assert torch.equal(run.tensors["head.weight"], again.tensors["head.weight"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "run\njump high\nsit\nswim\n"),
        ("a.txt", "1 run\n2 jump high\n3 sit\n4 swim\n"),
        ("a.csv", "2,sit\n0,run\n1,jump high\n3,swim"),
        ("a.json", '["run", "jump high", "sit", "swim"]'),
        ("a.json", '{"sit": 2, "run": 0, "jump high": 1, "swim": 3}'),
        ("a.json", '{"0": "run", "1": "jump high", "2": "sit", "3": "swim"}'),
    ],
)
def test_names_of_classes_are_read_in_any_usual_form(file: Path, name: str, content: str) -> None:
    (file.parent / name).write_text(content, encoding="utf-8")
    run = converted(file, classes=file.parent / name)
    assert run.recorded["facts"]["classes"] == ["run", "jump high", "sit", "swim"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("run\nsit\n", "has 2 names, the network 4 outputs"),
        ("run\nrun\nsit\nswim\n", "there twice: run"),
        ("", "has no names of classes"),
        ("[1, 2]", "is not a list of names"),
        ('{"run": 0, "sit": 2}', "is not a list of names"),
        ("{", "is not JSON"),
        ('["run", " ", "sit", "swim"]', "cannot be shown: ' '"),
        ('["run", "\\ud800", "sit", "swim"]', "cannot be shown"),
        ("run\nju\x1b[31mp\nsit\nswim\n", "cannot be shown"),
    ],
)
def test_names_that_are_not_those_of_the_outputs_are_refused(
    file: Path, content: str, said: str
) -> None:
    path = file.parent / ("names.json" if content[:1] in "[{" and content else "names.txt")
    path.write_text(content, encoding="utf-8")
    with pytest.raises((SettingsError, DataError), match=said):
        converted(file, classes=path)


def test_outputs_follow_the_classes_of_the_data_by_name(file: Path) -> None:
    """SRTG numbers classes as a list names them first; our data sorts them."""
    (file.parent / "a.json").write_text(json.dumps({"Sit_down": 0, "run": 1, "jump": 2, "swim": 3}))
    run = converted(file, classes=file.parent / "a.json")
    there = run.load_model().eval()
    here = run.load_model(classes=["jump", "run", "sit down", "swim"]).eval()
    x = {"rgb": torch.rand(2, 3, 4, 16, 16)}
    with torch.no_grad():
        assert torch.equal(here(x), there(x)[:, [2, 1, 0, 3]])
    with pytest.raises(SettingsError, match="the data alone has 1: walk") as caught:
        run.load_model(classes=["jump", "run", "walk", "swim"])
    assert "the network alone has 1: Sit_down" in str(caught.value)
    with pytest.raises(SettingsError, match="its 4 classes are not the 2 of the data"):
        run.load_model(classes=["jump", "run"])


# What opens it -----------------------------------------------------------------------------------

DATA: dict[str, Any] = {
    "frames": 4,
    "size": 16,
    "train_clips": 3,
    "val_clips": 2,
    "test_clips": 2,
    "batch_size": 6,
    "epochs": 1,
    "recalibrate_clips": 0,
    "threads": 1,
    "precision": "fp32",
}


@pytest.mark.slow
def test_it_is_exported(file: Path) -> None:
    found = export(converted(file, frames=4, size=16), progress=False, format="torch")
    assert found.record.parity is not None
    assert found.record.inputs[0].shape[-2:] == [16, 16]


def test_it_is_trained_further_once_its_data_is_named(file: Path) -> None:
    run = converted(file, frames=4, size=16)
    with pytest.raises(SettingsError, match="do not say what data they are for"):
        connsearch.train(run, progress=False)
    with pytest.raises(SettingsError, match="do not say what data they are for"):
        connsearch.evaluate(run, progress=False)
    trained = connsearch.train(run, "synthetic:motion", **DATA, progress=False)
    assert trained.directory.parent == run.directory
    assert trained.result is not None
    begun = trained.config["facts"]["first_weights"]
    assert begun == digest(run.load_model().state_dict(), {})


def test_it_has_a_card_and_a_report(file: Path) -> None:
    run = converted(file)
    assert "converted weights" in run_html(run)
    assert f"{file} (srtg)" in run_html(run)
    assert "Converted: r3d_18, a resnet3d" in report(run, progress=False).path.read_text("utf-8")


@pytest.mark.slow
def test_what_was_found_on_other_data_is_no_answer(file: Path, tmp_path: Path) -> None:
    run, found = converted(file, num_classes=2, frames=4, size=16), []
    for name, count in (("one", 6), ("two", 14)):
        for label in (0, 1):
            for number in range(count):
                path = tmp_path / name / "ab"[label] / f"{number}.mp4"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_video(path, frames_of((label,), 4), fps=8)
        found.append(connsearch.evaluate(run, data=tmp_path / name, progress=False))
    assert found[0].data != found[1].data
    assert found[0].metrics.clips < found[1].metrics.clips
    again = connsearch.evaluate(run, data=tmp_path / "two", progress=False)
    assert (again.opened, again.times_opened) == (found[1].opened, 1)


def test_damage_is_named(file: Path) -> None:
    run = converted(file)
    (run.directory / "conversion.json").write_text("{}")
    with pytest.raises(RunError, match="is not the record of a conversion"):
        _ = connsearch.load_run(run.directory).conversion
    (run.directory / "weights.safetensors").unlink()
    with pytest.raises(RunError, match=r"weights\.safetensors"):
        _ = connsearch.load_run(run.directory).tensors


@pytest.mark.slow
def test_a_checkpoint_of_a_focus_model_is_evaluated_and_trained_further(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"frames": 4, "size": 64, "patch": 32, "policy_hidden": 8}
    settings["neurons"] = 16
    model = MODELS["adafocus-mn2-r50"].build(4, seed=1, **settings)
    names = PUBLICATIONS["adafocus"].key_map(model.describe().settings)
    state = {f"module.{names.published(n)}": t.clone() for n, t in model.state_dict().items()}
    state |= {"module.local_CNN.fc.weight": torch.zeros(1000, 2048)}
    torch.save({"state_dict": state}, tmp_path / "best.pth.tar")
    told: dict[str, Any] = {
        "model_options": {"patch": 32},
        "output": tmp_path / "out",
        "progress": False,
    }
    found = convert_weights(tmp_path / "best.pth.tar", "adafocus-mn2-r50", **told)
    record = open_run(tmp_path / "out").conversion
    assert record is not None
    assert record.taken.unused == ["local_CNN.fc.weight"]
    assert record.line["clip"] == [4, 64]
    assert record.settings.training.loss.loss == "cross_entropy"
    few: dict[str, Any] = {"train_clips": 2, "val_clips": 1, "test_clips": 1, "batch_size": 4}
    judged = connsearch.evaluate(found, data="synthetic:order", progress=False)
    assert judged.cost is not None
    assert judged.cost.training is not None
    assert judged.cost.training > judged.cost.macs
    more: dict[str, Any] = {
        "frames": 4,
        "size": 64,
        "steps": 1,
        "progress": False,
        "run": tmp_path / "further",
    }
    connsearch.train(found, "synthetic:order", **few, **more)
    with pytest.raises(SettingsError, match="looks at 4 frames, no more"):
        convert_weights(tmp_path / "best.pth.tar", "adafocus-mn2-r50", frames=8, **told)
    with pytest.raises(WeightsError, match="--model adafocus-mn2-r50 or adafocus: then"):
        convert_weights(tmp_path / "best.pth.tar", "adafocus-r50-r50", **told)
