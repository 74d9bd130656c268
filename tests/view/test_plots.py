"""Pictures of a run: which are made, from which logs, and what is in them."""

from __future__ import annotations

import csv
import itertools
import math
from pathlib import Path

import matplotlib
import pytest
from PIL import Image

from connsearch.errors import RunError, UnknownNameError
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Edge, Structure
from connsearch.models.document import ModelDocument
from connsearch.runs.formats.form import columns
from connsearch.runs.formats.tables import ConnectionRow, MetricsRow, TermRow
from connsearch.runs.names import TERMS
from connsearch.runs.run_files import RunFiles
from connsearch.view.charts.draw import chart_figure
from connsearch.view.charts.inks import colour
from connsearch.view.charts.marks import Polyline, Rule
from connsearch.view.charts.places import spread_apart
from connsearch.view.runs.chance import chance_of
from connsearch.view.runs.connections import connections_chart, weights_chart
from connsearch.view.runs.plots import run_pictures
from connsearch.view.runs.series import Curves, Series, read_curves, read_weights, smooth
from connsearch.view.runs.terms import terms_chart
from connsearch.view.runs.training import training_chart
from connsearch.view.structures.palette import MIXED, STREAMS
from tests.view.structures import large, small

SMALL = ModelDocument.of(small())


def write_logs(run: Path, structure: Structure, *, steps: int = 20) -> None:
    """Logs as training writes them: a row a step, an evaluation every ten, weights every five."""
    with (run / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns(MetricsRow), restval="")
        writer.writeheader()
        for step in range(1, steps + 1):
            row = {"step": step, "epoch": 0, "loss": 1 / step, "accuracy": 1 - 1 / step}
            writer.writerow(row | {"split": "train", "clips": 4})
            if step % 10 == 0:
                writer.writerow(row | {"split": "val", "low": 0.2, "high": 1.0, "clips": 40})
    with (run / "connections.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns(ConnectionRow), restval="")
        writer.writeheader()
        for step in range(0, steps + 1, 5):
            for edge, connection in structure.connections():
                if connection.weight is None:
                    continue
                row = {"step": step, "epoch": 0, "source": edge.source, "target": edge.target}
                weight = {"weight": 0.5 + step / 100, "logit": 0.0}
                writer.writerow(row | weight | {"kind": "connection"})
                writer.writerow(row | weight | {"kind": "peer", "peer": 1})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_logs(tmp_path, small())
    return tmp_path


def test_run_pictures_writes_all_of_them(run: Path) -> None:
    paths = run_pictures(run, SMALL, formats=("svg", "png", "pdf"))
    names = [
        f"{n}.{f}" for n in ("training", "connections", "weights") for f in "svg png pdf".split()
    ]
    assert [path.name for path in paths] == names
    for path in paths:
        magic = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}[path.suffix]
        assert path.read_bytes().startswith(magic)
        if path.suffix == ".png":
            with Image.open(path) as image:
                colours = image.convert("RGB").getcolors(maxcolors=2**24)
            assert colours is not None
            assert len(colours) > 20  # something is drawn


def test_run_pictures_is_deterministic_and_leaves_no_settings(run: Path) -> None:
    before = dict(matplotlib.rcParams)
    one = [path.read_bytes() for path in run_pictures(run, SMALL, formats=["svg"])]
    two = [path.read_bytes() for path in run_pictures(run, SMALL, formats=["svg"])]
    assert one == two
    assert dict(matplotlib.rcParams) == before


def test_run_pictures_without_logs_is_the_map_alone(tmp_path: Path) -> None:
    assert [p.name for p in run_pictures(tmp_path, SMALL, formats=["png"])] == ["weights.png"]


def test_run_pictures_without_searched_connections(run: Path) -> None:
    (run / "connections.csv").write_text(",".join(columns(ConnectionRow)) + "\n")
    names = [path.name for path in run_pictures(run, SMALL, formats=["png"])]
    assert names == ["training.png", "weights.png"]


