"""How often temporal gates are open: over the steps of a training, and on each split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from connsearch.runs.formats.gates import GateCounts, GateRow, words
from connsearch.runs.formats.metrics import Metrics
from connsearch.view.charts.chart import Axis, Chart, LegendKey, Panel
from connsearch.view.charts.inks import InkName
from connsearch.view.charts.marks import Dash, Mark, Points, Polyline, Rule
from connsearch.view.runs.gate_groups import MOST_LINES, GateGroup, gate_groups

_INKS: Sequence[InkName] = ("rgb", "flow", "object", "peer", "mixed")
_DASHES: Sequence[Dash] = ("solid", "dashed", "dotted")
_LISTED = 8
"""So many lines of a panel are listed by the name of their block."""


def gates_chart(rows: Sequence[GateRow], *, title: str) -> Chart:
    """Returns the open rate of every gate over steps: lines in training, rings on other splits.

    A panel holds the gates of a stage, or of some blocks of a structure; an upright line is the
    step from which gates decide. What they would have done before it counts as open, too.

    Args:
        rows: of ``gates.csv``.
        title: whose they are.
    """
    start = decide_from(rows)
    groups = gate_groups([row.gate for row in rows])
    named = {gate.name for group in groups for gate in group.gates}
    others = [row for row in rows if row.gate not in named]
    panels = [_group_panel(group, rows, start) for group in groups]
    panels += [
        _panel(stage, [row for row in others if row.gate in gates], gates, start)
        for stage, gates in stages(others).items()
    ]
    columns = min(len(panels), 4)
    lines = _lines_by_place(others)[:_LISTED]
    keys = [LegendKey(name, _ink(i), _kind(_dash(i))) for i, name in enumerate(lines)]
    keys += [LegendKey("training", "text", "line")] if groups and not lines else []
    keys.append(LegendKey("validation", "text", "ring"))
    if start is not None:
        keys.append(LegendKey(f"gates decide after step {start}", "faint", "dashed"))
    size = (3.4 * columns + 0.4, 3.0 * -(-len(panels) // columns) + 0.9)
    note = "" if start is not None or any(row.deciding for row in rows) else _NEVER
    note = "; ".join(filter(None, (note, _ends(groups))))
    return Chart(
        f"{title}: share of clips for which temporal gates are open",
        panels,
        size,
        columns=columns,
        share_y=True,
        keys=keys,
        note=note,
        page="small",
    )


_NEVER = "the gates of this training never decide; shown is for how many clips they would be open"


def decide_from(rows: Sequence[GateRow]) -> int | None:
    """Returns the step after which gates decide; None: they never do, or always did."""
    before = [row.step for row in rows if row.split == "train" and not row.deciding]
    return max(before) if before and any(row.deciding for row in rows) else None


def stages(rows: Sequence[GateRow]) -> dict[str, list[str]]:
    """Returns the names of the gates by their stage, in order.

    A stage is what a name has before its last dot; names without one are all in one.
    """
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(row.gate for row in rows):
        found.setdefault(name.rpartition(".")[0], []).append(name)
    return found


def gates_title(found: GateCounts) -> str:
    """Returns the title of a table of open rates."""
    return f"temporal {words(deciding=found.deciding)}"


def gates_rows(
    rows: Sequence[GateRow], metrics: Mapping[str, Metrics] | None = None
) -> list[dict[str, object]]:
    """Returns one row a gate for a table: its frames, and how often it is open, by split.

    ``training`` is what it was since gates decide, otherwise what it would have been.

    Args:
        rows: of ``gates.csv``; empty: unknown.
        metrics: by split; those without gates say nothing.
    """
    judged = {split: m.gates for split, m in (metrics or {}).items() if m.gates is not None}
    frames = {name: c.frames for found in judged.values() for name, c in found.gates.items()}
    frames |= {row.gate: row.frames for row in rows}
    deciding = any(row.deciding for row in rows)
    found: list[dict[str, object]] = []
    for name in frames:
        own = [r for r in rows if r.gate == name and r.split == "train" and r.deciding == deciding]
        line: dict[str, object] = {"gate": name, "frames": frames.get(name)}
        if rows:
            clips = sum(row.clips for row in own)
            line["training"] = sum(row.opened for row in own) / clips if clips else None
        for split, counts in judged.items():
            line[split] = counts.gates[name].rate if name in counts.gates else None
        found.append(line)
    known = {key for line in found for key, value in line.items() if value is not None}
    return [{key: value for key, value in line.items() if key in known} for line in found]


def _lines_by_place(rows: Sequence[GateRow]) -> list[str]:
    """What the first, the second ... gate of every stage is called: alike in all, or a number."""
    ends = [[name.rpartition(".")[2] for name in gates] for gates in stages(rows).values()]
    found: list[str] = []
    for place in range(max(map(len, ends), default=0)):
        names = {names[place] for names in ends if place < len(names)}
        alike = names.pop() if len(names) == 1 else ""
        found.append(f"block {alike}" if alike.isdigit() else alike or f"gate {place + 1}")
    return found


def _panel(stage: str, rows: Sequence[GateRow], gates: Sequence[str], start: int | None) -> Panel:
    marks: list[Mark] = [] if start is None else [Rule("", "faint", start, upright=True)]
    for place, gate in enumerate(gates):
        width = 1.2 + 1.6 * (len(gates) - 1 - place) / max(len(gates) - 1, 1)
        marks += _marks(place, [row for row in rows if row.gate == gate], width)
    frames = {row.frames for row in rows}
    seen = "" if len(frames) != 1 or None in frames else f", {frames.pop()} frames"
    told = seen.replace(" 1 frames", " 1 frame: always open")
    title = (stage.removesuffix(".gate") or "gates") + told
    return Panel(title, marks, Axis("step"), Axis(low=-0.03, high=1.03))


def _group_panel(group: GateGroup, rows: Sequence[GateRow], start: int | None) -> Panel:
    """Gates of a structure, each with its number at the end of its line where there is room."""
    names = {gate.name for gate in group.gates}
    own = [row for row in rows if row.gate in names]
    panel = _panel(group.title, own, [gate.name for gate in group.gates], start)
    one = len({gate.node for gate in group.gates}) == 1
    few = len(group.gates) <= MOST_LINES
    ends = (
        {
            gate.name: str(gate.part) if one and gate.place != "post" else gate.end
            for gate in group.gates
        }
        if few
        else {}
    )
    marks = [
        replace(mark, end=ends.get(mark.name, ""), width=1.4 if few else 0.8)
        if isinstance(mark, Polyline)
        else mark
        for mark in panel.marks
    ]
    return replace(panel, marks=marks)


def _ends(groups: Sequence[GateGroup]) -> str:
    """What the numbers at the ends of lines are; empty where there are no such gates."""
    places = {gate.place for group in groups for gate in group.gates}
    words = {
        "post": "the block",
        "inside": "block·module (from 0)",
        "connection": "block←source",
    }
    told = [word for place, word in words.items() if place in places]
    return f"at the ends of lines: {', '.join(told)}" if told else ""


def _marks(place: int, rows: Sequence[GateRow], width: float) -> Iterator[Mark]:
    """The line of a gate; earlier ones are wider, so that one over another hides none."""
    name, ink, dash = rows[0].gate, _ink(place), _dash(place)
    trained = [row for row in rows if row.split == "train" and row.rate is not None]
    yield Polyline(
        name,
        ink,
        [row.step for row in trained],
        [row.rate or 0.0 for row in trained],
        width,
        dash=dash,
        listed=False,
    )
    judged = [row for row in rows if row.split != "train" and row.rate is not None]
    yield Points(
        "",
        ink,
        [row.step for row in judged],
        [row.rate or 0.0 for row in judged],
        [_tip(row) for row in judged],
        shape="ring",
    )


def _tip(row: GateRow) -> str:
    open_, word = f"{row.opened} of {row.clips} clips", words(deciding=bool(row.deciding))
    return f"{row.gate}, {row.split}, step {row.step}: {word.replace('gates ', '')} for {open_}"


def _ink(place: int) -> InkName:
    return _INKS[place % len(_INKS)]


def _dash(place: int) -> Dash:
    return _DASHES[place // len(_INKS) % len(_DASHES)]


def _kind(dash: Dash) -> str:
    return "line" if dash == "solid" else dash
