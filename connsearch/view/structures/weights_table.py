"""What a network took of weights, as a table for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from rich.table import Table

from connsearch.runs.formats.conversion import TakenRecord
from connsearch.view.structures.tables import metrics_table, short

if TYPE_CHECKING:
    from connsearch.models.count import Counted
    from connsearch.models.document import ModelDocument

MOST = 3
"""So many names of each kind are shown."""


def taken_table(found: TakenRecord, *, title: str) -> Table:
    """Returns one row for what was loaded, skipped by name or shape, missing, or left out."""
    shapes = [f"{one.name} {one.read}, here {one.here}" for one in found.skipped_by_shape]
    parts: list[tuple[str, int, list[str]]] = [
        ("loaded", found.loaded, [f"{found.elements:,} of {found.of:,} numbers"]),
        ("skipped by name", len(found.skipped_by_name), found.skipped_by_name),
        ("skipped by shape", len(shapes), shapes),
        ("missing", len(found.missing), found.missing),
        ("left out", len(found.left_out), found.left_out),
        *([("unused there", len(found.unused), found.unused)] if found.unused else []),
    ]
    rows = [
        {"weights": what, "entries": count, "which": _few(names)} for what, count, names in parts
    ]
    return metrics_table(rows, title=title)


def network_table(
    document: ModelDocument, cost: Counted, clip: tuple[int, int, int], classes: Sequence[str]
) -> Table:
    """Returns two columns, name and value: what a network is built from, and what it costs.

    Args:
        document: of the network.
        cost: of a clip.
        clip: (T, H, W) it is counted for.
        classes: their names; none: they are not known.
    """
    left_out = {"provenance", "classes"}
    settings = {k: v for k, v in document.settings.items() if k not in left_out}
    named = f": {_few(list(classes))}" if classes else ", without names"
    values = {
        "kind": document.kind,
        "classes": f"{document.settings.get('classes', '?')}{named}",
        "parameters": short(cost.parameters),
        "MACs": f"{short(cost.macs)} for one clip of {' x '.join(map(str, clip))}",
        **{name: _short(value) for name, value in settings.items()},
    }
    rows = [{"network": name, "value": value} for name, value in values.items()]
    return metrics_table(rows, title=document.name)


def parts_table(parts: Mapping[str, Counted], whole: Counted, training: int | None) -> Table:
    """Returns one row a part of a focus model, and their sum: parameters and cost of a clip.

    Args:
        parts: by name.
        whole: of the network.
        training: multiply-accumulates with the heads that only a training needs; None: no others.
    """
    rows: list[dict[str, object]] = [
        {
            "part": name,
            "parameters": short(cost.parameters),
            "MACs": short(cost.macs),
            "share": f"{cost.macs / max(whole.macs, 1):.1%}" if cost.macs else "",
        }
        for name, cost in parts.items()
    ]
    rows.append({"part": "all", "parameters": short(whole.parameters), "MACs": short(whole.macs)})
    if training is not None:
        rows.append({"part": "and heads of the training", "MACs": short(training)})
    return metrics_table(rows, title="parts")


def _short(value: Any) -> str:
    """A setting as people read it: four digits of a fraction are enough, of a network its name."""
    if isinstance(value, dict) and "kind" in value and "name" in value:
        named = cast("dict[str, Any]", value)
        kind = "" if named["kind"] == named["name"] else f" ({named['kind']})"
        return f"{named['name']}{kind}"
    if isinstance(value, list):
        return ", ".join(map(_short, cast("list[Any]", value)))
    if value is None:
        return "by default"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)


def _few(names: list[str]) -> str:
    more = len(names) - MOST
    return "; ".join(names[:MOST]) + (f"; and {more:,} more" if more > 0 else "")
