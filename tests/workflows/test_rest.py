"""Workflows that the front door does not name: each called from Python, by keywords."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import connsearch
from connsearch.data.media.decode import write_video
from connsearch.errors import SettingsError, UserError
from connsearch.graph.document import to_json
from connsearch.runs.events import CountEvent, NoteEvent, WarningEvent, WorkBegan, WorkEnded
from connsearch.workflows import evolve_serve as serving
from connsearch.workflows.animate import animate
from connsearch.workflows.data_check import data_check
from connsearch.workflows.data_extract import data_extract
from connsearch.workflows.data_objects import data_objects
from connsearch.workflows.data_pack import data_pack
from connsearch.workflows.data_show import data_show
from connsearch.workflows.data_stats import data_stats
from connsearch.workflows.diff import diff
from connsearch.workflows.evolve_plan import evolve_plan
from connsearch.workflows.evolve_report import evolve_report
from connsearch.workflows.evolve_serve import evolve_serve
from connsearch.workflows.export import export
from connsearch.workflows.inspect import inspect
from connsearch.workflows.lineage import lineage
from connsearch.workflows.report import report

pytestmark = pytest.mark.usefixtures("unpictured")

CLIPS: dict[str, Any] = {
    "frames": 4,
    "size": 16,
    "train_clips": 3,
    "val_clips": 2,
    "test_clips": 2,
}


@pytest.fixture(autouse=True)
def silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Every test here: what a workflow has to say are events, and nothing is printed."""
    yield
    assert capfd.readouterr() == ("", "")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rest")


@pytest.fixture(scope="module")
def found(place: Path) -> Any:
    data = connsearch.load_data(
        "synthetic:mix", cache=place / "cache", batch_size=6, progress=False, **CLIPS
    )
    return connsearch.search(
        "starter",
        data,
        run=place / "search",
        steps=2,
        precision="fp32",
        threads=1,
        recalibrate_clips=6,
        progress=False,
    )


@pytest.fixture(scope="module")
def evolved(place: Path) -> Path:
    run = place / "evolved"
    connsearch.evolve("starter", simulate="planted", rounds=3, run=run, progress=False)
    return run


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for label in ("a", "b"):
        (folder / label).mkdir()
        write_video(folder / label / "0.mp4", np.full((4, 24, 32, 3), 90, np.uint8))
    return folder


def test_report(found: Any, tmp_path: Path) -> None:
    heard: list[object] = []
    page = tmp_path / "page.html"
    written = report(found, page, progress=heard.append)
    assert written.path == page
    assert "starter" in page.read_text(encoding="utf-8")
    assert written.sections
    assert not heard
    (found.directory / "gap").mkdir()
    (found.directory / "gap" / "summary.json").write_text("damaged")
    noted = report(found, page, progress=heard.append)
    assert [event.message for event in heard if isinstance(event, WarningEvent)] == [
        note for notes in noted.notes.values() for note in notes
    ]
    assert heard


def test_animate(found: Any, tmp_path: Path) -> None:
    heard: list[object] = []
    drawn = animate(found, tmp_path / "film.gif", seconds=1, progress=heard.append)
    assert drawn.files == (tmp_path / "film.gif",)
    assert drawn.files[0].read_bytes()[:3] == b"GIF"
    assert drawn.steps[-1] == 2
    assert drawn.connections == len(found.built.edges())
    counts = [event for event in heard if isinstance(event, CountEvent)]
    assert [(one.done, one.total) for one in counts] == [
        (n + 1, len(drawn.steps)) for n in range(len(drawn.steps))
    ]
    assert isinstance(heard[0], WorkBegan)
    assert [type(event) for event in heard[-3:]] == [WorkEnded, NoteEvent, NoteEvent]


