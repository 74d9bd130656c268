"""Which posts and kinds of blocks survived in an evolution."""

from __future__ import annotations

from typing import Any

from connsearch.view.evolution.story import Story
from connsearch.view.evolution.survival import survival_chart
from connsearch.view.evolution.survival_tables import survival_columns
from connsearch.view.evolution.yields import yield_row
from connsearch.view.report.evolution_sections import section
from connsearch.view.report.section import Section


@section("survival", 65)
def survival(story: Story) -> Section | None:
    """Returns shares of posts and kinds by generation; nothing where neither may change."""
    if not story.mixes:
        return None
    columns = survival_columns(story)
    rows: list[dict[str, Any]] = [
        {
            "who": found.who,
            "children": found.children,
            "blocks": found.blocks,
            "shares": [f"{found.share(name):.0%}" for name in columns],
        }
        for found in story.mixes
    ]
    values = {
        "columns": list(columns.values()),
        "rows": rows,
        "switches": [yield_row(row, "change") for row in story.switches],
        "chart": survival_chart(story),
    }
    return Section("survival", "Posts and kinds that survive", values)
