"""How often temporal gates are open, and since when they decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import number, plural
from connsearch.view.runs.gate_groups import GateGroup, Place, gate_groups
from connsearch.view.runs.gates import decide_from, gates_chart, gates_rows
from connsearch.view.structures.gate_marks import rate_text

_TEMPLATE = """{% from "parts.html" import chart %}
<p>A gate is open for a clip where the features over time and what its recurrent cell makes of them
agree; only there it changes the features. {% if values.start is not none %}In the first
{{ values.start }} steps all of them always fuse; there the lines show for how many clips they would
be open. {% elif values.deciding %}They decide from the first step on. {% else %}In this training
they never decide: all of them always fuse, and the lines show for how many clips they would be open.
{% endif %}In the table, <i>training</i> is all of it{% if values.start is not none %} since they
decide{% endif %}.</p>
{% macro rates(rows) %}<div class="scroll" tabindex="0" role="group" aria-label="Table, it scrolls"><table>
<thead><tr>{% for name in values.columns %}<th{% if not loop.first %} class="num"{% endif %}>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}<tr>{% for name in values.columns %}<td{% if not loop.first %} class="num"{% endif %}>{{ row[name] }}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div>
{% endmacro -%}
{% if values.groups %}<p>{{ values.words }}</p>{% endif %}
{{- chart(values.chart) }}
{% for title, rows in values.groups %}<details{% if values.few %} open{% endif %}><summary>{{ title }}</summary>{{ rates(rows) }}</details>
{% endfor %}
{%- if values.rows %}{{ rates(values.rows) }}{% endif %}"""  # noqa: E501 - a template

_FEW = 24
"""Up to so many gates the tables of a structure are unfolded."""


@section("gates", 135)
def gates(material: Material, findings: Findings) -> Section | None:
    """Returns the open rates of a network with temporal gates."""
    rows = material.gates
    if not rows:
        return None
    metrics = {} if material.result is None else dict(material.result.metrics)
    metrics |= {split: entry.metrics for split, entry in material.evaluations.items()}
    found = gates_rows(rows, metrics)
    groups = gate_groups([str(row["gate"]) for row in found])
    named = {gate.name for group in groups for gate in group.gates}
    told = {str(row["gate"]): {k: _text(v) for k, v in row.items()} for row in found}
    places = {gate.place for group in groups for gate in group.gates}
    values = {
        "chart": gates_chart(rows, title="" if material.model is None else material.model.name),
        "rows": [row for name, row in told.items() if name not in named],
        "groups": [(_heading(g, found), [told[gate.name] for gate in g.gates]) for g in groups],
        "few": len(named) <= _FEW,
        "words": " ".join(text for place, text in _WORDS.items() if place in places),
        "columns": list(found[0]),
        "start": decide_from(rows),
        "deciding": any(row.deciding for row in rows),
    }
    return Section("gates", "Temporal gates", values, template=_TEMPLATE)


_WORDS: Mapping[Place, str] = {
    "post": "“node 8” is the gate that follows the block of that number.",
    "inside": "“node 8, module 0” is the gate in the first of its modules.",
    "connection": "“node 8 <- 3” is the gate of the connection from 3 to 8: where it is shut, its "
    "features are not added.",
}


def _heading(group: GateGroup, found: Sequence[Mapping[str, object]]) -> str:
    """What a group is, how many gates, and between which rates they are open on val."""
    names = {gate.name for gate in group.gates}
    rates = [row.get("val", row.get("training")) for row in found if row["gate"] in names]
    known = sorted(rate for rate in rates if isinstance(rate, float))
    split = "val" if any("val" in row for row in found) else "training"
    ends = dict.fromkeys(map(rate_text, known[:1] + known[-1:]))
    told = f", open {' to '.join(ends)} on {split}" if known else ""
    return f"{group.title[:1].upper()}{group.title[1:]}: {plural(len(names), 'gate')}{told}"


def _text(value: object) -> str:
    return number(value) if isinstance(value, float) else "–" if value is None else str(value)