def test_diff(found: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    start = connsearch.load_structure("starter")
    assert not diff("starter", start)
    searched = diff(start, found, tolerance=0.01)
    assert searched
    added = [one for one in searched.differences.connections if one.state == "added"]
    assert len(added) == len(found.structure.edges()) - len(start.edges())
    assert (searched.num_classes, searched.clip) == (found.num_classes, (4, 16, 16))
    assert searched.costs[0].macs < searched.costs[1].macs
    assert not any(tmp_path.iterdir()), "no picture was asked for"
    drawn = diff(start, found, output=tmp_path / "both.svg")
    assert drawn.pictures == (tmp_path / "both.svg",)
    assert drawn.pictures[0].stat().st_size > 1000


def test_inspect(found: Any) -> None:
    start = connsearch.load_structure("starter")
    seen = inspect(start, num_classes=10, clip=(4, 16, 16))
    assert seen.structure == start
    assert seen.peers is None
    assert seen.cost.parameters == inspect("starter", num_classes=10).cost.parameters
    assert seen.cost.macs < inspect("starter", num_classes=10).cost.macs
    own = inspect(found, peers=True)
    assert (own.num_classes, own.clip) == (found.num_classes, (4, 16, 16))
    assert own.peers is not None
    assert len(own.peers.mixtures) == len(found.structure.edges())


def test_export(tmp_path: Path) -> None:
    structure = connsearch.load_structure("assemblenet-50")
    heard: list[object] = []
    kept = export(structure, tmp_path / "lists", format="published", progress=heard.append)
    assert kept.file == tmp_path / "lists" / "published.json"
    assert kept.file.stat().st_size == kept.record.bytes
    assert kept.record.structure == to_json(structure)
    assert [type(event) for event in heard] == [NoteEvent]
    with pytest.raises(UserError, match="which has no weights"):
        export(structure, tmp_path / "program", format="torch", progress=False)


def test_lineage(evolved: Path, tmp_path: Path) -> None:
    heard: list[object] = []
    tree = tmp_path / "tree.svg"
    traced = lineage(evolved, 2, output=tree, others=False, progress=heard.append)
    assert traced.line[-1] == traced.child == 2
    assert set(traced.replayed) <= set(traced.line)
    assert traced.pictures == (tree,)
    assert traced.connection is None
    assert isinstance(heard[0], NoteEvent)
    edge = traced.story.history.child(2).structure.edges()[0]
    name = f"{edge.source}-{edge.target}"
    origin = lineage(evolved, 2, connection=name, output=tree, progress=False).connection
    assert origin is not None
    assert origin.edge == edge


def test_evolve_report(evolved: Path, tmp_path: Path) -> None:
    written = evolve_report(evolved, tmp_path / "out", animation=False, pictures=False)
    assert written.page == tmp_path / "out" / "evolution.html"
    assert {*written.files, written.page} == set((tmp_path / "out").iterdir())
    assert {path.suffix for path in written.files} == {".csv"}, "neither pictures nor a film"
    assert len(written.story.entries) == 3


def test_evolve_plan(evolved: Path, tmp_path: Path) -> None:
    heard: list[object] = []
    few: dict[str, Any] = {"rounds": 4, "seeds": 1, "workers": (1, 2)}
    plan = evolve_plan("starter", hours=2, price=3, progress=heard.append, **few)
    assert (plan.seconds, plan.measured) == (7200, None)
    assert [row["workers"] for row in plan.rows] == [1, 2]
    assert plan.rows[0]["price"] == pytest.approx(3 * plan.rows[0]["worker hours"], abs=0.2)
    counts = [event for event in heard if isinstance(event, CountEvent)]
    assert [one.done for one in counts] == [1, 2]
    given = connsearch.load_structure("starter")
    table = tmp_path / "plan.csv"
    again = evolve_plan(given, hours=2, output=table, progress=False, **few)
    assert [{**row, "price": 0} for row in again.rows] == [{**row, "price": 0} for row in plan.rows]
    assert len(table.read_text().splitlines()) == 3
    with pytest.raises(SettingsError, match="--hours and --measured"):
        evolve_plan("starter", hours=2, measured=evolved, progress=False, **few)


def test_evolve_serve(evolved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Any] = []
    monkeypatch.setattr(serving, "serve", lambda place, **how: served.append(how))
    heard: list[object] = []
    evolve_serve(evolved, port=13001, progress=heard.append)
    assert served == [{"host": "localhost", "port": 13001}]
    assert [type(event) for event in heard] == [NoteEvent]
    evolve_serve(evolved, host="0.0.0.0", progress=heard.append)
    assert [type(event) for event in heard[1:]] == [WarningEvent, NoteEvent]


def test_data_show(found: Any, place: Path, tmp_path: Path) -> None:
    sheet = data_show(
        output=tmp_path / "sheet.png", clips=2, columns=2, cache=place / "cache", **CLIPS
    )
    assert sheet.picture.read_bytes()[1:4] == b"PNG"
    assert [len(strip.rows) > 0 for strip in sheet.strips] == [True, True]
    assert {strip.split for strip in sheet.strips} == {"train"}


def test_data_stats(found: Any, place: Path) -> None:
    made = {name: value for name, value in CLIPS.items() if name != "size"}
    counted = data_stats("synthetic:mix", cache=place / "cache", **made, size=16)
    assert counted.splits["train"].clips == 3 * len(counted.classes)
    assert not counted.faults


def test_data_check(videos: Path, tmp_path: Path) -> None:
    heard: list[object] = []
    checked = data_check(videos, tmp_path / "check.csv", readers=0, seeks=2, progress=heard.append)
    assert [one.record.name for one in checked.clips] == ["a/0.mp4", "b/0.mp4"]
    assert not checked.faults
    assert not checked.different
    assert sum(one.seeks for one in checked.clips) == 4
    assert len(checked.report.read_text().splitlines()) == 3
    assert [e.done for e in heard if isinstance(e, CountEvent)] == [1, 2]


def test_data_pack(videos: Path, tmp_path: Path) -> None:
    heard: list[object] = []
    options: dict[str, Any] = {"short_side": 12, "workers": 1}
    packed = data_pack(videos, tmp_path / "packed", progress=heard.append, **options)
    assert (packed.videos, packed.clips, packed.frames, packed.before) == (2, 2, 8, 0)
    counts = [event for event in heard if isinstance(event, CountEvent)]
    assert [(one.done, one.total) for one in counts] == [(1, 2), (2, 2)]
    assert counts[-1].state.startswith("8 frames")
    assert [type(heard[0]), type(heard[-1])] == [WorkBegan, WorkEnded]
    again = data_pack(videos, tmp_path / "packed", progress=False, **options)
    assert again.before == 2


def test_data_extract(videos: Path, tmp_path: Path) -> None:
    heard: list[object] = []
    options: dict[str, Any] = {"short_side": 12, "workers": 1}
    extracted = data_extract(videos, tmp_path / "out", progress=heard.append, **options)
    assert (extracted.clips, extracted.frames, extracted.before) == (2, 8, 0)
    counts = [event for event in heard if isinstance(event, CountEvent)]
    assert [(one.done, one.total) for one in counts] == [(1, 2), (2, 2)]
    assert counts[-1].state.startswith("8 frames")
    assert [type(heard[0]), type(heard[-1])] == [WorkBegan, WorkEnded]
    again = data_extract(videos, tmp_path / "out", progress=False, **options)
    assert again.before == 2


def test_data_objects(tmp_path: Path) -> None:
    np.save(tmp_path / "warm.npy", np.array([[[20.0, 40.0]], [[20.0, 20.0]]], np.float16))
    made = data_objects(tmp_path / "warm.npy", tmp_path / "maps.npz", levels=(30,))
    assert (made.frames, made.height, made.width) == (2, 1, 2)
    assert made.shares == {0: 0.75, 1: 0.25}
    with np.load(made.path) as file:
        assert file["classes"].tolist() == [[[0, 1]], [[0, 0]]]


WRONG: list[tuple[Callable[..., object], dict[str, Any], str]] = [
    (animate, {"run": "runs/x", "second": 3}, "seconds"),
    (diff, {"before": "starter", "after": "starter", "tolerence": 0.1}, "tolerance"),
    (inspect, {"structure": "starter", "classes": 3}, "num_classes"),
    (export, {"target": "starter", "formats": "torch"}, "format"),
    (lineage, {"run": "runs/x", "child": 1, "conection": "3-7"}, "connection"),
    (evolve_report, {"run": "runs/x", "picture": False}, "pictures"),
    (evolve_plan, {"round": 3}, "rounds"),
    (evolve_serve, {"run": "runs/x", "ports": 3}, "port"),
    (data_show, {"colums": 3}, "columns"),
    (data_stats, {"val_shar": 0.1}, "val_share"),
    (data_check, {"source": "x", "reader": 1}, "readers"),
    (data_pack, {"source": "x", "target": "y", "shortside": 9}, "short_side"),
    (data_extract, {"source": "x", "target": "y", "heigth": 9}, "height"),
    (data_objects, {"source": "x.npy", "output": "y.npz", "level": (3,)}, "levels"),
]


@pytest.mark.parametrize(("workflow", "keywords", "near"), WRONG, ids=lambda value: str(value)[:20])
def test_a_wrong_keyword_is_answered_with_the_nearest(
    workflow: Callable[..., object], keywords: dict[str, Any], near: str
) -> None:
    with pytest.raises(SettingsError, match=f"did you mean '{near}'"):
        workflow(**keywords)


@pytest.mark.parametrize(
    ("workflow", "keywords", "named"),
    [
        (data_objects, {"source": "x.npy", "output": "y.npy"}, "y.npy does not end in .npz"),
        (evolve_plan, {"workers": (0,)}, "workers"),
        (inspect, {"structure": "starter", "num_classes": 0}, "num_classes"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    workflow: Callable[..., object], keywords: dict[str, Any], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        workflow(**keywords)
