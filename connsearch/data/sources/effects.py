"""Options that would change nothing about a source: refused, rather than silently passed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connsearch.data.options import DataOptions
from connsearch.data.records import Record, Source, VideoInfo
from connsearch.data.sources.units import file_key
from connsearch.errors import DataError
from connsearch.settings.nesting import by_name, usual

BOUND: Mapping[str, str] = {
    "protocol": "it has no protocols",
    "videos": "its own files contain the places of the videos",
    "train_clips": "it is not planted data",
    "val_clips": "it is not planted data",
    "test_clips": "it is not planted data",
    "object_classes": "it defines the number itself, or has no object maps",
}
"""Options that only some readers use (``datasets.dataset`` lists them), and why not others."""


class WithoutEffectError(DataError):
    """Options were set that change nothing about the data."""


def refuse_without_effect(source: Source, options: DataOptions) -> None:
    """Refuses options that were set to something and have no effect on this source.

    Raises:
        WithoutEffectError: each with its reason. A value that equals the default is never refused.
    """
    found = without_effect(source, options)
    if found:
        values = by_name(options)
        lines = "\n".join(f"  {_flag(name, values[name])}: {why}" for name, why in found.items())
        raise WithoutEffectError(
            f"{source.name}: options without effect on this data\n{lines}\n"
            "  cure: omit them; if they come from a run or --config, set them to the default"
        )


def without_effect(source: Source, options: DataOptions) -> dict[str, str]:
    """Returns the options that were set and have no effect, each with the reason."""
    values = by_name(options)
    set_ = {name for name in {**BOUND, **_BY_CONTENT} if values[name] != usual(DataOptions, name)}
    uses, folded = source.uses or frozenset[str](), options.split.fold is not None
    found = {name: why for name, why in BOUND.items() if name in set_ and name not in uses}
    by_content = {
        "object_classes": not any(r.objects is not None for r in source.records),
        "clip_labels": not any(r.spans for r in source.records),
        "split_by": not any(r.group for r in source.records) and not _tears(source.records),
        "val_share": not folded and any(r.split == "val" for r in source.records),
        "test_share": folded or any(r.split == "test" for r in source.records),
    }
    for name, useless in by_content.items():
        if useless and name in set_:
            why = _FOLDED if folded and name == "test_share" else _BY_CONTENT[name]
            found.setdefault(name, why)
    return found


def refuse_idle_rate(source: Source, rate: float | None, infos: Sequence[VideoInfo]) -> None:
    """Refuses ``media_fps`` if every file, or its list, tells its rate.

    Args:
        source: the data set.
        rate: the option, in frames a second.
        infos: what is known of its media, rates included.

    Raises:
        DataError: the option changes nothing.
    """
    if rate is None or not infos or any(abs(i.fps * i.step / rate - 1) < 1e-9 for i in infos):
        return
    raise DataError(
        f"{source.name}: options without effect on this data\n"
        f"  {_flag('media_fps', rate)}: all of its files tell their rate\n"
        "  cure: omit it"
    )


_BY_CONTENT: dict[str, str] = {
    "object_classes": "it has no object maps",
    "clip_labels": "it has no times of its classes",
    "split_by": "it has no groups, and no video is in two of its splits",
    "val_share": "it has a validation split of its own",
    "test_share": "it has a test split of its own",
}
"""Options whose effect depends on the content of the data."""

_FOLDED = "a fold is the test split, so the number of folds is its share"


def _tears(records: Sequence[Record]) -> bool:
    """Returns whether a video is on two of the lists that the data gives itself."""
    if len({record.split for record in records}) < 2:
        return False
    on = {(file_key(record.path), record.split) for record in records}
    return len(on) > len({key for key, _ in on})


def for_source(
    recorded: Mapping[str, Any], source: str, *, keep_name: bool = False
) -> dict[str, Any]:
    """Returns recorded data settings for another source: without those of the one they are of.

    With ``keep_name`` they still name the one they are of.

    >>> recorded = {"source": {"source": "ucf101:a", "protocol": "2"}, "clips": {"size": 64}}
    >>> for_source(recorded, "b.csv")
    {'source': {'source': 'b.csv'}, 'clips': {'size': 64}}
    """
    before = recorded.get("source", {}).get("source")
    if source == before:
        return dict(recorded)
    kept = {
        group: {name: value for name, value in values.items() if name not in BOUND}
        if isinstance(values, Mapping)
        else values
        for group, values in recorded.items()
    }
    name = before if keep_name else source
    return {**kept, "source": {**kept.get("source", {}), "source": name}}


def _flag(name: str, value: Any) -> str:
    default = usual(DataOptions, name)
    note = "" if default is None else f" (by default {default})"
    return f"--{name.replace('_', '-')} {value}{note}"
