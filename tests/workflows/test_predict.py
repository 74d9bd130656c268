"""``predict``: the answer to a video is the one that ``evaluate`` counts, and all is written."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import connsearch
from connsearch.cli.app import main
from connsearch.data.media.decode import read_frames, write_video
from connsearch.data.media.survey import probe
from connsearch.errors import DataError, RunError, SettingsError
from connsearch.runs.events import CountEvent
from connsearch.training import evaluate as judged
from connsearch.training.predicted import PredictedVideos
from connsearch.training.predictions import PooledPredictions
from connsearch.view import fonts
from connsearch.workflows import predict_files
from connsearch.workflows.predict_videos import class_names_of, is_multi_label
from tests.cli.commands import Done
from tests.data.media.helpers import flat
from tests.workflows.colours import CLIPS, NAMES, READ, frames_of, trained_on_colours

pytestmark = pytest.mark.usefixtures("unpictured")

PLAIN: dict[str, Any] = {"precision": "fp32", "progress": False}
DATA: dict[str, Any] = {"frames": 4, "size": 16, "batch_size": 6, "memory_mb": 0}
PLANTED: dict[str, Any] = {"train_clips": 2, "val_clips": 1, "test_clips": 3}
STEPS: dict[str, Any] = {"steps": 1, "threads": 1, "precision": "fp32", "recalibrate_clips": 6}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("predict")


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Done]:
    """Runs a command in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def command(*words: object) -> Done:
        capsys.readouterr()
        code = main([str(word) for word in words])
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return command


@pytest.fixture(scope="module")
def colours(place: Path) -> Any:
    (place / "colours").mkdir()
    return trained_on_colours(place / "colours")


@pytest.fixture(scope="module")
def changing(place: Path) -> Path:
    """A video that is red, and from the middle on blue; at 10 frames a second."""
    path = place / "changing.mp4"
    frames = np.concatenate([frames_of((0,), 12), frames_of((1,), 12)])
    write_video(path, frames, fps=10, key_every=6)
    return path


@pytest.fixture(scope="module")
def networks(place: Path, colours: Any) -> dict[str, Any]:
    """Runs of every kind, trained for a step, each with the videos of its test split."""
    data = connsearch.load_data(
        "synthetic:mix", cache=place / "cache", progress=False, **DATA, **PLANTED
    )
    searched = connsearch.search("starter", data, run=place / "s", progress=False, **STEPS)
    pruned = connsearch.prune(searched, progress=False)
    narrow = connsearch.create_model(
        "r3d_18", len(data.classes), seed=0, widths=(4, 4, 8, 8), depths=(1, 1, 1, 1)
    )
    zoo = connsearch.train(narrow, data, run=place / "z", progress=False, **STEPS)
    paths = [record.path for record in data.test.records]
    tests = [colours.directory.parent / f"test-{name}.mp4" for name in CLIPS]
    found = {"searched": searched, "pruned": pruned, "zoo": zoo}
    return {kind: (run, paths) for kind, run in found.items()} | {"multi-label": (colours, tests)}


def evaluated(
    run: Any, monkeypatch: pytest.MonkeyPatch, **views: Any
) -> tuple[list[int], torch.Tensor]:
    """Returns the first answers of ``evaluate`` on the test split, and all probabilities."""
    kept: list[Any] = []

    class Kept(PooledPredictions):
        def metrics(self, classes: Any, **facts: Any) -> Any:
            rows = self._answers.rows()
            kept.extend((rows.argmax(1).tolist(), self._answers.probabilities(rows)))
            return super().metrics(classes, **facts)

    monkeypatch.setattr(judged, "PooledPredictions", Kept)
    connsearch.evaluate(run, again=True, **views, **PLAIN)
    return kept[0], kept[1]


