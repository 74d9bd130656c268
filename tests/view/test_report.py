"""The report says what the files say, needs nothing else, and runs nothing that they bring."""

from __future__ import annotations

import inspect
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from connsearch.errors import RunError, UserError
from connsearch.graph.files import read_structure, write_structure
from connsearch.graph.spec import Block, Peer, Structure
from connsearch.pruning.pruner import prune_by
from connsearch.pruning.remains import remains_of
from connsearch.view.report.build import write_report
from connsearch.view.report.sections import SECTIONS
from tests.view.report_files import (
    ANALYSES,
    COMPARE,
    CURVE,
    EVOLUTION,
    GAP,
    RANK_CORRELATION,
    Text,
    change,
    make_run,
    report,
    write_analyses,
)

_HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&{{7*7}}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = make_run(tmp_path_factory.mktemp("report") / "run")
    write_analyses(run)
    return run


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return report(run)


@pytest.fixture(scope="module")
def text(page: str) -> str:
    return str(Text(page))


def test_the_summary_says_what_was_searched_and_how_good_it_is(run: Path, text: str) -> None:
    found = json.loads((run / "result.json").read_text())["metrics"]["val"]
    assert "Searched: 53 connections between 12 nodes of starter on synthetic:mix" in text
    assert f"accuracy on val {found['accuracy']:.3f}" in text
    assert f"{found['low']:.3f} to {found['high']:.3f} at 95 %" in text
    assert "chance: 0.333 (guessing one of 3 classes)" in text
    assert "test split closed" in text
    assert "time 12 s 40 steps" in text


def test_settings_that_differ_come_first(text: str) -> None:
    changed = text[text.index("setting value default") : text.index("settings at their default")]
    assert "training.epochs 5 16" in changed
    assert "training.lr 0.004 none" in changed
    assert "data.train_clips 17 96" in changed
    assert "seed 3 0" in changed
    assert "data.seed" not in changed, "it follows from the seed"
    assert "data.frames" not in changed
    assert "data.frames" in text


def test_the_data_has_three_lists_with_their_hashes(text: str) -> None:
    for name, clips, mark in (("train", 51, "a"), ("val", 30, "b"), ("test", 33, "c")):
        assert re.search(rf"{name} {clips} [a-z ,]+{mark * 64}", text)
    assert "f" * 64 in text


def test_every_number_of_the_analyses_is_there(text: str) -> None:
    for row in GAP["rows"]:
        assert f"{row['accuracy']:.3f}" in text
        assert f"{row['low']:.3f} to {row['high']:.3f}" in text
    for point in CURVE["points"]:
        assert f"{point['macs']:,}" in text
        assert f"{point['latency_ms']:.3g} ms" in text
    for row in COMPARE["rows"]:
        assert f"{row['accuracy']:.4f} {row['connections']} {row['macs']:,}" in text
    for row in RANK_CORRELATION["rows"]:
        assert f"{row['name']} {row['supernet']:.4f} {row['alone']:.4f}" in text
    assert "+0.0712 0.021 to 0.122" in text
    assert "0.643 (0.211 to 0.914)" in text
    assert "0.357 (-0.102 to 0.733)" in text
    assert all(found.get("verdict", "") in text for found in ANALYSES.values())
    assert "weights and ablation agree" in text, "an analysis without a section of its own"


def test_weights_and_cuts_are_those_of_the_structure(page: str) -> None:
    from tests.view.report_files import searched

    structure = searched()
    widths = dict(re.findall(r'data-edge="([\d-]+)".*?width:([\d.]+)%', page, re.S))
    assert len(widths) == len(structure.edges())
    for edge, weight in structure.weights().items():
        assert isinstance(weight, float)
        assert float(widths[f"{edge.source}-{edge.target}"]) == pytest.approx(
            100 * weight, abs=0.01
        )
    for index, block in structure.blocks():
        strongest = max(float(c.weight or 0) for c in block.connections)
        node = page[page.index(f"<h4>node {index},") :]
        assert f'class="cut" style="left:{round(70 * strongest, 2)}%' in node[: node.index("</ol>")]