def test_run_pictures_refuses_a_format(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'svg'"):
        run_pictures(tmp_path, SMALL, formats=["svgz"])


def test_logs_of_a_killed_run_lack_the_end_of_a_row(run: Path) -> None:
    whole = read_weights(run / "connections.csv")
    for name in ("metrics.csv", "connections.csv"):
        with (run / name).open("a") as file:
            file.write("21,0,conn")
    assert read_weights(run / "connections.csv") == whole
    assert read_curves(run / "metrics.csv").loss["train"].steps[-1] == 20


def test_log_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,split\n1,train\n")
    with pytest.raises(RunError, match="no column loss, accuracy"):
        read_curves(path)
    path.write_bytes(b"")
    with pytest.raises(RunError, match="read: nothing"):
        read_curves(path)


def test_log_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "connections.csv"
    path.write_bytes(b"step,\xff\n")
    with pytest.raises(RunError, match="cannot be read"):
        read_weights(path)
    with pytest.raises(RunError, match="cannot be read"):
        read_weights(tmp_path / "missing.csv")


def test_log_with_words_for_numbers_is_refused(run: Path) -> None:
    path = run / "connections.csv"
    path.write_text(path.read_text() + "30,0,connection,a,b,,0.5,0.0\n")
    with pytest.raises(RunError, match="column source: expected a whole number, read 'a'"):
        read_weights(path)


def test_read_curves(run: Path) -> None:
    curves = read_curves(run / "metrics.csv")
    assert list(curves.loss) == ["train", "val"]
    assert len(curves.loss["train"]) == 20
    val = curves.accuracy["val"]
    assert (val.steps, val.low, val.high) == ([10, 20], [0.2, 0.2], [1.0, 1.0])


def test_read_weights(run: Path) -> None:
    weights = read_weights(run / "connections.csv")
    assert set(weights) == {e for e, w in small().weights().items() if w is not None}
    assert weights[Edge(2, 5)].steps == [0, 5, 10, 15, 20]
    assert weights[Edge(2, 5)].values[-1] == pytest.approx(0.7)


def test_training_figure_survives_numbers_that_are_none() -> None:
    loss = Series([1, 2, 3], [1.0, math.nan, math.inf])
    figure = chart_figure(training_chart(Curves({"train": loss}, {}), title="$x^2$ <b>"))
    figure.canvas.draw()
    assert figure.get_suptitle() == "$x^2$ <b>: training"


def test_training_figure_has_a_panel_of_map_where_there_is_one() -> None:
    loss = {"val": Series([1, 2], [1.0, 0.5])}
    plain = training_chart(Curves(loss, loss), title="plain")
    several = training_chart(Curves(loss, loss, loss), title="several", rates=loss["val"])
    titles = [[panel.title for panel in chart.panels] for chart in (plain, several)]
    rate = "learning rate of the filters"
    named = [f"validation {name}" for name in ("loss", "accuracy", "mAP")]
    assert titles == [named[:2], [*named, rate]]


def test_connections_figure_has_a_panel_a_block() -> None:
    weights = {edge: Series([0, 1], [0.5, 0.6]) for edge in small().edges()}
    panels = chart_figure(connections_chart(weights, small())).axes
    assert [axes.get_title(loc="left") or axes.get_title() for axes in panels] == [
        "into node 2, level 0",
        "into node 3, level 0",
        "into node 4, level 0",
        "into node 5, level 1",
    ]
    colours = [line.get_color() for line in panels[3].lines if len(line.get_xdata()) == 2]
    stream = list(STREAMS.values())
    assert colours.count(MIXED.line) == 2
    assert colours.count(stream[1].line) == 1


def test_connections_figure_of_many_blocks_has_a_panel_a_level() -> None:
    structure = large(60, 200, levels=5)
    weights = {edge: Series([0], [0.5]) for edge in structure.edges()}
    assert len(connections_chart(weights, structure).panels) == 5


def test_weights_figure_writes_the_numbers_when_there_are_few() -> None:
    (axes,) = chart_figure(weights_chart(small())).axes
    said = sorted(text.get_text() for text in axes.texts)
    assert said == ["0.20", "0.60", "0.70", "0.90", "1", "1", "free"]
    assert axes.get_xticklabels()[0].get_color() == colour(next(iter(STREAMS)).value)
    assert chart_figure(weights_chart(large(60, 200))).axes[0].texts[:] == []
    assert chart_figure(weights_chart(load_structure("assemblenet_plus-50"))).axes


@pytest.mark.parametrize("values", [[], [0.3], [0.5] * 5, [0.0, 0.01, 0.02, 0.99, 1.0], [1.0] * 30])
def test_spread_apart_keeps_order_room_and_gap(values: list[float]) -> None:
    moved = spread_apart(values, gap=0.1)
    gap = min(0.1, 1 / max(len(values) - 1, 1))
    assert all(b - a > gap - 1e-9 for a, b in itertools.pairwise(moved))
    assert all(-1e-9 <= value <= 1 + 1e-9 for value in moved)


def test_smooth_of_an_empty_series() -> None:
    assert len(smooth(Series(), 5)) == 0


def test_what_is_no_structure_has_curves_alone(run: Path) -> None:
    model = ModelDocument("resnet3d", "r3d_18", {})
    assert [path.name for path in run_pictures(run, model, formats=["png"])] == ["training.png"]


def test_chance_is_a_line_of_the_accuracy_alone() -> None:
    loss = {"train": Series([1, 2], [1.0, 0.5]), "val": Series([2], [0.5])}
    chance = chance_of(4, {"walk": 3, "run": 1})
    chart = training_chart(Curves(loss, loss), title="run", chance=chance)
    rules = [[m for m in panel.marks if isinstance(m, Rule)] for panel in chart.panels]
    assert [len(found) for found in rules] == [0, 1]
    assert (rules[1][0].at, rules[1][0].dash) == (0.75, "dashed")
    assert rules[1][0].name == "chance: 0.750 (always the most frequent class)"
    assert [panel.title for panel in chart.panels] == [
        "training and validation loss",
        "training and validation accuracy",
    ]
    names = [key.name for key in chart.legend()]
    assert {"training, single batches", "validation", rules[1][0].name} <= set(names)
    several = training_chart(Curves(loss, loss, loss), title="run", chance=chance)
    marks = [mark for panel in several.panels for mark in panel.marks]
    assert not any(isinstance(mark, Rule) for mark in marks), "labels are not guessed so"


@pytest.mark.parametrize(
    ("classes", "support", "share"),
    [(0, {}, None), (4, None, 0.25), (4, {}, 0.25), (2, {"a": 1, "b": 1}, 0.5), (5, {"a": 2}, 1.0)],
)
def test_chance_is_the_better_of_two_guesses(
    classes: int, support: dict[str, int] | None, share: float | None
) -> None:
    found = chance_of(classes, support)
    assert (None if found is None else found.share) == share


def test_terms_of_a_loss_have_a_picture_a_line_each(tmp_path: Path) -> None:
    names = ("glance", "policy", "policy local")
    with (tmp_path / TERMS).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns(TermRow), restval="")
        writer.writeheader()
        for step, name in itertools.product(range(1, 4), names):
            writer.writerow(
                {"step": step, "term": name, "weight": 0.5, "loss": 1 / step, "accuracy": 0.5}
            )
        writer.writerow({"step": 3, "term": "penalty", "weight": 1.0, "loss": 0.1})
    model = ModelDocument("adafocus", "focus", {})
    assert [p.name for p in run_pictures(tmp_path, model, formats=["png"])] == ["terms.png"]
    panels = terms_chart(RunFiles(tmp_path).terms, title="focus").panels
    loss, right = ([m.name for m in p.marks if isinstance(m, Polyline)] for p in panels)
    assert loss == [*(f"{n} (x 0.5)" for n in names), "penalty (x 1)"]
    assert right == [f"{n} (x 0.5)" for n in names]
    assert {panel.x.style for panel in panels} == {"whole"}
    (tmp_path / TERMS).write_text("step,term\n1,a\n")
    with pytest.raises(RunError, match="no column weight"):
        run_pictures(tmp_path, model)


