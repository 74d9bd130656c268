"""Where a focus model looks, and when it stops."""

from __future__ import annotations

from connsearch.files.disk import is_there
from connsearch.runs.formats.focus import FocusSummary, LookShown
from connsearch.runs.names import FOCUS, LOOKS
from connsearch.view.clips.embedded import embedded
from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Fact, Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import plural, share
from connsearch.view.runs.focus import focus_chart, places_facts

_TEMPLATE = """{% from "parts.html" import chart, facts %}
{% for remark in values.remarks %}<p class="note warn">{{ remark.said[:1]|upper }}{{ remark.said[1:] }}.
Usual cure: {{ remark.cure }}</p>
{% endfor %}
<p>{{ values.words }}</p>
{{ facts(values.facts) }}
{{ chart(values.chart) }}
{% if values.sheet %}<h3>Some of the clips</h3>
<p>In each frame its window{% if values.one_by_one %} and the order in which it is looked at; below it the answer so far{% endif %}.</p>
<div class="scroll" tabindex="0" role="group" aria-label="Picture, it scrolls"><img src="{{ values.sheet.source }}" width="{{ values.sheet.width }}" height="{{ values.sheet.height }}" alt="{{ values.alt }}"></div>
{% endif %}
<details><summary>these clips as a table</summary>
<div class="scroll" tabindex="0" role="group" aria-label="Table, it scrolls"><table><thead><tr><th>clip</th><th>class</th><th>answer</th><th class="num">probability</th><th{% if values.one_by_one %} class="num">windows{% else %}>ends after{% endif %}</th></tr></thead><tbody>
{% for row in values.rows %}<tr><td>{{ row.name }}</td><td>{{ row.classes }}</td><td>{{ row.answer }}</td><td class="num">{{ row.probability }}</td><td{% if values.one_by_one %} class="num"{% endif %}>{{ row.steps }}</td></tr>{% endfor %}
</tbody></table></div></details>"""  # noqa: E501 - a template

_CHOSEN = {
    "policy": "The policy chooses a window from what the glance network has seen.",
    "centre": "This is a baseline: all windows are in the centre of their frames.",
    "random": "This is a baseline: all windows are at random places, always the same in a clip.",
}


@section(FOCUS, 65, summary=FocusSummary)
def focus(material: Material, findings: Findings) -> Section | None:
    """Returns where the model looks; of a run of which nobody has looked, nothing."""
    found = material.summary(FOCUS, FocusSummary)
    if found is None:
        return Section(FOCUS, _TITLE) if material.notes.get(FOCUS) else None
    picture = material.directory / FOCUS / f"{LOOKS}.png"
    values = {
        "remarks": found.remarks,
        "words": _CHOSEN.get(found.chosen_by, ""),
        "facts": [Fact(name, value) for name, value in places_facts(found)],
        "chart": focus_chart(found, title=""),
        "sheet": embedded(picture) if is_there(picture) else None,
        "alt": f"Contact sheet of {plural(len(found.shown), 'clip')}: the frames of each in the "
        "order of time with its windows; the table below says how each was answered.",
        "one_by_one": found.one_by_one,
        "rows": [
            {
                "name": clip.name,
                "classes": ", ".join(clip.classes) or "–",
                "answer": clip.answer or clip.fault or "–",
                "probability": share(clip.probability),
                "steps": _ending(found, clip),
            }
            for clip in found.shown
        ],
    }
    return Section(FOCUS, _TITLE, values, template=_TEMPLATE)


_TITLE = "Where it looks"


def _ending(found: FocusSummary, clip: LookShown) -> str:
    """After what a clip ends: a number of windows, or glance or look."""
    if clip.steps is None:
        return "–"
    return str(clip.steps) if found.one_by_one else found.ending(clip.steps)