def test_the_slider_has_the_logged_weights(page: str) -> None:
    data = re.search(r'id="weights-data">(.*?)</script>', page, re.S)
    assert data is not None
    found = json.loads(data[1])
    assert found["steps"] == list(range(0, 41, 5))
    assert found["weights"]["0-5"][0] == 0.5
    assert found["weights"]["0-5"][-1] == pytest.approx(0.12)


def test_peers_are_judged_by_their_entropy(text: str) -> None:
    assert re.search(r"\d+ one node", text)
    assert re.search(r"\d+ near-uniform", text)
    assert "collapsed" not in text, "the mixtures that chose did not choose the same node"


@pytest.mark.usefixtures("no_drawings")
def test_no_baseline_is_said_in_words(tmp_path: Path) -> None:
    text = str(Text(report(make_run(tmp_path / "run"))))
    assert "random wirings no baseline" in text
    assert "random baseline: none" in text
    assert "no comparison" in text


@pytest.mark.usefixtures("no_drawings")
@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.02, 0.12, "+0.071 better than random; 0.020 to 0.120 at 95 %"),
        (-0.02, 0.16, "+0.071 no difference shown; -0.020 to 0.160 at 95 %"),
        (None, None, "+0.071 no difference shown, and no interval"),
    ],
)
def test_better_is_said_only_where_the_interval_says_it(
    tmp_path: Path, low: float | None, high: float | None, says: str
) -> None:
    run = make_run(tmp_path / "run")
    write_analyses(run)
    difference = {**COMPARE["difference"], "mean": 0.071, "low": low, "high": high}
    change(run / "compare" / "summary.json", difference=difference)
    summary = str(Text(report(run)))
    assert f"against random wirings {says}" in summary


def test_the_checklist_is_filled_in_from_what_was_recorded(text: str) -> None:
    points = text[text.index("Can it be repeated?") :]
    assert "yes Random wirings of the same size were trained beside it. 4 random wirings" in points
    assert "yes The comparison was repeated with several seeds. 3 seeds" in points
    assert "test opened: no" in points
    assert re.search(r" no [^.]*no alarm was raised\. undecided", points)
    assert re.search(r" not known [^.]*how the settings were chosen", points)


@pytest.mark.usefixtures("no_drawings")
def test_evaluations_of_the_test_split_are_shown_and_counted(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    metrics = json.loads((run / "result.json").read_text())["metrics"]["val"]
    opened = {"opened": "2026-11-21T10:00:00+00:00", "times_opened": 2, "metrics": metrics}
    (copy / "evaluation.json").write_text(json.dumps({"test": opened}))
    text = str(Text(report(copy)))
    assert "opened 2 times" in text
    assert "no The test split was not used to choose anything" in text
    matrix = metrics["confusion"]
    assert all(str(clips) in text for row in matrix.values() for clips in row.values())


def test_it_needs_no_network_and_stays_small(page: str) -> None:
    parsed = Text(page)
    loading = {"src", "href", "xlink:href", "srcset", "action", "data", "poster"}
    for tag, attributes in parsed.tags:
        for name in loading & attributes.keys():
            value = attributes[name] or ""
            assert value.startswith("#") or value == "data:,", f"{tag} {name}={value}"
        assert not any(name.startswith("on") for name in attributes), tag
    assert "@import" not in page
    assert "url(" not in page
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"https?://[^\s\"'<>]+", page)) <= namespaces
    assert len(page) < 5_000_000
    assert "default-src 'none'" in page


