"""What it saves to stop early: thresholds by budget, planned and realised, and the whole curve."""

from __future__ import annotations

from collections.abc import Mapping

from connsearch.runs.formats.early_exit import EarlyExitRow, EarlyExitSummary
from connsearch.runs.names import EARLY_EXIT
from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import interval, large, plural, share
from connsearch.view.runs.early_exit import WORDS, early_exit_chart, faster

_TEMPLATE = """{% from "parts.html" import chart %}
<p>A clip stops at the first answer that is sure enough. Thresholds of {{ values.confidence }} were solved on {{ values.calibrated }}; what came of them on {{ values.judged }}.{% if values.split == "val" %} These are the same clips, so the numbers are better than they would be on others.{% endif %}</p>
{{ chart(values.chart) }}
<div class="scroll" tabindex="0" role="group" aria-label="Table, it scrolls"><table><thead><tr><th>budget</th><th class="num">planned MACs</th><th class="num">realised MACs</th><th class="num">of all steps</th><th class="num">mean exit</th><th class="num">{{ values.measure }}</th>{% if values.timed %}<th class="num">faster</th><th class="num">of fewer MACs</th>{% endif %}</tr></thead><tbody>
{% for row in values.rows %}<tr><td>{{ row.budget }}{% if row.chosen %} <small>that predict takes</small>{% endif %}</td><td class="num">{{ row.planned }}</td><td class="num">{{ row.realised }}</td><td class="num">{{ row.share }}</td><td class="num">{{ row.exit }}</td><td class="num">{{ row.score }}{% if row.interval %} <small>{{ row.interval }}</small>{% endif %}</td>{% if values.timed %}<td class="num">{{ row.faster }}</td><td class="num">{{ row.fewer }}</td>{% endif %}</tr>{% endfor %}
</tbody></table></div>
{% if values.stops %}<details><summary>where clips stop</summary>
<div class="scroll" tabindex="0" role="group" aria-label="Table, it scrolls"><table><thead><tr><th class="num">exit</th><th class="num">MACs until there</th>{% for name in values.budgets %}<th class="num">{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for row in values.stops %}<tr>{% for cell in row %}<td class="num">{{ cell }}</td>{% endfor %}</tr>{% endfor %}
</tbody></table></div></details>{% endif %}"""  # noqa: E501 - a template


@section(EARLY_EXIT, 67, summary=EarlyExitSummary)
def early_exit(material: Material, findings: Findings) -> Section | None:
    """Returns what stopping early costs and saves; nothing where no thresholds were solved."""
    found = material.summary(EARLY_EXIT, EarlyExitSummary)
    if found is None:
        return Section(EARLY_EXIT, _TITLE) if material.notes.get(EARLY_EXIT) else None
    rows = [
        {"budget": one.budget, "chosen": one.budget == found.chosen, **_row(one.point)}
        | {"planned": large(one.point.planned)}
        | (
            {"faster": "–", "fewer": "–"}
            if one.measured is None
            else {
                "faster": faster(one.measured),
                "fewer": f"{one.measured.cost_ratio:.2f}x",
            }
        )
        for one in found.budgets
    ]
    ends = (("first exit only", found.curve[0]), ("all steps", found.curve[-1]))
    rows += [{"budget": name, "chosen": False, **_row(point)} for name, point in ends]
    values = {
        "confidence": found.confidence,
        "calibrated": f"{plural(found.calibration_clips, 'clip')} of {found.calibration}",
        "judged": f"{plural(found.clips, 'clip')} of {found.split}",
        "split": found.split,
        "measure": WORDS.get(found.measure, found.measure),
        "chart": early_exit_chart(found, title=""),
        "timed": any(one.measured is not None for one in found.budgets),
        "rows": rows,
        "budgets": [one.budget for one in found.budgets],
        "stops": [
            (number + 1, large(cost), *(f"{one.stopping[number]:.1%}" for one in found.budgets))
            for number, cost in enumerate(found.costs)
            if found.budgets
        ],
    }
    return Section(EARLY_EXIT, _TITLE, values, template=_TEMPLATE)


_TITLE = "When it stops"


def _row(point: EarlyExitRow) -> Mapping[str, str]:
    return {
        "planned": "–",
        "realised": large(point.realised),
        "share": f"{point.share:.0%}",
        "exit": f"{point.mean_exit:.2f}",
        "score": share(point.score),
        "interval": interval(point.low, point.high),
        "faster": "–",
        "fewer": "–",
    }