@pytest.mark.parametrize("views", [{}, {"clips_per_video": 2, "crops_per_clip": 2}])
@pytest.mark.parametrize("kind", ["searched", "pruned", "zoo", "multi-label"])
def test_the_answer_is_the_one_that_evaluate_counts(
    networks: dict[str, Any], kind: str, views: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, videos = networks[kind]
    answers, probabilities = evaluated(run, monkeypatch, **views)
    found = connsearch.load_run(run.directory).predict(videos, **views, **PLAIN)
    assert not found.faults
    assert [one.path for one in found] == list(map(str, videos))
    assert [one.order[0] for one in found] == answers
    values = torch.tensor([one.values for one in found], dtype=torch.float64)
    assert torch.equal(values, probabilities)
    assert all(one.multi_label == (kind == "multi-label") for one in found)


def test_an_answer_has_names_and_probabilities(colours: Any) -> None:
    found = colours.predict(colours.directory.parent / "test-red.mp4", **PLAIN)
    assert found.top(1)[0][0] == "red"
    assert list(found.probabilities) == list(NAMES)
    assert found.top() == found[0].top(5)
    assert found[0].probability == found.probabilities["red"] > 0.5 > found.probabilities["blue"]
    assert [row["rank"] for row in found.rows()] == [1, 2]
    assert "red" in repr(found)
    two = colours.predict([colours.directory.parent / f"test-{n}.mp4" for n in CLIPS], **PLAIN)
    assert len(two) == 4
    with pytest.raises(DataError, match=r"4 answers; cure: take one of them"):
        two.top()


def test_a_timeline_says_when_what_is_seen(
    colours: Any, changing: Path, tmp_path: Path, run: Any
) -> None:
    found = connsearch.predict(colours, changing, timeline=True, csv=tmp_path / "a.csv", **PLAIN)
    assert [one.label for one in found] == ["red"] * 3 + ["blue"] * 3
    assert [one.start for one in found] == pytest.approx([0.0, 0.4, 0.8, 1.2, 1.6, 2.0])
    assert [one.end for one in found] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0, 2.4])
    done = run("predict", colours.directory, changing, "--timeline", "--precision", "fp32")
    assert done.code == 0
    red, blue = (line.split() for line in done.out.splitlines() if line.split()[2:3] in COLOURS)
    assert red[:3] == ["0:00.0", "0:01.2", "red"]
    assert blue[:3] == ["0:01.2", "0:02.4", "blue"]
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == "path start end rank label probability".split()
    assert [float(row["probability"]) for row in rows] == [
        value for one in found for _, value in one.top()
    ]
    assert {row["path"] for row in rows} == {str(changing)}
    assert [float(row["start"]) for row in rows if row["rank"] == "1"] == [p.start for p in found]


COLOURS = (["red"], ["blue"])


def test_the_hop_is_in_seconds_and_the_end_is_not_left_out(colours: Any, changing: Path) -> None:
    starts = [one.start for one in colours.predict(changing, hop=0.7, **PLAIN)]
    assert starts == pytest.approx([0.0, 0.7, 1.4])
    near = colours.predict(changing, hop=0.35, **PLAIN)
    assert near[-1].end == pytest.approx(2.4)


