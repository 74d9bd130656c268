"""The terms of the loss of a network that learns by several."""

from __future__ import annotations

from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.runs.terms import terms_chart

_TEMPLATE = """{% from "parts.html" import chart %}
<p>The network learns by several answers at once: the loss of a step is the sum of these terms, each
times its weight. The accuracy is that of all answers of a term in training, whatever frame or step
they are of.</p>
{{ chart(values.chart) }}"""


@section("terms", 132)
def terms(material: Material, findings: Findings) -> Section | None:
    """Returns the terms over steps; None: the loss has none."""
    if not material.terms:
        return None
    name = "" if material.model is None else material.model.name
    values = {"chart": terms_chart(material.terms, title=name)}
    return Section("terms", "Terms of the loss", values, template=_TEMPLATE)
