"""How sure are we: gap, accuracy against cost, random wirings, rank correlation, other analyses."""

from __future__ import annotations

from collections.abc import Sequence

from connsearch.runs.formats.analyses import (
    CompareSummary,
    CurveSummary,
    GapRow,
    GapSummary,
    RankSummary,
)
from connsearch.runs.names import COMPARE, CURVE, GAP, RANK_CORRELATION
from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Fact, Section
from connsearch.view.report.sections import section
from connsearch.view.report.sections.summary import NO_BASELINE
from connsearch.view.report.words import interval, large, number, plural, setting, share
from connsearch.view.runs.baselines import comparison_chart, ranking_chart
from connsearch.view.runs.curve import curve_chart
from connsearch.view.runs.gap import gap_chart, stages_in_order


@section(GAP, 80, summary=GapSummary)
def gap(material: Material, findings: Findings) -> Section | None:
    """Returns what is lost between the searched network and the pruned one."""
    found = material.gap
    if found is None:
        return _missing(material, "gap", "Discretisation gap")
    shares = sorted({row.share for row in found.rows})
    cells = {(row.share, row.stage): row for row in found.rows}
    used = stages_in_order(found.rows)
    table = [
        {
            "share": number(at),
            "cells": [_cell(cells.get((at, stage))) for stage in used],
            **_size([cells[at, stage] for stage in used if (at, stage) in cells]),
        }
        for at in shares
    ]
    values = {
        "stages": used,
        "table": table,
        "chart": gap_chart(found.rows, title="", criterion=found.criterion, split=found.split),
        "split": found.split,
        "tune_steps": found.tune_steps,
    }
    return Section("gap", "Discretisation gap", values)


@section(CURVE, 90, summary=CurveSummary)
def curve(material: Material, findings: Findings) -> Section | None:
    """Returns accuracy against cost."""
    found = material.summary(CURVE, CurveSummary)
    if found is None:
        return _missing(material, "curve", "Accuracy against cost")
    rows = [
        {
            "connections": number(p.connections),
            "parameters": number(p.parameters),
            "macs": number(p.macs),
            "latency": f"{p.latency_ms:.3g} ms",
            "spread": f"± {p.latency_spread:.2g}",
            "accuracy": share(p.accuracy),
            "interval": interval(p.low, p.high),
            "clips": number(p.clips),
        }
        for p in found.points
    ]
    place = [f"on {found.device}"] if found.device else []
    place += [plural(found.threads, "thread")] if found.threads else []
    values = {"rows": rows, "chart": curve_chart(found, title=""), "place": ", ".join(place)}
    return Section("curve", "Accuracy against cost", values)


@section(COMPARE, 70, summary=CompareSummary)
def compare(material: Material, findings: Findings) -> Section | None:
    """Returns the comparison with random wirings, or the words for its absence."""
    found = material.compare
    if found is None:
        missing = _missing(material, "compare", "Against random wirings", always=True)
        return missing if material.kind == "search" or material.notes.get("compare") else None
    measure = f"{found.measure} on {found.split}"
    values = {
        "chart": comparison_chart(found.rows, found.difference, measure=measure),
        "verdict": found.verdict,
        "facts": _difference(found),
        "rows": [
            {
                "wiring": row.wiring,
                "draw": number(row.draw),
                "seed": number(row.seed),
                "accuracy": share(row.accuracy, 4),
                "connections": number(row.connections),
                "macs": number(row.macs),
            }
            for row in found.rows
        ],
        "budget": [Fact(k, setting(v)) for k, v in found.budget.model_dump().items()],
        "split": found.split,
        "none": not found.draws(),
        "words": NO_BASELINE,
    }
    return Section("compare", "Against random wirings", values)


@section(RANK_CORRELATION, 100, summary=RankSummary)
def rank_correlation(material: Material, findings: Findings) -> Section | None:
    """Returns whether the supernet ranks wirings as training them alone does."""
    found = material.rank_correlation
    if found is None:
        return _missing(material, RANK_CORRELATION, "Rank correlation")
    taus = {
        "supernet": _tau_words(found.tau, found.low, found.high),
        "macs": _tau_words(found.flops_tau, found.flops_low, found.flops_high),
        "connections": _tau_words(
            found.connections_tau, found.connections_low, found.connections_high
        ),
    }
    values = {
        "verdict": found.verdict,
        "facts": [
            Fact("rank agreement", _tau(found.tau, found.low, found.high), "Kendall's tau"),
            Fact(
                "of multiply-accumulates alone",
                _tau(found.flops_tau, found.flops_low, found.flops_high),
                "what is left when only the size is known",
            ),
        ],
        "chart": ranking_chart(found.rows, taus, measure=found.measure),
        "rows": [
            (row.name, share(row.supernet, 4), share(row.alone, 4), number(row.macs))
            for row in found.rows
        ],
    }
    return Section(RANK_CORRELATION, "Rank correlation", values)


@section("more", 120)
def more(material: Material, findings: Findings) -> Section | None:
    """Returns the plain entries of analyses without a section of their own."""
    if not material.others and not material.notes.get("more"):
        return None
    groups = {
        name: [Fact(key.replace("_", " "), _value(value)) for key, value in entries.items()]
        for name, entries in material.others.items()
    }
    return Section("more", "More analyses", {"groups": groups})


def _missing(material: Material, name: str, title: str, *, always: bool = False) -> Section | None:
    """A section for an analysis that was not done: only where somebody would look for it."""
    if material.notes.get(name) or always:
        return Section(name, title, {"absent": True, "words": NO_BASELINE}, "none")
    return None


def _value(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return setting(value)


def _tau(value: float | None, low: float | None, high: float | None) -> str:
    spread = interval(low, high)
    return share(value) + (f" ({spread})" if spread else "")


def _tau_words(value: float | None, low: float | None, high: float | None) -> str:
    return "" if value is None else f"tau {_tau(value, low, high)}"


def _cell(row: GapRow | None) -> dict[str, str]:
    if row is None:
        return {"accuracy": "–", "interval": ""}
    return {"accuracy": share(row.accuracy), "interval": interval(row.low, row.high)}


def _size(rows: Sequence[GapRow]) -> dict[str, str]:
    """Connections and cost of the pruned network of one share: the last stage that has them."""
    cut = [row for row in rows if row.stage != "soft"] or list(rows)
    row = cut[-1]
    return {"connections": number(row.connections), "macs": large(row.macs)}


def _difference(found: CompareSummary) -> list[Fact]:
    facts = [
        Fact("random wirings", number(found.draws()), "different draws"),
        Fact("seeds", number(found.found_seeds()), "of the found wiring"),
    ]
    difference = found.difference
    if difference is None:
        return facts
    spread = interval(difference.low, difference.high)
    if difference.mean is not None:
        facts.append(Fact("difference", f"{difference.mean:+.4f}", f"{spread} at 95 %"))
    facts.append(Fact("p", number(difference.p), "that there is none"))
    facts.append(Fact("effect size", number(difference.effect_size), "in standard deviations"))
    if difference.n is not None:
        facts.append(Fact("trainings", number(difference.n)))
    if difference.needed is not None:
        facts.append(Fact("trainings needed", number(difference.needed), "to be sure of this"))
    return facts