def test_a_long_video_is_read_in_few_passes_and_never_whole(
    colours: Any, changing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connsearch.data.media.formats import video

    asked: list[int] = []

    def counted(path: Path, numbers: Any, **facts: Any) -> Any:
        asked.append(len(numbers))
        return read_frames(path, numbers, **facts)

    monkeypatch.setattr(video, "read_frames", counted)
    found = colours.predict(changing, timeline=True, batch_size=2, hop=0.2, **PLAIN)
    assert len(found) == 11
    assert len(asked) == math.ceil(11 / 2), "windows of a batch are read together"
    assert max(asked) <= 2 * READ["frames"], "and no more of the video than these"


def test_json_and_exit_codes(colours: Any, tmp_path: Path, run: Any) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy(colours.directory.parent / "test-blue.mp4", videos / "a.mp4")
    (videos / "b.mp4").write_bytes(b"no video")
    (videos / "words.txt").write_text("?")
    line = ("predict", colours.directory, videos, "--top", "1", "--precision", "fp32")
    done = run(*line, "--json", "--csv", tmp_path / "new" / "all.csv")
    assert done.code == 1, "a file cannot be read, and the other is answered"
    told = json.loads(done.out.splitlines()[-1])
    (one,) = told["predictions"]
    assert one["path"] == str(videos / "a.mp4")
    assert one["top"][0]["label"] == "blue"
    assert (one["start"], one["end"]) == (0.0, 0.5)
    (fault,) = told["faults"]
    assert fault["path"] == str(videos / "b.mp4")
    assert "not readable as video" in fault["reason"]
    assert "1 files of other kinds are not read (.txt 1)" in done.err
    assert (tmp_path / "new" / "all.csv").read_text().count("\n") == 2
    (videos / "a.mp4").unlink()
    done = run(*line)
    assert done.code == 2
    assert "no video can be read, 1 named" in done.err


@pytest.mark.parametrize(
    ("videos", "told"),
    [
        (["nowhere.mp4"], "nowhere.mp4: no such file or folder"),
        (["empty"], "empty: no video in this folder or below it"),
        (["clips.csv"], "clips.csv: is a list, not a video"),
        (["empty", "nowhere.mp4"], "2 places have no video\n  empty: no video"),
        ([], "no video named"),
    ],
)
def test_places_without_a_video_are_refused(
    colours: Any, tmp_path: Path, run: Any, videos: list[str], told: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "clips.csv").write_text("path,label\n")
    done = run("predict", colours.directory, *videos)
    assert done.code == 2
    assert told in done.err


def test_what_is_asked_for_must_be_possible(colours: Any, changing: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.mp4"
    shutil.copy(changing, own)
    for told, asked in {
        "picture: read .*allowed are files that end with .svg": {"picture": "a.txt"},
        "annotate: read .*a file that ends with .mp4, and a folder": {"annotate": "a.avi"},
        "clips_per_video has no effect on a timeline": {"timeline": True, "clips_per_video": 3},
        "is one of the videos": {"annotate": own},
        "csv .*is a folder": {"csv": tmp_path},
    }.items():
        with pytest.raises(SettingsError, match=told):
            colours.predict(own, **asked, **PLAIN)
    assert own.read_bytes() == changing.read_bytes()
    with pytest.raises(SettingsError, match="one file for 2 videos"):
        colours.predict([own, changing], annotate=tmp_path / "a.mp4", **PLAIN)
    with pytest.raises(RunError, match="no such run"):
        connsearch.predict(tmp_path / "nothing", own, **PLAIN)
    assert len(colours.predict([own, own], **PLAIN)) == 1


def test_a_network_of_objects_needs_maps_beside_its_videos(
    networks: dict[str, Any], changing: Path
) -> None:
    run, videos = networks["searched"]
    found = run.predict([videos[0], changing], **PLAIN)
    assert [one.path for one in found] == [str(videos[0])]
    assert found.faults[0].path == str(changing)
    assert f"put them at {changing.with_suffix('.npz')}" in found.faults[0].reason
    zoo, _ = networks["zoo"]
    assert len(zoo.predict([videos[0], changing], **PLAIN)) == 2, "it reads no maps"


def test_an_interrupted_prediction_keeps_what_was_answered(colours: Any, tmp_path: Path) -> None:
    def hear(event: object) -> None:
        if isinstance(event, CountEvent) and event.done == 3:
            raise KeyboardInterrupt

    videos = [colours.directory.parent / f"test-{name}.mp4" for name in CLIPS]
    with pytest.raises(KeyboardInterrupt):
        colours.predict(videos, csv=tmp_path / "a.csv", precision="fp32", progress=hear)
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows if row["rank"] == "1"] == list(map(str, videos[:3]))


def test_the_table_is_written_again_and_again_but_to_a_pipe_once(
    colours: Any, changing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    keep = predict_files.atomic_write_text

    def counted(path: Path, text: str) -> None:
        written.append(text.count("\n"))
        keep(path, text)

    monkeypatch.setattr(predict_files, "_EVERY", -1.0)
    monkeypatch.setattr(predict_files, "atomic_write_text", counted)
    colours.predict(changing, timeline=True, top=1, csv=tmp_path / "a.csv", **PLAIN)
    assert written == [2, 3, 4, 5, 6, 7, 7]
    written.clear()
    colours.predict(changing, timeline=True, top=1, csv="/dev/null", **PLAIN)
    assert written == [7]


def test_a_video_with_answers_has_the_frames_of_the_video(
    colours: Any, changing: Path, tmp_path: Path
) -> None:
    made = tmp_path / "films" / "changing.mp4"
    found = colours.predict(
        changing, annotate=tmp_path / "films", picture=tmp_path / "a.svg", **PLAIN
    )
    assert len(found) == 6
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    info = probe(made)
    assert (info.frames, info.fps, info.height % 2, info.width % 2) == (24, 10.0, 0, 0)
    red, blue = read_frames(made, [0, 23])
    assert red[: info.height // 2, :, 0].min() > 200 > blue[: info.height // 2, :, 0].max()
    foot = [frame[-info.height // 4 :] for frame in (red, blue)]
    assert all(frame.min() < 60 for frame in foot), "there is a dark ground"
    assert all((frame.min(2) > 180).any() for frame in foot), "with words on it"
    assert [path.name for path in made.parent.iterdir()] == ["changing.mp4"], "no draft is left"


def test_times_of_a_video_with_a_varying_rate_are_kept(
    colours: Any, changing: Path, tmp_path: Path
) -> None:
    from connsearch.data.media.decode import VideoFile

    times = [0.0, 0.1, 0.2, 0.5, 0.6, 1.4, 1.5, 1.6]
    uneven, made = tmp_path / "uneven.mp4", tmp_path / "made.mp4"
    with VideoFile(uneven, fps=10) as film:
        for frame, seconds in zip(flat(8), times, strict=True):
            film.add(frame, seconds=seconds)
    assert probe(uneven).times == pytest.approx(times, abs=1e-3)
    found = colours.predict(uneven, annotate=made, **PLAIN)
    assert found[0].start == 0.0
    assert probe(made).times == pytest.approx(times, abs=1e-3)


def test_a_video_that_is_damaged_further_on_is_answered_as_far_as_it_goes(
    colours: Any, changing: Path, tmp_path: Path
) -> None:
    torn, films = tmp_path / "torn.mp4", tmp_path / "films"
    noise = np.random.default_rng(0).integers(0, 100, (40, 24, 24, 3)).astype(np.uint8)
    write_video(torn, noise + frames_of((0,), 40) // 2, fps=10, key_every=10)
    content = bytearray(torn.read_bytes())
    begin, length = len(content) // 2, len(content) // 8
    content[begin : begin + length] = bytes(length)
    torn.write_bytes(content)
    found = colours.predict([torn, changing], annotate=films, **PLAIN)
    parts = found.videos[str(torn)]
    assert parts[0].start == 0.0
    assert 1 < len(parts) < 10
    *windows, film = found.faults
    assert len(parts) + len(windows) == 10, "every window is answered or named"
    assert all(fault.path == str(torn) for fault in found.faults)
    assert film.reason.endswith("torn.mp4 was not written")
    assert [path.name for path in films.iterdir()] == ["changing.mp4"]


def test_letters_that_no_font_has_are_said(
    colours: Any,
    changing: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(fonts, "_said", set())
    monkeypatch.setattr(fonts, "_system_fonts", tuple)
    monkeypatch.setattr("connsearch.workflows.predict.class_names_of", lambda run: ("走る", "red"))
    colours.predict(changing, annotate=tmp_path / "a.mp4", **PLAIN)
    assert "no font here has る (U+308B) 走 (U+8D70)" in caplog.text


def test_runs_say_whether_a_clip_may_have_several_classes(
    networks: dict[str, Any], colours: Any, tmp_path: Path
) -> None:
    assert colours.form.facts.multi_label is True
    assert "multi_label" not in networks["searched"][0].config["facts"]
    earlier = tmp_path / "earlier"
    shutil.copytree(colours.directory, earlier)
    config = json.loads((earlier / "config.json").read_text())
    del config["facts"]["multi_label"], config["facts"]["classes"]
    (earlier / "config.json").write_text(json.dumps(config))
    before = connsearch.load_run(earlier)
    assert is_multi_label(before), "its metrics say so"
    assert class_names_of(before) == NAMES
    config["facts"]["classes"] = ["red"]
    (earlier / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match="2 outputs, and recorded the names of 1 classes"):
        class_names_of(connsearch.load_run(earlier))


def test_predict_shows_itself_in_a_notebook(colours: Any, changing: Path) -> None:
    found = colours.predict(changing, timeline=True, **PLAIN)
    assert "0:01.2" in found._repr_html_()
    assert isinstance(found, PredictedVideos)
