"""Structures and runs without gates, posts and strides in time look as they did before these came.

The digests in ``tests/golden/pictures.json`` were made by the version before, of what is handed to
Graphviz and matplotlib, of tables and of pages. Whoever changes how all pictures look writes them
anew: ``python -m tests.view.test_pictures_of_before``.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from rich.console import Console

from connsearch.graph.compare import compare
from connsearch.graph.cost import cost
from connsearch.graph.files import load_structure
from connsearch.graph.spec import Attention, Structure
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune_by
from connsearch.view.charts import inline
from connsearch.view.notebook.structures import structure_facts
from connsearch.view.report import build
from connsearch.view.report.sections import wiring
from connsearch.view.runs.connections import connections_chart, weights_chart
from connsearch.view.runs.gates import gates_chart, gates_rows
from connsearch.view.runs.series import read_weights
from connsearch.view.structures import diff_draw
from connsearch.view.structures.before_after import before_and_after
from connsearch.view.structures.diff_tables import (
    connections_diff_table,
    nodes_diff_table,
    settings_diff_table,
)
from connsearch.view.structures.draw import sheet_dot, to_dot
from connsearch.view.structures.sheet import scene_sheet
from connsearch.view.structures.tables import (
    connections_frame,
    prune_table,
    structure_table,
    totals_table,
)
from connsearch.view.structures.union import unite
from tests.view.report_files import make_run, searched, undrawn
from tests.view.structures import PUBLISHED, gated, large, small
from tests.view.test_gates_view import ROWS

GOLDEN = Path(__file__).parents[1] / "golden" / "pictures.json"


def printed(*tables: object) -> str:
    """What a terminal and a pipe show."""
    found = io.StringIO()
    for width in (80, 130):
        Console(file=found, width=width).print(*tables)
    return found.getvalue()


def pictures() -> str:
    """The sources of pictures of structures."""
    found = [to_dot(load_structure(name)) for name in (*PUBLISHED, "starter", "starter_rgb_flow")]
    found += [to_dot(s) for s in (small(), gated({3: 1.0}), searched(), large(200, 2000))]
    found.append(to_dot(gated({0: 0.1, 1: 0.7, 2: 0.2}, attention=Attention.PEER), threshold=0.7))
    return "\n".join(dot.source for dot in found)


def pairs() -> str:
    """The sources of pictures of two structures."""
    pruned = prune_by(searched(), PruneOptions(criterion="threshold:0.6"))
    union = unite(compare(searched(), pruned.structure))
    sheets = [diff_draw._sheet(union, "pruned", ["facts"])]  # pyright: ignore[reportPrivateUsage]
    sheets += [scene_sheet(scene, "one") for scene in before_and_after(searched(), pruned)]
    return "\n".join(sheet_dot(sheet).source for sheet in sheets)


def tables() -> str:
    """Tables of structures, of a pruning and of a comparison."""
    told: list[object] = []
    found: list[Structure] = [load_structure(name) for name in (*PUBLISHED, "starter")]
    for structure in found:
        costs = cost(structure, num_classes=7)
        told += [structure_table(structure, costs), structure_table(structure)]
        told += [
            totals_table(structure, costs),
            connections_frame(structure).drop(columns="gated").to_csv(),
        ]
        told += list(structure_facts(structure))
    pruned = prune_by(searched(), PruneOptions(criterion="threshold:0.6"))
    differing = compare(searched(), pruned.structure)
    told += [settings_diff_table(differing), nodes_diff_table(differing)]
    told += [connections_diff_table(differing), prune_table(pruned, logit_difference=0.0)]
    return printed(*told)


def charts() -> str:
    """Charts of runs, as values."""
    with TemporaryDirectory() as place:
        weights = read_weights(make_run(Path(place) / "run") / "connections.csv")
    found = [connections_chart(weights, searched()), weights_chart(searched())]
    rows = gates_rows(ROWS)
    return repr([*found, weights_chart(large(30, 90)), gates_chart(ROWS, title="net"), rows])


def page() -> str:
    """The report of a search, without what Graphviz and matplotlib draw, and the settings."""
    with (
        TemporaryDirectory() as place,
        patch.object(inline, "drawing", undrawn),
        patch.object(wiring, "svg", lambda *_, **__: "<svg></svg>"),
    ):
        made = build.write_report(make_run(Path(place) / "run")).path
        text = made.read_text(encoding="utf-8").replace(place, "PLACE")
    passing = r'<style>.*?</style>|Made on [\d :UTC-]+|<section id="settings".*?</section>'
    return re.sub(passing, "", text, flags=re.DOTALL)


PARTS: Mapping[str, Callable[[], str]] = {
    part.__name__: part for part in (pictures, pairs, tables, charts, page)
}


def digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


@pytest.mark.parametrize("part", PARTS)
def test_without_gates_all_is_as_before(part: str) -> None:
    assert digest(PARTS[part]()) == json.loads(GOLDEN.read_text())[part]


if __name__ == "__main__":
    made = {name: digest(part()) for name, part in PARTS.items()}
    GOLDEN.write_text(json.dumps(made, indent=1) + "\n")