def test_nothing_that_files_bring_is_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", classes=("walk", _HOSTILE, "jump"))
    write_analyses(run)
    config = json.loads((run / "config.json").read_text())
    config["settings"]["structure"] = _HOSTILE
    config["settings"]["data"]["source"]["source"] = _HOSTILE
    config["settings"]["data"][_HOSTILE] = _HOSTILE
    config["environment"]["processor"] = _HOSTILE
    (run / "config.json").write_text(json.dumps(config))
    change(run / "compare" / "summary.json", verdict=_HOSTILE)
    change(run / "learned.json", name=_HOSTILE)
    quarantined = {"split": "train", "name": _HOSTILE, "reason": _HOSTILE, "step": 0}
    change(run / "result.json", quarantine=[quarantined], warnings=[_HOSTILE])
    (run / "importance" / "summary.json").write_text(json.dumps({_HOSTILE: _HOSTILE}))
    hostile = report(run)
    clean = Text(report(make_run(tmp_path / "clean")))
    parsed = Text(hostile)
    assert not any(tag == "img" for tag, _ in parsed.tags)
    scripts = [a for tag, a in parsed.tags if tag == "script"]
    assert all(a.get("type") == "application/json" for a in scripts[:-1])
    assert scripts[-1] == {}
    assert sum(tag == "script" for tag, _ in clean.tags) <= len(scripts)
    assert "alert(1)" in str(parsed), "it is shown as what it is"
    assert "{{7*7}}" in str(parsed)


def test_the_same_files_give_the_same_report(run: Path) -> None:
    made = re.compile(r"Made on [^<]*")
    assert made.sub("", report(run)) == made.sub("", report(run))


def test_every_section_has_a_template() -> None:
    """A file of its name, or text in the function that makes it."""
    import connsearch.view.report

    inline = {n for n in SECTIONS if "template=" in inspect.getsource(SECTIONS[n].make)}
    folder = Path(connsearch.view.report.__file__).parent / "templates"
    assert {path.stem for path in folder.glob("*.html")} == {
        *(set(SECTIONS) - inline),
        *("page", "parts"),
        *(*EVOLUTION, "survival"),
    }


def test_a_place_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run directory"):
        write_report(tmp_path)
    with pytest.raises(RunError, match="no such run"):
        write_report(tmp_path / "nowhere")
    run = make_run(tmp_path / "run")
    with pytest.raises(UserError, match="there is no directory"):
        write_report(run, tmp_path / "nowhere" / "report.html")
    with pytest.raises(UserError, match="is a directory"):
        write_report(run, tmp_path)


def test_exactness_is_in_plain_words_and_an_absent_budget_is_not_there(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    counts = {"before": 53, "after": 20}
    record: dict[str, Any] = {
        **dict.fromkeys(("nodes", "connections", "parameters", "macs"), counts),
        "exactness": {"equal": True, "max_abs_difference": 0.0, "max_abs_logit_difference": 0.0},
        "pruning": {"criterion": "relative", "budget": []},
    }
    (run / "pruned").mkdir()
    (run / "pruned" / "prune.json").write_text(json.dumps(record))
    text = str(Text(report(run)))
    assert "largest difference of a logit: 0.0" in text
    assert "bit-equal to the original in which the removed connections are" in text
    assert "criterion relative" in text
    assert "[]" not in text
    section = text[text.index("Networks made from it", 900) :]
    assert "budget" not in section[: section.index("Curves")]
    record["pruning"]["budget"] = ["macs<=60%"]
    (run / "pruned" / "prune.json").write_text(json.dumps(record))
    assert "budget macs<=60%" in str(Text(report(run)))


def _unheard(structure: Structure, node: int) -> Structure:
    """The structure with nothing that keeps a node: weights and peers of it are near zero."""
    weights = {edge: 0.01 for edge in structure.edges() if edge.source == node}
    peers = {
        edge: tuple(Peer(p.node, 0.0 if p.node == node else p.coefficient) for p in c.peers)
        for edge, c in structure.connections()
    }
    return structure.with_weights(weights).with_peers(peers)


def test_a_dead_block_says_so_and_why(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    structure = _unheard(read_structure(run / "learned.json"), 9)
    (run / "learned.json").unlink()
    write_structure(structure, run / "learned.json")
    pruned = prune_by(structure)
    blocks = [node for node in pruned.dead if isinstance(structure.nodes[node], Block)]
    assert blocks, "or there is nothing to say"
    text = str(Text(report(run)))
    for node in blocks:
        told = re.search(rf"node {node}, level \d dead (.*?)\.", text)
        assert told is not None, text
        assert told[1].startswith(("Nothing that stays", "Only dead", "None of", "Of its inputs"))
    assert text.count(f"{remains_of(pruned)} would stay") == 1
    assert f"53 → {len(pruned.edges)}" in text
