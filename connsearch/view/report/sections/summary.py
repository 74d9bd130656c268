"""Ten seconds: what was searched, on what, how good, how many connections, against what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connsearch.models.document import a_kind
from connsearch.runs.formats.focus import FocusSummary
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.names import FOCUS
from connsearch.view.report.findings import Findings, chance, judged
from connsearch.view.report.material import Material
from connsearch.view.report.section import Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import interval, large, plural, seconds, share
from connsearch.view.runs.chance import Chance

NO_BASELINE = "no baseline"


@dataclass(frozen=True, slots=True)
class Tile:
    """A number to remember, with the words that make it mean something."""

    name: str
    value: str
    note: str
    state: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A thing to know before the numbers are believed."""

    text: str
    anchor: str
    state: str = "warn"


@section("summary", 10)
def summary(material: Material, findings: Findings) -> Section:
    """Returns the first section."""
    return Section(
        "summary",
        "Summary",
        {
            "sentence": sentence(material),
            "unfinished": unfinished(material),
            "tiles": [
                *_accuracy(material),
                _test(material),
                *_connections(material, findings),
                *_cost(material, findings),
                *([baseline(material)] if material.wired else []),
            ],
            "doubts": list(_doubts(material, findings)),
        },
    )


_DONE = {"search": "searched", "train": "trained", "prune": "pruned", "convert": "converted"}


def sentence(material: Material) -> str:
    """Returns what was done, on which data, in one sentence."""
    structure = material.structure
    what = "a structure that cannot be read"
    if not material.wired and material.model is not None:
        what = f"{material.model.name}, {a_kind(material.model.kind)}"
    elif structure is not None:
        name = str(material.part("settings").get("structure") or structure.name)
        connections = plural(len(structure.edges()), "connection")
        what = f"{connections} between {len(structure)} nodes of {name}"
        if material.kind != "search":
            what = f"{structure.name}, {connections} between {len(structure)} nodes"
    verb = _DONE[material.kind]
    source = material.settings("data").get("source")
    data = f" on {source}" if source else ""
    extra = []
    if material.classes:
        extra.append(plural(len(material.classes), "class"))
    if material.clip:
        extra.append("clips of " + " × ".join(map(str, material.clip)))
    brackets = f" ({', '.join(extra)})" if extra else ""
    return f"{verb.capitalize()}: {what}{data}{brackets}."


def unfinished(material: Material) -> str:
    """Returns how far an unfinished run is; nothing for a finished one."""
    if material.result is not None or material.kind in ("prune", "convert"):
        return ""
    steps = material.rates.steps or [s for ss in material.weights.values() for s in ss.steps[-1:]]
    far = f"its logs end at step {max(steps)}" if steps else "nothing is logged yet"
    return f"This run is not finished: {far}. Rerun the same command to resume it."


def baseline(material: Material) -> Tile:
    """Returns the comparison with random wirings, or the words for its absence."""
    found = material.compare
    if found is None or not found.draws():
        hint = "no random wiring of this size was trained beside it: connsearch compare"
        return Tile("random wirings", NO_BASELINE, hint, "warn", "compare")
    difference = found.difference
    mean = None if difference is None else difference.mean
    if difference is None or mean is None:
        return Tile("random wirings", f"{found.draws()} draws", found.verdict, "", "compare")
    low, high = difference.low, difference.high
    better, worse = low is not None and low > 0, high is not None and high < 0
    said = "better than random" if better else "worse" if worse else "no difference shown"
    spread = interval(low, high)
    note = f"{said}; {spread} at 95 %" if spread else f"{said}, and no interval"
    state = "good" if better else "warn"
    return Tile("against random wirings", f"{mean:+.3f}", note, state, "compare")