def test_a_term_has_the_same_colour_in_every_picture() -> None:
    def inks(*names: str) -> dict[str, str]:
        rows = [TermRow(step=1, term=name, weight=1.0, loss=1.0) for name in names]
        panel = terms_chart(rows, title="").panels[0]
        return {m.name.split(" (")[0]: m.ink for m in panel.marks if isinstance(m, Polyline)}

    first, second = inks("glance", "policy", "random", "own"), inks("glance", "random", "policy")
    assert {name: first[name] for name in second} == second
    assert len(set(first.values())) == 4
    alone = inks("policy local", "policy")
    assert set(alone.values()) == {second["policy"]}
    exits = inks("exit 1", "exit 2")
    assert len(set(exits.values())) == 1


def test_a_loss_that_is_a_sum_of_terms_says_so_beside_that_of_an_evaluation() -> None:
    one = Series([1, 2], [3.0, 2.0])
    curves = Curves({"train": one, "val": one}, {})
    plain = training_chart(curves, title="run")
    summed = training_chart(curves, title="run", terms=5)
    assert (plain.panels[0].title, plain.note) == ("training and validation loss", "")
    assert summed.panels[0].title == "loss: training (sum of 5 terms), validation"
    assert "their heights cannot be compared" in summed.note
    assert training_chart(Curves({"train": one}, {}), title="run", terms=5).note == ""
