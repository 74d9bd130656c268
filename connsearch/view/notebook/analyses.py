"""A comparison and an evolution in a notebook: the verdict first, then what it stands on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connsearch.evolution.objectives import OBJECTIVES
from connsearch.runs.formats.analyses import CompareRow, CompareSummary
from connsearch.runs.formats.studies import EvolutionSummary
from connsearch.view.evolution.story import worth
from connsearch.view.notebook.card import Html, card, escaped, facts, folded, link, table, warning
from connsearch.view.structures.tables import short


def compare_html(found: CompareSummary) -> Html:
    """Returns the card of the found wiring beside random ones."""
    groups = {
        "found": [row for row in found.rows if row.wiring == "found"],
        f"random ({found.draws()})": [row for row in found.rows if row.wiring == "random"],
    }
    trained = [
        {"wiring": f"random {row.draw}" if row.draw else "found", "seed": row.seed}
        | {found.measure: row.accuracy, "MACs": short(row.macs)}
        for row in found.rows
    ]
    return card(
        found.run or "comparison",
        "found wiring and random ones",
        Html(f"<div>{escaped(found.verdict or 'no verdict')}</div>"),
        table([_group(name, rows) for name, rows in groups.items() if rows]),
        facts(_difference(found)),
        folded(f"all {len(trained)} trainings", table(trained)),
    )


def evolution_html(found: EvolutionSummary) -> Html:
    """Returns the card of an evolution: how many children, and the best of them."""
    best = [
        {"child": child.child}
        | {
            name: worth(name, value) if name in OBJECTIVES else value
            for name, value in zip(found.objectives, child.values, strict=False)
        }
        | {"judged": f"{child.evaluations}x", "hash": child.hash[:12]}
        for child in found.best
    ]
    counts = (
        f"{found.judged} judged, {found.ended_early} ended early, {found.failed} failed"
        f" ({found.attempts_failed} attempts failed)"
    )
    return card(
        found.run or "evolution",
        "evolution",
        facts(
            [
                ("directory", link(found.run) if found.run else None),
                ("children", f"{found.children:,}: {counts}"),
                ("objectives", ", ".join(found.objectives)),
            ]
        ),
        table(best) if best else warning("no child has been judged yet"),
    )


def _difference(found: CompareSummary) -> Iterator[tuple[str, object]]:
    """Names and values of the difference with its interval."""
    what = found.difference
    if what is not None and what.mean is not None:
        ends = ""
        if what.low is not None and what.high is not None:
            ends = f" [{what.low:+.3f}, {what.high:+.3f}] at 95%"
        yield f"difference of {found.measure} on {found.split}", f"{what.mean:+.3f}{ends}"
        yield "p", None if what.p is None else f"{what.p:.3g}"
    yield "seeds", found.found_seeds()
    yield "training", _budget(found)
    yield "results", link(found.output) if found.output else None


def _budget(found: CompareSummary) -> str | None:
    parts = [
        f"{count:,} {name}"
        for name, count in (("epochs", found.budget.epochs), ("steps", found.budget.steps))
        if count is not None
    ]
    return ", ".join(parts) or None


def _group(name: str, rows: Sequence[CompareRow]) -> dict[str, object]:
    scores = [row.accuracy for row in rows]
    costs = short(min(row.macs for row in rows)), short(max(row.macs for row in rows))
    return {
        "wiring": name,
        "mean": sum(scores) / len(scores),
        "lowest": min(scores),
        "highest": max(scores),
        "MACs": " to ".join(dict.fromkeys(costs)),
    }
