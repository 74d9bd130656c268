"""Object maps of a data set by a segmentation network in ONNX."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connsearch.data.media.decode import write_video
from connsearch.data.media.objects import read_objects
from connsearch.data.options import DataOptions
from connsearch.data.sources.source import read_source
from connsearch.data.tools import video_maps
from connsearch.data.tools.predict_objects import ObjectMapSet
from connsearch.data.tools.segmentation import Normalisation, SegmentationModel
from connsearch.errors import Failure, SettingsError, UserError
from connsearch.runs.events import CountEvent
from connsearch.workflows.data_objects import data_objects

onnx: Any = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

COLOURS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}
PLAIN = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 1 / 255)


def network(
    path: Path,
    shape: Sequence[Any] = ("n", 3, "h", "w"),
    *,
    dtype: str = "FLOAT",
    after: Sequence[str] = (),
    outputs: Sequence[str] = ("scores",),
    weights: Path | None = None,
) -> Path:
    """A network whose class of a pixel is its strongest colour: red 0, green 1, blue 2.

    ``after`` are operations that follow the scores: ``argmax`` (class numbers), ``last`` (classes
    at the end), ``float`` (class numbers that are no integers), ``half`` (every second pixel),
    ``many`` (402 classes), ``negative`` (numbers below 0), ``mean`` (one score a picture).
    """
    helper, kinds = onnx.helper, onnx.TensorProto
    nodes: list[Any] = []
    name = "frames"

    def then(operation: str, *extra: str, **facts: Any) -> None:
        nonlocal name
        nodes.append(helper.make_node(operation, [name, *extra], [f"v{len(nodes)}"], **facts))
        name = f"v{len(nodes) - 1}"

    if dtype != "FLOAT":
        then("Cast", to=kinds.FLOAT)
    if shape[3] == 3:
        then("Transpose", perm=[0, 3, 1, 2])
    kernel = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    if "many" in after:
        kernel = np.tile(kernel, (134, 1, 1, 1))
    then("Conv", "kernel")
    kind: Any = kinds.FLOAT
    for word in after:
        if word == "half":
            then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        if word == "last":
            then("Transpose", perm=[0, 2, 3, 1])
        if word in ("argmax", "float", "negative"):
            then("ArgMax", axis=1, keepdims=0)
            kind = kinds.INT64
        if word == "float":
            then("Cast", to=kinds.FLOAT)
            kind = kinds.FLOAT
        if word == "negative":
            then("Neg")
        if word == "mean":
            then("GlobalAveragePool")
    nodes.append(helper.make_node("Identity", [name], [outputs[-1]]))
    for other in outputs[:-1]:
        nodes.append(helper.make_node("GlobalAveragePool", ["frames"], [other]))
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("frames", getattr(kinds, dtype), shape)],
        [helper.make_tensor_value_info(o, kind if o == outputs[-1] else 1, None) for o in outputs],
        [onnx.numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if weights is None:
        onnx.save(model, path)
    else:
        onnx.save(model, path, save_as_external_data=True, location=str(weights), size_threshold=0)
    return path


def opened(path: Path, **settings: Any) -> SegmentationModel:
    return SegmentationModel(path, device="cpu", **{"normalisation": PLAIN, **settings})


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two videos a colour, the left half dark blue; two clips of one of them in the list."""
    folder = tmp_path / "videos"
    folder.mkdir()
    rows = ["path,label,group,start,end,unit"]
    for number, (label, colour) in enumerate(COLOURS.items()):
        for copy in range(2):
            frames = np.zeros((5 + copy, 48, 64, 3), np.uint8)
            frames[:] = colour
            frames[:, :, :32] = (0, 0, 120)
            write_video(folder / f"{label}{copy}.mp4", frames)
            rows.append(f"{label}{copy}.mp4,{label},{number}{copy},,,")
    rows[-1] = "blue1.mp4,blue,21,0,3,frames\nblue1.mp4,blue,21,3,6,frames"
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    return folder


def made(videos: Path, target: Path, model: Path, **settings: Any) -> ObjectMapSet:
    options: dict[str, Any] = {"device": "cpu", "mean": (0, 0, 0), "std": (1, 1, 1), **settings}
    found = data_objects(videos, target, model=model, **{"progress": False, **options})
    assert isinstance(found, ObjectMapSet)
    return found


