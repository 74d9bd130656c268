"""``train adafocus`` with networks of other runs: their weights, resumed runs, what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import connsearch
from connsearch.data.loading.load import DataSplits
from connsearch.errors import RunError, SettingsError, UnknownNameError, UserError
from connsearch.files.disk import sha256_of
from connsearch.graph.files import write_structure
from connsearch.graph.spec import Structure
from connsearch.models.catalogue import from_document
from connsearch.models.focus.by_track import FocusByTrack
from connsearch.models.structure import Network
from connsearch.runs.events import StepEvent
from connsearch.runs.files import load_weights, put_weights, stored_model
from connsearch.view.structures.weights_table import network_table
from connsearch.workflows.focus_models import focus_model, with_own_frames
from connsearch.workflows.focus_parts import OpenedParts
from connsearch.workflows.inspect_network import inspect_network
from connsearch.workflows.opened import OpenedRun
from connsearch.workflows.settings.train import TrainSettings

pytestmark = pytest.mark.usefixtures("unpictured")

QUIET: dict[str, Any] = {"progress": False, "threads": 1, "recalibrate_clips": 0,
                         "precision": "fp32"}  # fmt: skip
FOCUS: dict[str, Any] = {"window": "track", "patch": 16, "neurons": 8, "policy_hidden": 4}


@pytest.fixture(scope="module")
def data() -> DataSplits:
    return connsearch.load_data(
        frames=4, size=24, train_clips=3, val_clips=1, test_clips=1, batch_size=4, progress=False
    )


@pytest.fixture
def found(structure: Structure, data: DataSplits, tmp_path: Path) -> OpenedRun:
    """A search of one step."""
    return connsearch.search(structure, data, run=tmp_path / "found", steps=1, **QUIET)


@pytest.fixture
def pruned(found: OpenedRun) -> OpenedRun:
    return connsearch.prune(found, progress=False)


@pytest.fixture
def trained(data: DataSplits, tmp_path: Path) -> Callable[..., OpenedRun]:
    def train(target: Any = "adafocus", **more: Any) -> OpenedRun:
        given: dict[str, Any] = {**QUIET, "epochs": 1, "run": tmp_path / "run", **more}
        return connsearch.train(target, data, **given)

    return train


def interrupt(event: object) -> None:
    if isinstance(event, StepEvent):
        raise KeyboardInterrupt


def test_parts_begin_with_the_weights_they_had(
    trained: Callable[..., OpenedRun], found: OpenedRun, pruned: OpenedRun, tmp_path: Path
) -> None:
    heard: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        trained(
            glance=found,
            local=pruned.directory,
            **FOCUS,
            progress=lambda e: heard.append(getattr(e, "message", "")) or interrupt(e),
        )
    assert sum("with its weights" in text for text in heard) == 2
    first = connsearch.load_run(tmp_path / "run")
    path = first.directory / "first.safetensors"
    model = from_document(stored_model(path), 4)
    put_weights(model, load_weights(path), path)
    assert isinstance(model, FocusByTrack)
    clips = {"rgb": torch.rand(2, 3, 4, 16, 16)}
    for part, run in ((model.glance, found), (model.local, pruned)):
        alone = run.load_model().eval()
        assert isinstance(part, Network)
        assert isinstance(alone, Network)
        with torch.no_grad():
            seen = part.eval().features(clips)
            torch.testing.assert_close(seen.vector, alone.features(clips).vector)
    assert not [n for n, _ in model.named_parameters() if n.endswith("fusion.logits")]


def test_a_run_needs_its_networks_no_more_once_it_has_begun(
    trained: Callable[..., OpenedRun], found: OpenedRun, pruned: OpenedRun, tmp_path: Path
) -> None:
    parts: dict[str, Any] = {"glance": str(found.directory), "local": str(pruned.directory)}
    whole = trained(**parts, **FOCUS, run=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        trained(**parts, **FOCUS, progress=interrupt)
    sha256 = sha256_of(pruned.weights_path)
    away = tmp_path / "away"
    shutil.move(found.directory, away)
    run = trained(**parts, **FOCUS)
    assert run.digest == whole.digest
    assert run.focus_parts is not None
    assert run.focus_parts.parts["local"].source.sha256 == sha256
    assert not (tmp_path / "run" / "first.safetensors").exists()
    assert trained(**parts, **FOCUS).digest == whole.digest  # finished: its result
    again = connsearch.train(run, epochs=1, run=tmp_path / "further", **QUIET)
    assert again.model.settings["local"] == run.model.settings["local"]
    shutil.copytree(away, found.directory)
    weights = found.weights_path
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(RunError, match="with the SHA-256") as caught:
        trained(**parts, **FOCUS)
    assert "glance: the run has" in str(caught.value)


def test_a_structure_may_be_a_file_or_a_value(
    trained: Callable[..., OpenedRun], structure: Structure, tmp_path: Path
) -> None:
    file = tmp_path / "small.json"
    write_structure(structure, file)
    run = trained(glance=file, local=structure, **FOCUS)
    assert run.focus_parts is not None
    assert [part.weights for part in run.focus_parts.parts.values()] == [False, False]
    fresh = trained(run.directory, from_scratch=True, patch=12, run=tmp_path / "fresh")
    assert fresh.model.settings["patch"] == 12
    assert fresh.model.settings["local"] == run.model.settings["local"]
    assert fresh.digest != run.digest


def test_segments_are_frames_and_sampler() -> None:
    asked = TrainSettings.of(target="adafocus", segments=6)
    assert (asked.data.clips.frames, asked.data.clips.sampler) == (6, "segments")
    other = TrainSettings.of(target="adafocus", segments=6, sampler="random")
    assert (other.data.clips.frames, other.data.clips.sampler) == (6, "random")
    with pytest.raises(SettingsError, match="--segments 6 and --frames 4"):
        TrainSettings.of(target="adafocus", segments=6, frames=4)


@pytest.mark.parametrize(
    ("target", "more", "error", "said"),
    [
        ("r3d_18", {"patch": 8}, SettingsError, "--patch: r3d_18 does not look at windows"),
        ("starter", {"local": "r3d_18"}, SettingsError, "--local: starter does not look"),
        ("adafocus", {"local": "resnet181"}, UnknownNameError, "did you mean 'resnet18'"),
        ("adafocus", {"glance": "no/run"}, RunError, "--glance no/run: no such file or directory"),
        ("adafocus", {"multigrid": "srtg"}, SettingsError, "--multigrid srtg: a focus model"),
        ("adafocus", {"local": "resnet18", "eval_size": 32, "patch": 16}, SettingsError,
         "--glance-size 24"),
        ("adafocus", {"patch": 25}, SettingsError, "windows are at most as large as frames"),
        ("adafocus", {}, SettingsError,
         r"--patch: a window has 128 pixels \(the usual number\), a frame has 24 \(--size\)[\s\S]*"
         r"cure: --patch 12 \(or --model-options patch=12\), or --size 128"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_leaves_nothing(
    target: str,
    more: dict[str, Any],
    error: type[UserError],
    said: str,
    tmp_path: Path,
) -> None:
    options: dict[str, Any] = {"frames": 4, "size": 24, "train_clips": 1, "val_clips": 1,
                               "test_clips": 1}  # fmt: skip
    with pytest.raises(error, match=said):
        connsearch.train(
            target, "synthetic:motion", run=tmp_path / "run", epochs=1, **QUIET, **options, **more
        )
    assert not (tmp_path / "run").exists()


def test_a_named_model_has_the_frames_of_its_own_that_its_name_says() -> None:
    asked = TrainSettings.of(target="adafocus-tsm", size=64, patch=32)
    own = with_own_frames(asked, "adafocus-tsm", None)
    assert own.data.clips.focus_frames == 12
    with torch.device("meta"):
        model = focus_model(
            own, "adafocus-tsm", OpenedParts(), 4, seed=0, object_classes=0, data=""
        )
    assert dict(model.own_frames) == {"focus": 12}
    assert with_own_frames(asked, "adafocus-tsm", object()) == asked, "loaded data has its own"
    six = TrainSettings.of(target="adafocus-tsm", focus_frames=6)
    assert with_own_frames(six, "adafocus-tsm", None).data.clips.focus_frames == 6
    for other in ("adafocus", "r3d_18"):
        given = TrainSettings.of(target=other)
        assert with_own_frames(given, other, None).data.clips.focus_frames is None


def test_a_run_that_learns_further_refuses_clips_of_another_form(
    trained: Callable[..., OpenedRun], structure: Structure, tmp_path: Path
) -> None:
    run = trained(glance=structure, local=structure, **FOCUS)
    source = run.recorded["settings"]["data"]["source"]["source"]
    for more, said in (
        ({"multigrid": "srtg"}, "--multigrid srtg: a focus model is built for one number"),
        ({"frames": 2}, r"--frames 2: .* looks at 4 frames\n  cure: --frames 4"),
    ):
        with pytest.raises(SettingsError, match=said):
            connsearch.train(run, source, run=tmp_path / "other", epochs=1, **QUIET, **more)
    assert not (tmp_path / "other").exists()


def test_a_last_batch_that_is_too_small_is_refused_before_the_first_step(
    trained: Callable[..., OpenedRun], structure: Structure, data: DataSplits, tmp_path: Path
) -> None:
    clips = len(data.train)
    asked: dict[str, Any] = {"frames": 4, "size": 24, "train_clips": 3, "val_clips": 1,
                             "test_clips": 1, "batch_size": clips - 1}  # fmt: skip
    said = rf"--batch-size {clips - 1}: of {clips} training clips, the last batch .* has 1"
    for more in ({"target": "adafocus", "local": structure, "glance": structure, **FOCUS},
                 {"target": structure, "exits": True}):  # fmt: skip
        target = more.pop("target")
        with pytest.raises(SettingsError, match=rf"{said}(?s:.)*cure: --batch-size {clips}"):
            connsearch.train(target, "synthetic:mix", run=tmp_path / "a", **QUIET, **asked, **more)
        place = tmp_path / f"b{len(more)}"
        run = connsearch.train(
            target, "synthetic:mix", run=place, steps=1, **QUIET, **asked, **more
        )
        assert run.tensors, "the last batch was not reached"


def test_data_without_a_stream_that_a_network_reads_is_refused() -> None:
    asked = TrainSettings.of(target="adafocus", local="starter", window="track")
    parts = OpenedParts({"local": "starter"})
    with pytest.raises(SettingsError, match="--local: starter reads the object stream") as caught:
        focus_model(asked, "adafocus", parts, 4, seed=0, object_classes=0, data="mine")
    assert "mine has no object maps" in str(caught.value)


def test_weights_of_an_unknown_network_are_to_be_converted_first(
    trained: Callable[..., OpenedRun], tmp_path: Path
) -> None:
    torch.save({}, tmp_path / "w.pth")
    with pytest.raises(RunError, match="does not say what network") as caught:
        trained(local=tmp_path / "w.pth")
    assert "connsearch weights convert" in str(caught.value)


def test_a_focus_model_is_no_part_and_takes_no_other_options_further(
    trained: Callable[..., OpenedRun], structure: Structure, data: DataSplits, tmp_path: Path
) -> None:
    run = trained(glance=structure, local=structure, **FOCUS)
    with pytest.raises(SettingsError, match="local: adafocus offers no features"):
        trained(local=run, **FOCUS, run=tmp_path / "other")
    with pytest.raises(SettingsError, match=r"--patch: .* has weights for its own settings"):
        trained(run, patch=12, run=tmp_path / "other")
    with pytest.raises(SettingsError, match="so folds would test what was trained"):
        connsearch.train(
            "adafocus",
            run.recorded["settings"]["data"]["source"]["source"],
            folds=2,
            local=run.directory,
            run=tmp_path / "folds",
            progress=False,
        )


def test_the_run_of_a_focus_model_is_shown_and_drawn(
    trained: Callable[..., OpenedRun], structure: Structure, tmp_path: Path
) -> None:
    run = trained(glance=structure, local=structure, **FOCUS)
    found = inspect_network(run)
    assert found.cost.macs > 0
    table = network_table(found.document, found.cost, found.clip, found.classes)
    shown = [str(cell) for cell in table.columns[1].cells]
    assert shown.count("small (structure)") == 2
    assert {"by default", "no", "policy"} <= set(shown), "words, not those of JSON"
    assert not {"null", "false", '"policy"'} & set(shown)
    picture = connsearch.draw(run, tmp_path / "local.svg")
    assert "small, the local network of run" in picture.read_text()
    with pytest.raises(RunError, match="has no connections to show, search or prune"):
        connsearch.prune(run, progress=False)
