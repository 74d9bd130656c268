"""A search over time: the moments, one stage for all of them, the page, the frames."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from connsearch.errors import Failure, RunError
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.options import build_criterion
from connsearch.pruning.pruner import prune_by
from connsearch.pruning.remains import remains_of
from connsearch.view.runs.animate_frames import draw_frames, write_gif, write_mp4
from connsearch.view.runs.animate_page import write_page
from connsearch.view.runs.animation import Backdrop, ChosenState, Moment, read_moments, set_stage
from connsearch.view.structures.palette import PAPER
from tests.view.structures import large

STARTER = load_structure("starter")
EDGES = STARTER.edges()
RELATIVE = build_criterion("relative")


def write_logs(run: Path, structure: Structure, steps: int, *, accuracy: bool = True) -> None:
    """Weights that part from 0.5, upwards for even connections and downwards for odd ones."""
    rows = ["step,epoch,kind,source,target,peer,weight,logit"]
    for step in range(steps):
        for number, edge in enumerate(structure.edges()):
            weight = 0.5 + (0.4 if number % 2 == 0 else -0.4) * step / max(steps - 1, 1)
            rows.append(f"{step},{step // 4},connection,{edge.source},{edge.target},,{weight},0")
        rows.append(f"{step},{step // 4},peer,0,5,1,0.5,0")
    (run / "connections.csv").write_text("\n".join(rows) + "\n")
    if accuracy:
        text = "step,epoch,split,loss,accuracy,low,high\n4,0,select,1,0.25,,\n8,1,select,1,0.75,,\n"
        (run / "metrics.csv").write_text(text)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Backdrop, list[Moment]]:
    run = tmp_path_factory.mktemp("run")
    write_logs(run, STARTER, 12)
    moments = read_moments(run, STARTER, RELATIVE, frames=5)
    return set_stage(STARTER, moments, title="a <b>"), moments


def test_moments_are_spread_over_all_steps(tmp_path: Path) -> None:
    write_logs(tmp_path, STARTER, 12)
    moments = read_moments(tmp_path, STARTER, RELATIVE, frames=4)
    assert [m.step for m in moments] == [0, 4, 7, 11]
    assert [m.epoch for m in moments] == [0, 1, 1, 2]
    assert [m.accuracy for m in moments] == [None, 0.25, 0.25, 0.75]
    assert moments[-1].weights[EDGES[0]] == 0.9
    everything = read_moments(tmp_path, STARTER, RELATIVE, frames=100)
    assert [m.step for m in everything] == list(range(12))


def test_a_moment_says_what_would_stay(tmp_path: Path) -> None:
    write_logs(tmp_path, STARTER, 3, accuracy=False)
    first, *_, last = read_moments(tmp_path, STARTER, RELATIVE, frames=9)
    assert first.kept == set(EDGES)
    assert first.caption() == "step 0 · epoch 1 · 20 of 20 connections, 12 of 12 nodes would stay"
    pruned = prune_by(STARTER.with_weights(dict(last.weights)))
    assert last.kept == pruned.edges
    assert last.remains == remains_of(pruned)
    assert f"{len(pruned.edges)} of 20 connections, {len(pruned.node_map)} of 12 nodes" in (
        last.caption()
    )


def test_the_state_that_was_kept_comes_last(tmp_path: Path) -> None:
    write_logs(tmp_path, STARTER, 12)
    best = STARTER.with_weights({edge: 0.9 - 0.04 * n for n, edge in enumerate(EDGES)})
    moments = read_moments(tmp_path, STARTER, RELATIVE, frames=5, chosen=ChosenState(6, best))
    assert [m.step for m in moments] == [0, 4, 7, 11, 6]
    last, pruned = moments[-1], prune_by(best)
    assert last.weights == pytest.approx({e: 0.9 - 0.04 * n for n, e in enumerate(EDGES)})
    assert (last.kept, last.remains) == (pruned.edges, remains_of(pruned))
    assert last.kept != moments[-2].kept
    assert (last.epoch, last.accuracy) == (1, 0.25)
    assert "step 6 · epoch 2 · validation accuracy 0.250 · the best look, which is kept · " in (
        last.caption()
    )
    assert not any(moment.chosen for moment in moments[:-1])


def test_half_a_row_of_a_run_at_work_is_passed_over(tmp_path: Path) -> None:
    write_logs(tmp_path, STARTER, 3)
    with (tmp_path / "connections.csv").open("a") as file:
        file.write("3,0,connecti")
    assert len(read_moments(tmp_path, STARTER, RELATIVE, frames=9)) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "holds no connections.csv"),
        ("step,epoch,kind,source,target,peer,weight,logit\n", "no connection's weight was logged"),
        ("step,kind\n", "no column"),
        (
            "step,epoch,kind,source,target,peer,weight,logit\n0,0,connection,0,5,,much,0\n",
            "column weight: expected a number",
        ),
    ],
)
def test_a_log_that_cannot_be_used_is_named(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "connections.csv").write_text(text)
    with pytest.raises(RunError, match=said):
        read_moments(tmp_path, STARTER, RELATIVE, frames=9)


def test_the_stage_has_every_connection_and_its_number(film: tuple[Backdrop, list[Moment]]) -> None:
    stage, moments = film
    assert set(stage.edges) == set(EDGES)
    for source, target in EDGES:
        number = stage.picture.find(f".//text[@id='weight-{source}-{target}']")
        assert number is not None
        assert number.text == f"{moments[-1].weights[Edge(source, target)]:.2f}"


def test_of_a_large_structure_the_strongest_are_on_stage(tmp_path: Path) -> None:
    structure = large(70, 500)
    write_logs(tmp_path, structure, 2, accuracy=False)
    moments = read_moments(tmp_path, structure, RELATIVE, frames=2)
    stage = set_stage(structure, moments, title="large")
    assert 300 <= len(stage.edges) <= 400
    (frame, _) = draw_frames(stage, moments)
    assert frame.ndim == 3


def test_the_page_stands_alone(film: tuple[Backdrop, list[Moment]], tmp_path: Path) -> None:
    stage, moments = film
    write_page(stage, moments, tmp_path / "page.html", title="a <b>{{facts}}", seconds=2.0)
    text = (tmp_path / "page.html").read_text()
    outside = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(
        r"https?:|//[a-z]|\bsrc=|href|@import|url\(|\{\{\w", outside.replace("{{facts}}", "")
    )
    assert "<title>a &lt;b&gt;" in text
    assert "prefers-color-scheme: dark" in text
    assert 'type="range"' in text
    found = re.search(r'<script type="application/json" id="facts">(.*?)</script>', text)
    assert found is not None
    facts = json.loads(found[1])
    assert len(facts["moments"]) == len(moments)
    picture = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    ids = {element.get("id") for element in picture.iter()}
    for name in facts["edges"]:
        assert {f"connection-{name}", f"weight-{name}"} <= ids
    for moment, told in zip(moments, facts["moments"], strict=True):
        assert told["caption"] == moment.caption()
        assert len(told["kept"]) == len(told["weights"]) == len(facts["edges"])


def test_nothing_moves_from_frame_to_frame(film: tuple[Backdrop, list[Moment]]) -> None:
    stage, moments = film
    frames = list(draw_frames(stage, [moments[0], moments[-1], moments[0]]))
    assert np.array_equal(frames[0][:-60], frames[2][:-60])
    first, last = frames[0].astype(int), frames[1].astype(int)
    assert frames[0].shape[0] % 2 == frames[0].shape[1] % 2 == 0
    assert tuple(first[2, 2]) == tuple(int(PAPER[n : n + 2], 16) for n in (1, 3, 5))
    changed = np.abs(first - last).max(axis=2) > 40
    assert 0 < changed[:-60].mean() < 0.1
    head = frames[0].shape[0] // 8
    assert not changed[:head].any()


def test_the_gif_plays_as_long_as_asked(
    film: tuple[Backdrop, list[Moment]], tmp_path: Path
) -> None:
    stage, moments = film
    path = tmp_path / "film.gif"
    write_gif(draw_frames(stage, moments), path, count=len(moments), seconds=2.0)
    with Image.open(path) as found:
        assert found.info["loop"] == 0
        lengths = [frame.info["duration"] / 1000 for frame in ImageSequence.Iterator(found)]
        assert found.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
    assert len(lengths) == len(moments)
    assert sum(lengths) == pytest.approx(2.0 + 2.0, abs=0.1)  # and the last frame waits


def test_the_video_plays_as_long_as_asked(
    film: tuple[Backdrop, list[Moment]], tmp_path: Path
) -> None:
    stage, moments = film
    path = tmp_path / "film.mp4"
    write_mp4(draw_frames(stage, moments), path, count=len(moments), seconds=2.0)
    with av.open(str(path)) as found:
        stream = found.streams.video[0]
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert len(list(found.decode(stream))) == len(moments)
        assert float(len(moments) / (stream.average_rate or 1)) == pytest.approx(2.0, rel=0.01)


def test_a_film_that_cannot_be_written_leaves_nothing(
    film: tuple[Backdrop, list[Moment]], tmp_path: Path
) -> None:
    stage, moments = film
    place = tmp_path / "film.gif"
    place.mkdir()
    with pytest.raises(Failure, match=r"film\.gif: could not be written"):
        write_gif(draw_frames(stage, moments[:2]), place, count=2, seconds=1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["film.gif"]
