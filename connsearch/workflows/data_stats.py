"""What a data set is made of: :func:`data_stats`."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.options import DataOptions
from connsearch.data.tools.suggest import (
    SUGGESTED,
    NetworkFacts,
    Suggestion,
    at_rate,
    suggested,
)
from connsearch.data.tools.summary import Summary, clip_facts, describe
from connsearch.data.tools.uneven import few_groups, uneven_classes
from connsearch.flags import flag
from connsearch.graph.spec import Modality
from connsearch.models.clip_needs import fewest_pixels, largest_stride
from connsearch.models.zoo import MODELS
from connsearch.settings.nesting import by_name, usual
from connsearch.training.noticed import PLANTED
from connsearch.workflows.settings.data_stats import DataStatsSettings
from connsearch.workflows.targets import open_structure


def data_stats(source: str | Path = "synthetic:mix", **settings: Any) -> Summary:
    """Returns what a data set is made of: clips by class and list, lengths, sizes, rates, faults.

    Its ``suggestion`` has settings that fit these clips, the reason of each, and a line to begin
    with. Videos are opened; what cannot be read is listed and stops nothing.

    Args:
        source: what ``load_data`` finds the data by.
        settings: any option of ``connsearch data stats`` by its name: ``val_share=0.2``.

    Raises:
        UserError: a setting or the data cannot be used.
    """
    return run_data_stats(DataStatsSettings.of(source=str(source), **settings))


def run_data_stats(asked: DataStatsSettings) -> Summary:
    """Returns what was found.

    Raises:
        UserError: as for :func:`data_stats`.
    """
    always = {"seed": asked.seed, "bad_share": 1.0, "check_files": True}
    data = load_data(asked.data.with_values(**always))
    found = describe(data)
    return replace(found, suggestion=_suggestion(asked, data, found))


def _suggestion(asked: DataStatsSettings, data: DataSplits, summary: Summary) -> Suggestion | None:
    """What to begin with; None where there is nothing to learn from, or the data is built in."""
    clips = clip_facts(data)
    if not clips.frames or not clips.train or data.options.source.source.startswith(PLANTED):
        return None
    usual_name = "starter" if data.object_classes else "starter_rgb_flow"
    name = usual_name if asked.network is None else asked.network
    if asked.data.clips.fps is not None:
        clips = at_rate(clips, asked.data.clips.fps)
    if name in MODELS:
        facts, streams = NetworkFacts(name, _stride_of(name), flow=False, gpu=_gpu()), ()
    else:
        structure = open_structure(name)
        streams = structure.modalities()
        facts = NetworkFacts(name, largest_stride(structure), Modality.FLOW in streams, _gpu())
    choices = suggested(clips, facts)
    found = {choice.option: choice.value for choice in choices}
    words = ["connsearch", "train" if name in MODELS else "search", name, *_which_data(asked)]
    for option, value in found.items():
        words += [flag(option), f"{value:g}"]
    unseen = {Modality.FLOW} if found["frames"] == 1 else set[Modality]()
    unseen |= set() if data.object_classes else {Modality.OBJECT}
    seen = [stream for stream in streams if stream not in unseen]
    if seen and len(seen) < len(streams):
        words += ["--streams", *seen]
    line = shlex.join([*words, *_spared(data)])
    return Suggestion(name, choices, line, _further(data, summary))


def _further(data: DataSplits, summary: Summary) -> tuple[str, ...]:
    """What to try beside the suggested line: for uneven classes, and for few groups."""
    train = summary.splits["train"]
    counts = dict(zip(summary.classes, train.classes, strict=True))
    uneven = () if data.train.num_classes else uneven_classes(counts)
    judged = {name: one.groups for name, one in summary.splits.items()}
    return (*uneven, *few_groups(judged))


def _which_data(asked: DataStatsSettings) -> list[str]:
    """The options that say which clips there are, as far as they are not the usual ones."""
    words = ["--data", asked.data.source.source]
    if asked.seed:
        words += ["--seed", str(asked.seed)]
    values = by_name(asked.data)
    for name, value in values.items():
        if f"data.{name}" in asked.HIDDEN or name in (*SUGGESTED, "source"):
            continue
        if value != usual(DataOptions, name):
            words += _words(flag(name), value)
    return words


def _words(option: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-", 1)]
    if isinstance(value, tuple):
        return [option, *map(str, cast("tuple[Any, ...]", value))]
    return [option, "none" if value is None else str(value)]


def _spared(data: DataSplits) -> list[str]:
    """The option without which so many clips that cannot be read would stop the work."""
    bad = sum(bool(record.fault) for _, clips in data for record in clips.records)
    total = sum(len(clips) for _, clips in data)
    if bad <= usual(DataOptions, "bad_share") * total:
        return []
    return [flag("bad_share"), f"{-(-100 * bad // total) / 100:g}"]


def _stride_of(name: str) -> int:
    """How much smaller the smallest map of a network of the zoo is than its clip."""
    frames, side = MODELS[name].clip[0], 1024  # so many strides of 2 divide it
    clip = torch.empty(1, 3, frames, side, side, device="meta")
    with torch.device("meta"):
        pixels = fewest_pixels(MODELS[name].build(2), {"rgb": clip})
    return -(-side // (pixels or side))


def _gpu() -> bool:
    return torch.cuda.is_available()