def test_a_data_set_gets_maps_and_is_read_with_them(videos: Path, tmp_path: Path) -> None:
    heard: list[object] = []
    target = tmp_path / "out"
    model = network(tmp_path / "net.onnx", after=["half"])
    found = made(videos, target, model, progress=heard.append)
    assert (found.videos, found.clips, found.frames, found.before) == (6, 7, 33, 0)
    assert (found.classes, found.unreadable) == (3, {})
    assert found.shares[2] == pytest.approx(2 / 3, abs=0.03)
    assert len([e for e in heard if isinstance(e, CountEvent)]) == 6
    told = " ".join(str(e) for e in heard)
    assert "6 videos, 33 frames; the maps take at most" in told
    before, after = (read_source(DataOptions.of(source=str(p))) for p in (videos, target))
    assert [(r.name, r.labels, r.group, r.window) for r in before.records] == [
        (r.name, r.labels, r.group, r.window) for r in after.records
    ]
    for record in after.records:
        assert record.objects is not None
        assert record.path.parent.samefile(videos)
        maps = read_objects(record.objects)
        assert maps.shape[1:] == (128, 176)  # 256x352, and half of it
        wanted = list(COLOURS).index(after.classes[record.label])
        assert (maps[:, 8:-8, -40:] == wanted).mean() > 0.99
        assert (maps[:, 8:-8, :40] == 2).mean() > 0.99
    assert after.classes == ("blue", "green", "red")


