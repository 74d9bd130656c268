"""The picture: its source, its bytes in three formats, and that a person can read it."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import graphviz
import pytest

from connsearch.errors import Failure, SettingsError, UnknownNameError, UserError
from connsearch.graph.files import load_structure
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Attention, Peer, Structure
from connsearch.view.structures import draw
from connsearch.view.structures.draw import laid_out, render, to_dot
from connsearch.view.structures.markup import clean
from connsearch.view.structures.palette import DEAD, PEER, STREAMS, pen_width
from tests.view.structures import PUBLISHED, gated, large, pruned, small
from tests.view.svg import groups, node_boxes, stroke, text_boxes, texts

MAGIC = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


def line_of(source: str, name: str) -> str:
    """The line of the source that draws the edge with that id."""
    marks = (f'id="{name}"', f"id={name} ")
    (found,) = [line for line in source.splitlines() if any(mark in line for mark in marks)]
    return found


def test_source_puts_every_level_in_a_rank_of_its_own() -> None:
    source = to_dot(small()).source
    ranks = [part.split("}")[0] for part in source.split("rank=same")[1:]]
    headings = ["stems", "level 0", "level 1", '""']
    members = [(0, 1), (2, 3, 4), (5,), ()]
    assert len(ranks) == 4
    for rank, heading, nodes in zip(ranks, headings, members, strict=True):
        assert f"label={heading}" in rank.replace(f'"{heading}"', heading)
        for node in range(6):
            assert (f'id="node-{node}"' in rank) == (node in nodes)
    assert "output" in ranks[-1]


def test_source_of_lines() -> None:
    source = to_dot(small()).source
    strong, weak, gone = (line_of(source, f"connection-{e}") for e in ("2-5", "3-5", "0-4"))
    assert f"penwidth={pen_width(0.9):.2f}" in strong
    assert "dashed" not in strong
    assert f"penwidth={pen_width(0.2):.2f}" in weak
    assert "style=dashed" in weak
    assert DEAD.line in gone
    assert 'tooltip="3 to 5: weight 0.2"' in weak
    assert "final-5" in source


def test_source_of_peers_is_dotted() -> None:
    gate = line_of(to_dot(gated({3: 1.0})).source, "peer-3-5")
    assert "style=dotted" in gate
    assert PEER.line in gate
    assert "peer-" not in to_dot(small()).source


@pytest.mark.parametrize("suffix", MAGIC)
def test_render_without_graphviz_fonts_or_display(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PATH", "DISPLAY", "FONTCONFIG_FILE", "FONTCONFIG_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    before = dict(os.environ)
    path = render(small(), tmp_path / f"picture.{suffix}")
    assert path.read_bytes().startswith(MAGIC[suffix])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # nothing temporary is left
    assert dict(os.environ) == before


def test_render_accepts_a_suffix_in_capitals(tmp_path: Path) -> None:
    assert render(small(), tmp_path / "A.PNG").read_bytes().startswith(MAGIC["png"])


def test_png_text_is_drawn_with_a_real_font(tmp_path: Path) -> None:
    """Without a font every letter is the same box, so that two titles look alike."""
    left = render(small(), tmp_path / "a.png", title="ilililil").read_bytes()
    right = render(small(), tmp_path / "b.png", title="liliilli").read_bytes()
    assert left != right


def test_svg_is_deterministic(tmp_path: Path) -> None:
    structure = load_structure("assemblenet_plus-50")
    one, two = (render(structure, tmp_path / f"{name}.svg").read_bytes() for name in "ab")
    assert one == two


def test_source_does_not_depend_on_the_hash_seed() -> None:
    code = (
        "from connsearch.graph.files import load_structure\n"
        "from connsearch.view.structures.draw import to_dot\n"
        "print(ascii(to_dot(load_structure('assemblenet_plus-50')).source))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_svg_shows_what_the_source_says(tmp_path: Path) -> None:
    found = groups(render(gated({3: 1.0}), tmp_path / "a.svg"))
    assert stroke(found["connection-2-5"], "stroke-dasharray") is None
    assert stroke(found["connection-3-5"], "stroke-dasharray") == "5,2"
    assert stroke(found["peer-3-5"], "stroke-dasharray") == "1,5"
    assert stroke(found["connection-0-4"], "stroke") == DEAD.line.lower()
    streams = list(STREAMS.values())
    assert stroke(found["connection-0-2"], "stroke") == streams[0].line.lower()
    assert stroke(found["connection-1-3"], "stroke") == streams[1].line.lower()


def test_columns_run_from_left_to_right(tmp_path: Path) -> None:
    boxes = {box.text: box for box in node_boxes(render(small(), tmp_path / "a.svg"))}
    columns = [("node-0", "node-1"), ("node-2", "node-3", "node-4"), ("node-5",), ("output",)]
    for before, after in itertools.pairwise(columns):
        assert max(boxes[n].right for n in before) < min(boxes[n].left for n in after)


def legible() -> dict[str, Structure]:
    """What people draw: published structures, pruned, over-connected, with peers."""
    found = {name: load_structure(name) for name in (*PUBLISHED, "starter")}
    found |= {f"{name} pruned": pruned(name) for name in PUBLISHED}
    found |= {f"{name} over": over_connect(found[name]) for name in PUBLISHED}
    return found | {"peers": gated({1: 0.5, 3: 0.5}), "compact": large(70, 120)}


@pytest.mark.parametrize("name", legible())
def test_no_labels_overlap(name: str, tmp_path: Path) -> None:
    path = render(legible()[name], tmp_path / "a.svg")
    for boxes in (text_boxes(path), node_boxes(path)):
        clashes = [(a, b) for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]
        assert clashes == []


@pytest.mark.parametrize(
    "title",
    [
        "quotes \" and ' and \\ backslash \\N \\G",
        "<b>bold</b> & <TABLE>",
        "<html>",
        "two\nlines\r\n\ttab",
        "ünïcødé 動画 🎬",
        "null \x00 bell \x07 surrogate \ud800",
        "",
        "   ",
        "{}[]|;->--",
        "x" * 500,
    ],
)
def test_title_is_shown_as_it_is(title: str, tmp_path: Path) -> None:
    path = render(small(), tmp_path / "a.svg", title=title)
    shown = clean(title)
    assert len(groups(path)) > 10
    assert not shown or shown in [text.replace("\u200b", "") for text in texts(path)]


def test_name_is_the_title(tmp_path: Path) -> None:
    assert "small" in texts(render(small(), tmp_path / "a.svg"))


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.svg.gz", "svg"])
def test_unknown_suffix_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Known: pdf, png, svg"):
        render(small(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_place_that_cannot_hold_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(UserError, match="is a directory"):
        render(small(), tmp_path / "folder.svg")
    with pytest.raises(UserError, match="there is no directory"):
        render(small(), tmp_path / "missing" / "a.svg")


def test_bad_threshold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        render(small(), tmp_path / "a.svg", threshold=2.0)
    assert list(tmp_path.iterdir()) == []


def test_failure_of_graphviz_keeps_the_old_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = render(small(), tmp_path / "a.svg")
    before = path.read_bytes()
    failing = tmp_path / "failing.py"
    failing.write_text("import sys; sys.exit('no memory for splines')")
    monkeypatch.setattr(draw, "_GRAPHVIZ", failing)
    with pytest.raises(Failure, match="no memory for splines"):
        render(small(), path, title="other")
    assert path.read_bytes() == before


def test_graphviz_that_takes_too_long_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(draw, "_GRAPHVIZ", sleeper)
    monkeypatch.setattr(draw, "PATIENCE", 0.2)
    with pytest.raises(Failure, match="longer than"):
        render(small(), tmp_path / "a.svg")


def test_python_that_cannot_be_started_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(Failure, match="could not be started"):
        render(small(), tmp_path / "a.svg")


def test_full_disk_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(draw, "atomic_write_bytes", full)
    with pytest.raises(Failure, match="No space left on device"):
        render(small(), tmp_path / "a.svg")


def test_large_picture_has_few_lines_and_no_ports() -> None:
    source = to_dot(large(200, 2000)).source
    assert source.count('id="connection-') == 400
    assert 'PORT="i0"' not in source  # blocks do not list their inputs


@pytest.mark.slow
@pytest.mark.parametrize(("nodes", "connections"), [(200, 2000), (2000, 20000), (60, 200)])
def test_large_picture_is_drawn(nodes: int, connections: int, tmp_path: Path) -> None:
    path = render(large(nodes, connections), tmp_path / "a.svg")
    boxes = node_boxes(path)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_peer_mode_without_any_peer_is_drawn(tmp_path: Path) -> None:
    assert render(small(attention=Attention.PEER), tmp_path / "a.svg").exists()


def test_import_is_light() -> None:
    """The heavy libraries come when something is drawn."""
    code = (
        "import sys, connsearch.view.structures.draw, connsearch.view.structures.tables\n"
        "import connsearch.view.runs.plots\n"
        "heavy = {'matplotlib', 'graphviz', 'pygraphviz', 'pandas', 'torch', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_line_that_graphviz_loses_is_a_failure(suffix: str) -> None:
    """It says so in its chatter, and returns a picture with two of three lines."""
    dot = graphviz.Digraph(graph_attr={"rankdir": "LR"}, node_attr={"shape": "record"})
    dot.edge("c", "a")
    dot.edge("c", "a")
    with dot.subgraph() as rank:
        rank.attr(rank="same")
        rank.node("a", label="<p> a|<q> b")
        rank.node("b", label="<p> a|<q> b")
    whole = laid_out(dot, suffix)
    dot.edge("a:p", "b:q", style="invis")
    assert laid_out(dot, suffix)
    dot.edge("a:p", "b:q")
    assert whole
    with pytest.raises(Failure, match=r"1 of 3 lines were lost: a->b"):
        laid_out(dot, suffix)


def test_links_within_a_column_are_all_drawn(tmp_path: Path) -> None:
    """Peers may stand in the column of what they gate: the lines that Graphviz finds hardest."""
    structure = load_structure("starter").with_settings(attention=Attention.FIXED)
    everyone = {edge: tuple(Peer(n, 1.0) for n in range(edge.target)) for edge in structure.edges()}
    structure = structure.with_weights(dict.fromkeys(everyone, 0.9)).with_peers(everyone)
    dot = to_dot(structure)
    drawn = groups(render(structure, tmp_path / "gates.svg"))
    asked = {f"peer-{p}-{e.target}" for e in everyone for p in range(e.target)}
    assert asked <= set(drawn)
    assert dot.source.count("peer-") == len(asked)
