"""The best practices of architecture search, filled in from what was recorded.

After Lindauer and Hutter, "Best Practices for Scientific Research on Neural Architecture Search"
(arXiv 1909.02453); the points are in our own words and fitted to connection search.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.report.sections.setup import splits_recorded
from connsearch.view.report.words import plural, seconds, setting

Answer = Literal["yes", "no", "not known"]


@dataclass(frozen=True, slots=True)
class Practice:
    """A practice, whether it was followed, and by which evidence."""

    group: str
    text: str
    answer: Answer
    evidence: str


@section("checklist", 200)
def checklist(material: Material, findings: Findings) -> Section | None:
    """Returns every point with its answer; for runs, not for pruned networks."""
    if material.kind == "prune":
        return None
    points = list(_points(material, findings))
    yes = sum(point.answer == "yes" for point in points)
    groups = list(dict.fromkeys(point.group for point in points))
    values = {
        "groups": [(group, [p for p in points if p.group == group]) for group in groups],
        "yes": yes,
        "of": len(points),
    }
    return Section("checklist", "Best practices", values, f"{yes} of {len(points)}")


def _points(material: Material, findings: Findings) -> Iterator[Practice]:
    yield from _repeatable(material)
    if material.wired:
        yield from _same_terms(material)
    yield from _sure(material, findings)
    yield from _told(material, findings)


def _repeatable(material: Material) -> Iterator[Practice]:
    """Can somebody else do it again?"""
    group = "Can it be repeated?"
    config = material.config
    version = config.get("connsearch")
    yield _yes_if(group, "The version of the code is recorded.", version, f"connsearch {version}")
    settings = material.part("settings")
    count = sum(len(v) if isinstance(v, dict) else 1 for v in settings.values())
    yield _yes_if(
        group, "All settings of search and training are recorded.", settings, f"{count} settings"
    )
    seed = settings.get("seed")
    yield _yes_if(group, "The seeds are recorded.", seed is not None, f"seed {setting(seed)}")
    structure = material.structure
    size = "" if structure is None else plural(len(structure.edges()), "candidate connection")
    if material.wired:
        yield _yes_if(group, "The search space is written down in full.", structure, size)
    fingerprint = material.part("facts").get("data")
    lists = "each list has its hash" if splits_recorded(material) else "the lists have one hash"
    yield _yes_if(group, "The exact data and its splits are recorded.", fingerprint, lists)
    digest = material.result.digest if material.result is not None else None
    text = "The trained weights are identified by a digest."
    yield _yes_if(group, text, digest, f"digest {(digest or '')[:12]}")


def _same_terms(material: Material) -> Iterator[Practice]:
    """Is it compared with something, on the same terms?"""
    group = "Is it compared on the same terms?"
    compare = material.compare
    text = "Random wirings of the same size were trained beside it."
    if compare is None or not compare.draws():
        yield Practice(group, text, "no", "random baseline: none")
        for text in (
            "They had the same budget and the same training settings.",
            "The comparison was repeated with several seeds.",
            "The difference has an interval.",
        ):
            yield Practice(group, text, "no", "no comparison")
    else:
        draws = plural(compare.draws(), "random wiring")
        yield Practice(group, text, "yes", draws)
        given = list(compare.budget.model_dump().items())[:4]
        budget = ", ".join(f"{name} {setting(value)}" for name, value in given)
        text = "They had the same budget and the same training settings."
        yield Practice(
            group, text, "yes" if budget else "not known", budget or "budget not recorded"
        )
        seeds = compare.found_seeds()
        text = "The comparison was repeated with several seeds."
        yield Practice(group, text, "yes" if seeds > 1 else "no", plural(seeds, "seed"))
        known = compare.difference is not None and compare.difference.low is not None
        text = "The difference has an interval."
        yield Practice(group, text, "yes" if known else "no", compare.verdict)
    scratch = [b.name for b in material.branches if b.name.endswith("scratch")]
    scratch += ["gap: stage scratch"] * _has_scratch(material)
    text = "The found wiring was also trained from scratch."
    yield Practice(
        group, text, "yes" if scratch else "no", ", ".join(scratch) or "no such training"
    )


def _sure(material: Material, findings: Findings) -> Iterator[Practice]:
    """How sure are the numbers?"""
    group = "How sure are the numbers?"
    text = "Training, selection and test clips are disjoint."
    fingerprint = material.part("facts").get("data")
    evidence = "checked whenever data is loaded"
    yield Practice(group, text, "yes" if fingerprint else "not known", evidence)
    if material.wired:
        text = "The search itself was repeated with other seeds."
        yield Practice(group, text, "not known", "this run is one search")
    opened = _test_opened(material)
    text = "The test split was not used to choose anything (opened once at most)."
    evidence = ", ".join(f"{name} {plural(n, 'time')}" for name, n in opened.items())
    answer: Answer = "yes" if sum(opened.values()) <= 1 else "no"
    yield Practice(group, text, answer, f"test opened: {evidence or 'no'}")
    result = material.result
    choice = None if result is None else result.choice
    if choice is not None:
        text = "The number on val was not chosen among several looks (that on test is not)."
        yield Practice(group, text, "no", str(choice))
    text = "Accuracies have an interval."
    have = result is not None and bool(result.metrics)
    yield Practice(group, text, "yes" if have else "not known", "95 %, Wilson" if have else "")
    if material.wired:
        yield from _about_pruning(material, findings)


def _about_pruning(material: Material, findings: Findings) -> Iterator[Practice]:
    """How sure is it that what was searched is what is kept?"""
    group = "How sure are the numbers?"
    found = material.rank_correlation
    text = "It was tested whether the supernet ranks wirings correctly."
    evidence = "rank correlation: not measured" if found is None else found.verdict or "measured"
    yield Practice(group, text, "no" if found is None else "yes", evidence)
    text = "The cost of pruning was measured (discretisation gap)."
    gap = material.gap
    evidence = "gap: none" if gap is None else f"{len(gap.rows)} networks on {gap.split}"
    yield Practice(group, text, "no" if gap is None else "yes", evidence)
    if material.kind == "search" and material.learned:
        text = "The search reached decisions: no alarm was raised."
        kinds = ", ".join(alarm.kind for alarm in findings.alarms)
        yield Practice(group, text, "no" if kinds else "yes", kinds or "no alarm")


def _told(material: Material, findings: Findings) -> Iterator[Practice]:
    """Is the cost reported?"""
    group = "Is the cost reported?"
    result = material.result
    spent = None if result is None else result.seconds
    text = "The time of the whole search is reported."
    yield _yes_if(group, text, spent, seconds(spent))
    found = material.part("environment")
    processor = setting(found.get("processor"))
    text = "The hardware and the number of threads are reported."
    threads = f"{processor}, threads: {setting(found.get('threads'))}"
    yield _yes_if(group, text, found.get("processor"), threads)
    versions = found.get("versions")
    text = "The versions of all relevant libraries are reported."
    named = ", ".join(versions) if isinstance(versions, dict) else ""
    yield _yes_if(group, text, versions, named)
    text = "Size and multiply-accumulates of the network are reported."
    cost = findings.cost
    size = "" if cost is None else f"{cost.parameters:,} parameters, {cost.macs:,} MACs"
    yield _yes_if(group, text, cost, size)
    text = "It is reported how the settings were chosen, and at what cost."
    yield Practice(group, text, "not known", "not recorded: state it when you publish")


def _yes_if(group: str, text: str, known: object, evidence: str) -> Practice:
    return Practice(group, text, "yes" if known else "not known", evidence if known else "")


def _has_scratch(material: Material) -> bool:
    return material.gap is not None and any(row.stage == "scratch" for row in material.gap.rows)


def _test_opened(material: Material) -> dict[str, int]:
    """How often the test split was opened, for the run and everything made from it."""
    found = {
        "this network": material.evaluations,
        **{b.name: b.evaluations for b in material.branches},
    }
    return {name: e["test"].times_opened for name, e in found.items() if "test" in e}
