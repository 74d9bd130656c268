"""Which posts and kinds of blocks survive, as tables and rows of CSV files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.table import Table

from connsearch.evolution.review.survival import BEST, FOUNDERS, LATER, NOW
from connsearch.graph.spec import Post
from connsearch.view.evolution.story import Story
from connsearch.view.evolution.yields import yield_row
from connsearch.view.structures.tables import metrics_table


def survival_table(story: Story) -> Table:
    """Returns one row a post or kind: its share of blocks of founders, later children, now, best.

    The first row says how many blocks those are.
    """
    shown = [found for found in story.mixes if found.who in (FOUNDERS, LATER, NOW, BEST)]
    rows = [{"share of": "blocks", **{found.who: str(found.blocks) for found in shown}}]
    for name, label in survival_columns(story).items():
        shares = {found.who: f"{found.share(name):.0%}" for found in shown}
        rows.append({"share of": label, **shares})
    return metrics_table(rows, title="which posts and kinds of blocks survive")


def survival_columns(story: Story) -> dict[str, str]:
    """Returns the posts and kinds whose shares are told, and what stands above each."""
    return post_columns(story) | kind_columns(story)


def post_columns(story: Story) -> dict[str, str]:
    """Returns the posts whose shares are told, and what stands above each; none: they stay."""
    return {p.value: f"post {p.value}" for p in Post} if story.options.mutates("post") else {}


def kind_columns(story: Story) -> dict[str, str]:
    """Returns the kinds whose shares are told, and what stands above each; none: they stay."""
    if not story.options.mutates("kind"):
        return {}
    return {name: name for name in sorted({name for one in story.mixes for name in one.kinds})}


def switches_table(story: Story) -> Table:
    """Returns one row a change of a post or kind: how often, better, entered, best, mean change."""
    rows = [yield_row(row, "change") for row in story.switches]
    return metrics_table(rows, title="changes of posts and kinds (with what else changed)")


def survival_rows(
    story: Story,
) -> dict[str, tuple[Sequence[str], Sequence[Mapping[str, object]]]]:
    """Returns columns and rows of ``survival`` and ``switches``; nothing where neither may change.

    ``survival``: shares of posts and kinds among blocks; ``switches``: what each change brought.
    """
    if not story.mixes:
        return {}
    columns = survival_columns(story)
    shares = [
        {"blocks_of": found.who, "children": found.children, "blocks": found.blocks}
        | {label: found.share(name) for name, label in columns.items()}
        for found in story.mixes
    ]
    switches = [
        {**asdict(row), "mean_change": row.change, "change": row.operator} for row in story.switches
    ]
    return {
        "survival": (["blocks_of", "children", "blocks", *columns.values()], shares),
        "switches": (
            "change used judged better entered best mean_change error".split(),
            switches,
        ),
    }
