"""``connsearch focus show``: what it leaves in a run, and what it refuses."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.formats.focus import FocusSummary
from connsearch.runs.metrics import summarise
from connsearch.view.charts import inline
from connsearch.view.report.build import write_report
from connsearch.workflows import focus_files, focus_show
from tests.cli.commands import Command, Done
from tests.focus_runs import CLASSES, FRAMES, PATCH, SIZE, train_focus
from tests.view.report_files import Text, make_run, report, undrawn

QUICK = "--precision fp32 --threads 1 --film none".split()


@pytest.fixture
def mine(focus_run: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be written to; its clips are where they were."""
    return Path(shutil.copytree(focus_run, tmp_path / "mine"))


@pytest.fixture
def no_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chart takes longer than all the rest."""
    monkeypatch.setattr(focus_files, "write_both", lambda *_: [])


def shown(run: Command, mine: Path, *words: str) -> Done:
    done = run("focus", "show", mine, *QUICK, "--json", *words)
    assert done.code == 0, done.err
    return done


def contents(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_gets_its_sheet_its_film_and_its_numbers(run: Command, mine: Path) -> None:
    done = shown(run, mine, "--film", "mp4", "--clips", "3", "--columns", "4")
    found = FocusSummary.model_validate(done.json)
    names = {"focus.png", "focus.svg", "looks.csv", "looks.mp4", "looks.png", "summary.json"}
    assert set(contents(mine / "focus")) == names
    assert FocusSummary.model_validate_json((mine / "focus/summary.json").read_text()) == found
    assert (found.split, found.clips, found.chosen_by) == ("val", 4, "policy")
    assert (found.places.frame, found.places.window) == ([SIZE] * 2, [PATCH] * 2)
    assert [step.step for step in found.steps] == list(range(1, FRAMES + 1))
    assert {step.frame for step in found.steps} == set(range(FRAMES))
    assert len(found.shown) == 3
    assert {name for clip in found.shown for name in clip.classes} == set(CLASSES)
    with (mine / "focus/looks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * FRAMES
    assert all(0 <= float(row["top"]) <= SIZE - PATCH for row in rows)
    assert all(row["seen"] == "1" for row in rows)
    assert all(row["classes"] in row["clip"] for row in rows)
    assert {row["classes"] for row in rows} == set(CLASSES)
    for row in rows:
        assert float(row["seconds"]) == pytest.approx(int(row["video_frame"]) / 10), "10 a second"
        assert int(row["video_frame"]) >= int(row["frame"])
    right = [row for row in rows if row["step"] == str(FRAMES) and row["answer"] in row["clip"]]
    assert len(right) / 4 == found.steps[-1].accuracy
    assert "contact sheet:" in done.err
    before = contents(mine / "focus")
    shown(run, mine, "--film", "mp4", "--clips", "3", "--columns", "4")
    assert contents(mine / "focus") == before, "the same line again writes the same"


@pytest.mark.usefixtures("no_chart")
def test_videos_without_labels_have_a_folder_of_their_own(
    run: Command, mine: Path, focus_run: Path
) -> None:
    shown(run, mine)
    before = contents(mine / "focus")
    videos = [str(focus_run.parent / f"test-left-{number}.mp4") for number in (0, 1)]
    found = FocusSummary.model_validate(shown(run, mine, *videos).json)
    assert (found.split, found.clips) == ("videos", 2)
    assert [clip.name for clip in found.shown] == videos
    assert all(clip.classes == [] and clip.answer in CLASSES for clip in found.shown)
    assert {step.accuracy for step in found.steps} == {None}
    after = contents_of_files(mine / "focus")
    assert after == before, "what was found on the split is as it was"
    assert (mine / "focus/videos/looks.png").is_file()


def contents_of_files(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.mark.usefixtures("no_chart")
def test_the_test_split_is_not_opened_by_looking(run: Command, mine: Path) -> None:
    done = run("focus", "show", mine, *QUICK, "--split", "test")
    assert done.code == 2
    assert "the test split of" in done.err
    assert f"cure: connsearch evaluate {mine}" in done.err
    assert not (mine / "focus").exists()
    metrics = summarise([0, 1], [0, 1], classes=CLASSES, loss=1.0)
    entry = Evaluation(opened="now", metrics=metrics, times_opened=1).to_json()
    (mine / "evaluation.json").write_text(json.dumps({"test": entry}))
    assert shown(run, mine, "--split", "test").json["split"] == "test"


@pytest.mark.usefixtures("no_chart")
def test_clips_are_chosen_by_name_in_their_split_only(run: Command, mine: Path) -> None:
    found = shown(run, mine, "--names", "val-right-1.mp4", "--sample", "1").json
    assert [clip["name"] for clip in found["shown"]] == ["val-right-1.mp4"]
    assert found["clips"] == 2, "one for the numbers, and the one that is drawn"
    done = run("focus", "show", mine, *QUICK, "--names", "test-right-1.mp4")
    assert done.code == 2
    assert "test-right-1.mp4" in done.err
    assert "4 clips of val" in done.err


def test_other_runs_and_wrong_places_are_refused(run: Command, mine: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "searched")
    shutil.copy(other / "learned.json", other / "structure.json")
    done = run("focus", "show", other)
    assert done.code == 2
    assert "does not choose where to look\n  allowed here: runs of a focus model" in done.err
    done = run("focus", "show", tmp_path / "nothing")
    assert (done.code, "no such run" in done.err) == (2, True)
    (tmp_path / "taken").write_text("mine")
    done = run("focus", "show", mine, *QUICK, "-o", tmp_path / "taken")
    assert done.code == 2
    assert "is a file\n  cure: --output, the name of a directory" in done.err
    assert (tmp_path / "taken").read_text() == "mine"
    done = run("focus", "show", mine, tmp_path / "none.mp4")
    assert (done.code, "none.mp4: no such file or folder" in done.err) == (2, True)
    done = run("focus", "show", mine, "a.mp4", "--names", "b")
    assert (done.code, "cure: leave --names out, or the videos" in done.err) == (2, True)
    assert not (mine / "focus").exists()


@pytest.mark.usefixtures("no_chart")
def test_an_unreadable_video_is_told_and_the_others_are_shown(
    run: Command, mine: Path, focus_run: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    done = shown(run, mine, str(broken), str(focus_run.parent / "test-left-0.mp4"))
    assert done.json["clips"] == 1
    assert "1 video cannot be read" in done.err
    assert "broken.mp4" in done.err


@pytest.mark.usefixtures("no_chart")
def test_without_an_encoder_the_film_is_a_gif(
    run: Command, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(focus_files, "can_write", lambda: False)
    done = shown(run, mine, "--clips", "1", "--film", "auto")
    assert done.json["film"] == str(mine / "focus/looks.gif")
    with Image.open(done.json["film"]) as film:
        assert film.n_frames > 1  # type: ignore[attr-defined]


@pytest.mark.usefixtures("no_chart")
def test_the_report_shows_where_it_looks(
    run: Command, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline, "drawing", undrawn)
    page = report(mine)
    assert "Where it looks" not in page
    assert "<img" not in page, "a run of which nobody has looked has no such section"
    found = shown(run, mine).json
    made = write_report(mine)
    text = str(Text(made.path.read_text()))
    assert made.notes == {}
    assert "focus" in made.sections
    assert "Where it looks" in text
    assert "4 of val, 4 windows in each" in text
    assert all(clip["name"] in text for clip in found["shown"])
    for remark in found["remarks"]:
        assert remark["cure"] in text
        assert text.count(remark["said"][1:]) == 2, "in the section, and before the numbers"
    assert 'src="data:image/jpeg;base64,' in made.path.read_text()
    (mine / "focus/looks.png").write_bytes(b"damaged")
    damaged = write_report(mine)
    assert "looks.png: cannot be read as a picture" in " ".join(damaged.notes["focus"])
    (mine / "focus/looks.png").unlink()
    assert "<img" not in report(mine), "without its picture it has its numbers"
    (mine / "focus/summary.json").write_text('{"clips": 0}')
    assert "focus" in write_report(mine).notes


@pytest.mark.usefixtures("no_chart")
def test_as_a_function_it_returns_a_value_that_shows_itself(mine: Path) -> None:
    from connsearch.workflows.focus_show import focus_show

    heard: list[Any] = []
    found = focus_show(
        mine, clips=1, film="none", precision="fp32", threads=1, progress=heard.append
    )
    assert isinstance(found, FocusSummary)
    assert any(type(event).__name__ == "CountEvent" for event in heard)
    assert "where it looks" in found._repr_html_()  # type: ignore[attr-defined]


def test_videos_that_cannot_be_read_are_refused_in_words(run: Command, mine: Path) -> None:
    broken = mine / "broken.mp4"
    broken.write_bytes(b"no video")
    done = run("focus", "show", mine, broken, *QUICK)
    assert done.code == 2
    assert "no video can be read, 1 named" in done.err
    assert str(broken) in done.err
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("no_chart")
def test_one_window_for_all_frames_is_no_row_of_windows(run: Command, tmp_path: Path) -> None:
    model = train_focus(tmp_path, window="clip", glance_frames=2)
    done = shown(run, model, "--clips", "1")
    found = FocusSummary.model_validate(done.json)
    assert (found.window, found.glanced, found.mean_steps) == ("clip", 2, None)
    assert [step.step for step in found.steps] == [0, FRAMES]
    assert f"clips: 4 of val, one window for all {FRAMES} frames" in done.err
    assert f"glance: at 2 of these {FRAMES} frames" in done.err


def test_an_interrupted_look_is_made_again_by_the_same_line(
    run: Command, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(focus_show, "write_focus", stopped)
    done = run("focus", "show", mine, *QUICK)
    assert done.code == 130
    assert "interrupted: rerun the same command, it makes everything" in done.err


@pytest.mark.usefixtures("no_chart")
def test_a_name_that_is_no_clip_is_answered_with_how_names_look(run: Command, mine: Path) -> None:
    done = run("focus", "show", mine, *QUICK, "--names", "nope")
    assert done.code == 2
    assert "--names: " in done.err
    name = done.err.partition("4 clips of val, such as ")[2].split(", ")[0].strip()
    assert name
    again = run("focus", "show", mine, *QUICK, "--names", name)
    assert again.code == 0, again.err


def test_options_of_a_split_are_refused_where_videos_are_named(run: Command, mine: Path) -> None:
    done = run("focus", "show", mine, "some.mp4", *QUICK, "--split", "test", "--sample", "3")
    assert done.code == 2
    assert "--sample, --split: for the clips of a split, but videos are named" in done.err
    assert "cure: leave --sample, --split out, or the videos" in done.err


def test_a_budget_and_all_steps_are_named_as_options(run: Command, mine: Path) -> None:
    for line in (("focus", "show", mine), ("predict", mine, "some.mp4")):
        done = run(*line, "--budget", "macs<=50%", "--all-steps")
        assert done.code == 2
        assert "--budget macs<=50% stops clips early, --all-steps stops none" in done.err