def _accuracy(material: Material) -> Iterator[Tile]:
    found = judged(material)
    if found is None:
        yield Tile("accuracy", "–", "not evaluated yet")
        return
    split, numbers = found
    guess = chance(material)
    notes = [interval(numbers.low, numbers.high) + " at 95 %" if not numbers.multi_label else ""]
    notes.append(plural(numbers.clips, "clip"))
    if guess is not None and not numbers.multi_label:
        notes.append(f"chance: {share(guess.share)} ({guess.words})")
    choice = None if material.result is None else material.result.choice
    if choice is not None and split == "val":
        notes.append(f"the best of {choice.looks} looks, so optimistic")
    state = "warn" if _no_better_than_chance(numbers, guess) else ""
    text = ", ".join(filter(None, notes))
    yield Tile(f"{numbers.measure} on {split}", share(numbers.headline), text, state, "judged")


def _test(material: Material) -> Tile:
    """The test split of this very network; networks below have their own."""
    found = material.evaluations.get("test")
    if found is None:
        return Tile("test split", "closed", "not opened for this network", "", "judged")
    times = found.times_opened
    note = f"{interval(found.metrics.low, found.metrics.high)}, opened " + (
        "once" if times == 1 else f"{times} times"
    )
    name = f"{found.metrics.measure} on test"
    state = "" if times == 1 else "warn"
    return Tile(name, share(found.metrics.headline), note, state, "judged")


def _connections(material: Material, findings: Findings) -> Iterator[Tile]:
    if material.prune_record is not None:
        counts = material.prune_record.connections
        yield Tile("connections", f"{counts.before} → {counts.after}", "by pruning", "", "pruned")
    elif findings.remains is not None:
        found = findings.remains
        note = f"stay if pruned by default; of {found.nodes} nodes {found.dead} would be dead"
        yield Tile("connections", f"{found.connections} → {found.kept}", note, "", "weights")
    elif material.structure is not None:
        yield Tile("connections", f"{len(material.structure.edges()):,}", "", "", "wiring")


def _cost(material: Material, findings: Findings) -> Iterator[Tile]:
    if findings.cost is not None:
        macs = f"{large(findings.cost.macs)} multiply-accumulates a clip"
        yield Tile("parameters", large(findings.cost.parameters), macs, "", "cost")
    if material.result is not None and material.result.seconds is not None:
        note = f"{material.result.steps:,} steps" if material.result.steps else ""
        yield Tile("time", seconds(material.result.seconds), note, "", "cost")


def _no_better_than_chance(numbers: Metrics, guess: Chance | None) -> bool:
    return guess is not None and not numbers.multi_label and numbers.low <= guess.share


def _doubts(material: Material, findings: Findings) -> Iterator[Doubt]:
    for anchor, noted in material.notes.items():
        for note in noted:
            yield Doubt(note, anchor, "bad")
    found = judged(material)
    if found and _no_better_than_chance(found[1], chance(material)):
        text = f"The accuracy on {found[0]} is not clearly better than chance."
        yield Doubt(text, "judged", "bad")
    if material.kind == "search" and baseline(material).value == NO_BASELINE:
        yield Doubt(
            "No baseline: nothing says that this wiring is better than a random one of its size.",
            "compare",
        )
    for alarm in findings.alarms:
        yield Doubt(f"{alarm.heading}: {alarm.meaning}.", "alarms")
    for branch in material.branches:
        exact = None if branch.pruned is None else branch.pruned.exactness
        if exact is not None and not exact.equal:
            yield Doubt(f"{branch.name} is not bit-equal to the masked original.", "pruned")
    looks = material.summary(FOCUS, FocusSummary)
    for remark in looks.remarks if looks is not None else ():
        yield Doubt(f"{remark.said[:1].upper()}{remark.said[1:]}.", FOCUS)
    if material.quarantine:
        count = plural(len(material.quarantine), "clip")
        yield Doubt(f"{count} could not be read.", "quarantine")
    if material.result is not None:
        for advice in material.result.advice:
            yield Doubt(f"{advice.said} (cure: {advice.cure})", "curves")
        for warning in material.result.warnings:
            yield Doubt(warning, "environment")
