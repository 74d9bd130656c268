"""How often temporal gates are open, and since when they decide."""

from __future__ import annotations

from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import number
from connsearch.view.runs.gates import decide_from, gates_chart, gates_rows

_TEMPLATE = """{% from "parts.html" import chart %}
<p>A gate is open for a clip where the features over time and what its recurrent cell makes of them
agree; only there it changes the features. {% if values.start is not none %}In the first
{{ values.start }} steps all of them always fuse; there the lines show for how many clips they would
be open. {% elif values.deciding %}They decide from the first step on. {% else %}In this training
they never decide: all of them always fuse, and the lines show for how many clips they would be open.
{% endif %}In the table, <i>training</i> is all of it{% if values.start is not none %} since they
decide{% endif %}.</p>
{{ chart(values.chart) }}
<div class="scroll" tabindex="0" role="group" aria-label="Table, it scrolls"><table>
<thead><tr>{% for name in values.columns %}<th{% if not loop.first %} class="num"{% endif %}>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in values.rows %}<tr>{% for name in values.columns %}<td{% if not loop.first %} class="num"{% endif %}>{{ row[name] }}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div>
"""  # noqa: E501 - a template


@section("gates", 135)
def gates(material: Material, findings: Findings) -> Section | None:
    """Returns the open rates of a network with temporal gates."""
    rows = material.gates
    if not rows:
        return None
    metrics = {} if material.result is None else dict(material.result.metrics)
    metrics |= {split: entry.metrics for split, entry in material.evaluations.items()}
    found = gates_rows(rows, metrics)
    values = {
        "chart": gates_chart(rows, title="" if material.model is None else material.model.name),
        "rows": [{name: _text(value) for name, value in row.items()} for row in found],
        "columns": list(found[0]),
        "start": decide_from(rows),
        "deciding": any(row.deciding for row in rows),
    }
    return Section("gates", "Temporal gates", values, template=_TEMPLATE)


def _text(value: object) -> str:
    return number(value) if isinstance(value, float) else "–" if value is None else str(value)
