"""What was asked for, on which data, and what it cost."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

from connsearch.data.options import DataOptions
from connsearch.graph.cost import Cost
from connsearch.oneshot.options import SearchOptions
from connsearch.settings.earlier import ungrouped
from connsearch.settings.nesting import field_of, flat
from connsearch.training.options import TrainOptions
from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Fact, Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import UNKNOWN, large, number, plural, seconds, setting

_SEEDS = ("data.seed", "training.seed")
"""They follow from the seed of the command, unless ``data_seed`` says otherwise."""

_USUAL: Mapping[str, tuple[Any, str]] = {
    "seed": (0, "Decides everything random."),
    "data_seed": (None, "Another seed for planted data and splits no file gives."),
    "streams": (None, "Use only the stems that read these streams."),
    "attention": (None, "Peer-attention mode in place of the structure's own."),
    "structure": ("starter", "What was searched."),
    "target": (None, "What was trained."),
    "from_scratch": (False, "Forget the weights; keep the wiring."),
}
"""Default and meaning of the settings that belong to no group."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it was recorded, beside its default."""

    name: str
    value: str
    usual: str
    meaning: str
    changed: bool


@section("settings", 160)
def settings(material: Material, findings: Findings) -> Section | None:
    """Returns the recorded settings, those that differ from the defaults first."""
    recorded = material.part("settings")
    if not recorded:
        return None
    found = list(_settings(recorded, material.kind))
    changed = [s for s in found if s.changed]
    values = {"changed": changed, "rest": [s for s in found if not s.changed]}
    return Section("settings", "Settings", values, plural(len(changed), "change"))


@section("data", 140)
def data(material: Material, findings: Findings) -> Section | None:
    """Returns the data and its three lists."""
    options = material.settings("data")
    if not options:
        return None
    facts = [Fact("data", setting(options.get("source")))]
    if material.clip:
        facts.append(Fact("clip", " × ".join(map(str, material.clip)), "frames, height, width"))
        if isinstance(own := options.get("eval_size"), int):
            size = " × ".join(map(str, (material.clip[0], own, own)))
            facts.append(Fact("clip in evaluations", size, "frames, height, width"))
    facts.append(Fact("split by", setting(options.get("split_by")), "what no two splits share"))
    fingerprint = material.part("facts").get("data")
    facts.append(Fact("fingerprint", setting(fingerprint), "SHA-256 of classes and lists"))
    values = {"facts": facts, "classes": material.classes, "splits": _splits(material)}
    return Section("data", "Data", values)


@section("cost", 150)
def cost(material: Material, findings: Findings) -> Section | None:
    """Returns what the network costs, and what the run did."""
    facts: list[Fact] = []
    if findings.cost is not None:
        facts += _network_cost(findings.cost, "")
    if findings.pruned_cost is not None:
        facts += _network_cost(findings.pruned_cost, ", pruned by default")
    if material.kind != "prune":
        facts += _run_cost(material)
    return Section("cost", "Cost", {"facts": facts}) if facts else None


def splits_recorded(material: Material) -> bool:
    """Returns whether the hash of each of the three lists was recorded."""
    return len(material.part("splits")) == 3


def _splits(material: Material) -> list[dict[str, str]]:
    recorded = material.part("splits")
    seen = _clips_seen(material)
    use = {
        "train": "teaches filters and connections" if material.wired else "teaches",
        "val": "is looked at to choose",
        "test": "is opened once, to report",
    }
    rows: list[dict[str, str]] = []
    for name, purpose in use.items():
        entry = recorded.get(name)
        known = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        clips = known.get("clips", seen.get(name))
        rows.append(
            {
                "name": name,
                "use": purpose,
                "clips": UNKNOWN if clips is None else number(clips),
                "hash": setting(known.get("hash", UNKNOWN)),
            }
        )
    return rows


def _clips_seen(material: Material) -> dict[str, int]:
    """Clips of the evaluated splits, where nothing else says how many there are."""
    found = {} if material.result is None else material.result.metrics
    evaluated = {split: e.metrics for split, e in material.evaluations.items()}
    return {split: m.clips + m.left_out for split, m in {**evaluated, **found}.items()}


def _settings(recorded: Mapping[str, Any], kind: str) -> Iterator[Setting]:
    groups: Mapping[str, type[BaseModel]] = {
        "data": DataOptions,
        "training": SearchOptions if kind == "search" else TrainOptions,
    }
    seed = recorded.get("seed")
    seeds = {"training.seed": seed, "data.seed": recorded.get("data_seed") or seed}
    for name, value in recorded.items():
        if name not in groups or not isinstance(value, dict):
            usual, meaning = _USUAL.get(name, (None, ""))
            yield Setting(name, setting(value), setting(usual), meaning, value != usual)
            continue
        model = groups[name]
        defaults = flat(model())
        for key, entry in ungrouped(name, cast("dict[str, Any]", value)).items():
            full = f"{name}.{key}"
            if full in _SEEDS and entry == seeds[full]:
                continue
            field = field_of(model, key)
            meaning = "unknown to this version" if field is None else field.description or ""
            usual = defaults.get(key)
            yield Setting(full, setting(entry), setting(usual), meaning, entry != usual)


def _network_cost(found: Cost, suffix: str) -> list[Fact]:
    clip = " × ".join(map(str, found.clip))
    return [
        Fact(f"parameters{suffix}", f"{found.parameters:,}", large(found.parameters)),
        Fact(
            f"multiply-accumulates{suffix}", f"{found.macs:,}", f"{large(found.macs)}, clip {clip}"
        ),
    ]


def _run_cost(material: Material) -> Iterator[Fact]:
    result = material.result
    if result is not None:
        yield Fact("wall-clock time", seconds(result.seconds), "over all resumptions")
        yield Fact("steps", number(result.steps))
    if len(material.speeds):
        median = statistics.median(material.speeds.values)
        yield Fact("training speed", f"{median:.4g} clips/s", "median over the steps")
    timed = {} if result is None else result.metrics
    for split, numbers in timed.items():
        spent = 1000 * numbers.seconds_per_clip
        yield Fact("evaluation", f"{spent:.3g} ms a clip", f"on {split}")
