"""Options that would change nothing about a source: refused, rather than silently passed over."""

from __future__ import annotations

from collections.abc import Mapping

from connsearch.data.options import DataOptions
from connsearch.data.records import Source
from connsearch.data.units import shares_files
from connsearch.errors import DataError

BOUND: Mapping[str, str] = {
    "protocol": "it has no protocols",
    "videos": "its own files say where the videos lie",
    "train_clips": "it is not planted data",
    "select_clips": "it is not planted data",
    "test_clips": "it is not planted data",
    "object_classes": "it says the number itself, or has no object maps",
}
"""Options that only some readers look at (``datasets.dataset`` says which), and why not others."""


def refuse_without_effect(source: Source, options: DataOptions) -> None:
    """Refuses options that were set to something and have no effect on this source.

    Raises:
        DataError: each with its reason. A value that equals the default is never refused.
    """
    found = without_effect(source, options)
    if found:
        lines = "\n".join(f"  {_flag(name, options)}: {why}" for name, why in found.items())
        raise DataError(
            f"{source.name}: options without effect on this data\n{lines}\n  cure: leave them out"
        )


def without_effect(source: Source, options: DataOptions) -> dict[str, str]:
    """Returns the options that were set and have no effect, each with the reason."""
    fields = DataOptions.model_fields
    set_ = {
        name for name in {**BOUND, **_BY_CONTENT} if getattr(options, name) != fields[name].default
    }
    uses = source.uses or frozenset[str]()
    found = {name: why for name, why in BOUND.items() if name in set_ and name not in uses}
    by_content = {
        "object_classes": not any(r.objects is not None for r in source.records),
        "clip_labels": not any(r.spans for r in source.records),
        "split_by": not (any(r.group for r in source.records) or _given_and_shared(source)),
        "select_share": any(r.split == "select" for r in source.records),
        "test_share": any(r.split == "test" for r in source.records),
    }
    for name, useless in by_content.items():
        if useless and name in set_:
            found.setdefault(name, _BY_CONTENT[name])
    return found


_BY_CONTENT: dict[str, str] = {
    "object_classes": "it has no object maps",
    "clip_labels": "it does not say when its classes are seen",
    "split_by": "it has no groups; clips of one video stay together in any case",
    "select_share": "it gives the select list itself",
    "test_share": "it gives the test list itself",
}
"""Options whose effect depends on what the data holds."""


def _given_and_shared(source: Source) -> bool:
    """Returns whether lists that are given might tear a video, which split_by allows or not."""
    return any(r.split is not None for r in source.records) and shares_files(source.records)


def _flag(name: str, options: DataOptions) -> str:
    return f"--{name.replace('_', '-')} {getattr(options, name)}"