@pytest.mark.parametrize(
    ("shape", "dtype", "after", "size"),
    [
        (("n", 3, "h", "w"), "FLOAT", (), (48, 64)),
        ((2, 3, 32, 32), "FLOAT", (), (32, 32)),
        (("n", "h", "w", 3), "UINT8", ("argmax",), (40, 40)),
        ((1, 32, 48, 3), "UINT8", ("last",), (32, 48)),
        (("n", 3, "h", "w"), "FLOAT16", ("half",), (32, 64)),
        (("n", 3, "h", "w"), "FLOAT", ("argmax",), (32, 64)),
    ],
)
def test_what_a_network_takes_is_read_from_the_model(
    shape: Sequence[Any], dtype: str, after: Sequence[str], size: tuple[int, int], tmp_path: Path
) -> None:
    model = opened(network(tmp_path / "net.onnx", shape, dtype=dtype, after=after))
    assert model.layout == ("NHWC" if shape[3] == 3 else "NCHW")
    assert model.frames == (shape[0] if isinstance(shape[0], int) else None)
    if model.size is not None:
        assert model.size == size
    frames = np.zeros((5, *size, 3), np.uint8)
    for place, colour in enumerate(COLOURS.values()):
        frames[:, :, place * size[1] // 4 : (place + 1) * size[1] // 4] = colour
    frames[3] = COLOURS["green"]
    maps, classes = model.classes(frames)
    assert classes == (None if "argmax" in after else 3)
    step = size[1] // maps.shape[2]
    assert maps.shape == (5, size[0] // step, size[1] // step)
    quarter = maps.shape[2] // 4
    assert [maps[0, 0, quarter * k + quarter // 2] for k in range(3)] == [0, 1, 2]
    assert (maps[3] == 1).all()


def test_pixels_are_normalised_as_told(tmp_path: Path) -> None:
    """A large mean of green takes its lead away; bytes go in as they are."""
    frame = np.full((1, 32, 32, 3), (100, 200, 50), np.uint8)
    plain = network(tmp_path / "net.onnx")
    assert (opened(plain).maps(frame) == 1).all()
    shifted = Normalisation((0.0, 1.0, 0.0), (1.0, 1.0, 1.0), 1 / 255)
    assert (opened(plain, normalisation=shifted).maps(frame) == 0).all()
    squeezed = Normalisation((0.0, 0.0, 0.0), (1.0, 9.0, 1.0), 1 / 255)
    assert (opened(plain, normalisation=squeezed).maps(frame) == 0).all()
    raw = network(tmp_path / "raw.onnx", dtype="UINT8")
    assert (opened(raw, normalisation=shifted).maps(frame) == 1).all()


@pytest.mark.parametrize(
    ("shape", "after", "said"),
    [
        (("n", 1, "h", "w"), (), r"its input: frames \(n, 1, h, w\)"),
        (("n", 3, 32, "w"), (), "only one side of the picture is fixed"),
        (("n", 3, "h", "w"), ("float",), r"its output scores is \(1, 32, 32\) float32"),
        (("n", 3, "h", "w"), ("mean",), r"its output scores is \(1, 3, 1, 1\) float32"),
        (("n", 3, "h", "w"), ("many",), r"its output scores is \(1, 402, 32, 32\)"),
        (("n", 3, "h", "w"), ("negative",), r"with the classes -2 to 0; allowed: 0 to 255"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(
    shape: Sequence[Any], after: Sequence[str], said: str, tmp_path: Path
) -> None:
    path = network(tmp_path / "net.onnx", shape, after=after)
    frame = np.zeros((1, 32, 32, 3), np.uint8)
    frame[:, :16, :, 2] = 255
    with pytest.raises(SettingsError, match=said) as caught:
        opened(path).maps(frame)
    assert "allowed: one input of three colours" in str(caught.value)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(SettingsError, match="onnxruntime cannot open it"):
        opened(tmp_path / "text.onnx")
    with pytest.raises(SettingsError, match=r"cannot be read \(No such file"):
        opened(tmp_path / "none.onnx")
    with pytest.raises(SettingsError, match=r"--output-name out: net\.onnx has pooled, scores"):
        opened(network(tmp_path / "net.onnx", outputs=["pooled", "scores"]), output="out")


def test_another_output_is_named(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", outputs=["pooled", "scores"])
    frame = np.full((1, 32, 32, 3), COLOURS["blue"], np.uint8)
    with pytest.raises(SettingsError, match="--output-name, if another output fits"):
        opened(path).maps(frame)
    assert (opened(path, output="scores").maps(frame) == 2).all()


def test_operations_that_are_not_known_and_weights_elsewhere_are_refused(tmp_path: Path) -> None:
    """No code of others runs, and no file of others is read."""
    own = onnx.load(network(tmp_path / "own.onnx"))
    own.graph.node[0].op_type, own.graph.node[0].domain = "Run", "mine"
    own.opset_import.append(onnx.helper.make_opsetid("mine", 1))
    onnx.save(own, tmp_path / "own.onnx")
    with pytest.raises(SettingsError, match="onnxruntime cannot open it"):
        opened(tmp_path / "own.onnx")
    frame = np.full((1, 32, 32, 3), COLOURS["green"], np.uint8)
    (tmp_path / "in").mkdir()
    beside = network(tmp_path / "in" / "net.onnx", weights=Path("net.data"))
    assert (opened(beside).maps(frame) == 1).all()
    model = onnx.load(beside, load_external_data=False)
    (tmp_path / "in" / "net.data").rename(tmp_path / "net.data")
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "../net.data"
    (beside).write_bytes(model.SerializeToString())
    with pytest.raises(SettingsError, match="onnxruntime cannot open it"):
        opened(beside)


def test_finished_maps_are_not_made_again(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, model = tmp_path / "out", network(tmp_path / "net.onnx")
    asked: list[str] = []
    whole: Callable[..., Any] = video_maps.MapMaker.maps

    def counted(self: Any, record: Any, info: Any) -> Any:
        asked.append(record.path.name)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return whole(self, record, info)

    monkeypatch.setattr(video_maps.MapMaker, "maps", counted)
    with pytest.raises(KeyboardInterrupt):
        made(videos, target, model)
    assert len(list((target / "maps").glob("*.npz"))) == 3
    assert not (target / "clips.csv").exists()
    found = made(videos, target, model)
    assert (found.before, found.videos, len(asked)) == (3, 6, 4 + 3)
    again = made(videos, target, model)
    assert (again.before, again.shares, len(asked)) == (6, found.shares, 7)
    other = made(videos, target, model, mean=(0.1, 0, 0))
    assert (other.before, len(asked)) == (0, 13)


def test_broken_videos_are_named_and_left_out(videos: Path, tmp_path: Path) -> None:
    (videos / "red0.mp4").write_bytes(b"no video")
    whole = (videos / "green0.mp4").read_bytes()
    (videos / "green0.mp4").write_bytes(whole[: len(whole) // 2])
    model, target = network(tmp_path / "net.onnx"), tmp_path / "out"
    with pytest.raises(Failure, match=r"2 of 6 videos unreadable\n(.*\n)*.*--bad-share"):
        made(videos, target, model)
    assert not (target / "clips.csv").exists()
    found = made(videos, target, model, bad_share=0.5)
    assert sorted(found.unreadable) == ["green0.mp4", "red0.mp4"]
    assert found.before == 4
    with (target / "clips.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 5


def test_classes_are_renumbered(videos: Path, tmp_path: Path) -> None:
    model = network(tmp_path / "net.onnx")
    found = made(videos, tmp_path / "out", model, map="0:1,1:1,2:0")
    assert set(found.shares) == {0, 1}
    assert found.classes == 2
    with pytest.raises(SettingsError, match="gives classes that --map does not name: 2"):
        made(videos, tmp_path / "other", model, map="0:1,1:1")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"levels": (1.0,)}, "--levels: no effect with --model"),
        ({"output": "out.npz"}, "with --model it is a folder"),
        ({"model": None, "batch": 3}, "--batch: no effect without --model"),
        ({"std": (1, 0, 1)}, "std"),
        ({"device": "tpu"}, "device"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    place = settings.pop("output", "out.npz" if "model" in settings else "out")
    options = {"model": tmp_path / "net.onnx", **settings}
    with pytest.raises(UserError, match=said):
        data_objects(tmp_path, tmp_path / place, progress=False, **options)


def test_what_is_written_is_what_the_model_and_the_video_decide(
    videos: Path, tmp_path: Path
) -> None:
    made(videos, tmp_path / "out", network(tmp_path / "net.onnx"))
    some = next((tmp_path / "out" / "maps").glob("green1*.npz"))
    with np.load(some, allow_pickle=False) as held:
        origin = json.loads(bytes(held["origin"]))
    assert origin["frames"] == 6
    assert origin["size"] == [256, 352]
    assert origin["normalisation"] == [0, 0, 0, 1, 1, 1, pytest.approx(1 / 255)]
