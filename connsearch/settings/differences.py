"""Settings as JSON values: how two of them differ, and which differences change no result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from connsearch.settings.earlier import without_group

MAY_CHANGE = frozenset(
    "bad_share cache check_files checkpoint_seconds checkpoint_steps memory_mb save_every "
    "timeout videos workers".split()
)
"""Settings that cannot change a result: a run goes on when they differ."""

LATER: Mapping[str, Any] = {
    "data.crop_from": "frame",
    "data.fingerprint": "sample",
    "data.multi_scale": [],
    "data.rounding": "nearest",
    "evolution.kinds": [],
    "evolution.posts": ["none", "sr", "srtg"],
    "training.by_epoch": False,
    "training.decay_all": False,
    "training.decay_smooth": False,
    "training.keep": "last",
    "training.eval_all_views": False,
    "training.gate_start": "auto",
    "training.nesterov": True,
    "training.score_csv": False,
}
"""Settings that came later, and the value that means what was done without them: a run that does
not record one goes on with that value."""

_ABSENT = "not set"


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the mapping as JSON would give it back: lists for tuples, text for paths.

    >>> plain({"crop": (0.8, 1.0), "size": 32})
    {'crop': [0.8, 1.0], 'size': 32}
    """
    return json.loads(json.dumps(value, default=str))


def differences(
    recorded: Mapping[str, Any], wanted: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """Returns both values of every setting that differs, by dotted key.

    The key names part and setting, whatever group it is in, and by today's name: a record of an
    earlier version, which knew no groups, is compared with one of this version.

    >>> differences({"data": {"size": 32, "seed": 0}}, {"data": {"size": 64, "seed": 0}})
    {'data.size': (32, 64)}
    >>> differences({"data": {"size": 32}}, {"data": {"clips": {"size": 32}}})
    {}
    """
    before, now = _flat(recorded), _flat(wanted)
    keys = [*before, *(key for key in now if key not in before)]
    pairs = {key: (before.get(key, _without(key)), now.get(key, _ABSENT)) for key in keys}
    return {key: (a, b) for key, (a, b) in pairs.items() if a != b and not _both_unset(a, b)}


def _both_unset(a: Any, b: Any) -> bool:
    """Returns whether one does not know the setting, and the other leaves it at nothing."""
    return (a is None or a == _ABSENT) and (b is None or b == _ABSENT)


def _without(key: str) -> Any:
    """Returns what a record means that does not have this dotted key."""
    return LATER.get(".".join(key.split(".")[-2:]), _ABSENT)


def may_change(key: str) -> bool:
    """Returns whether a run goes on when this dotted key differs."""
    return key.rpartition(".")[2] in MAY_CHANGE


def describe_differences(found: Mapping[str, tuple[Any, Any]], *, whose: str = "the run") -> str:
    """Returns one line a setting: its key, what the run (or ``whose``) has, what was asked for."""
    lines = [
        f"  {key}: {whose} has {_short(a)}, asked for {_short(b)}" for key, (a, b) in found.items()
    ]
    return "\n".join(lines)


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        if isinstance(entry, Mapping):
            flat |= _flat(cast("Mapping[str, Any]", entry), f"{prefix}{key}.")
        else:
            flat[without_group(prefix + key)] = entry
    return flat


def _short(value: Any, width: int = 80) -> str:
    text = value if value == _ABSENT else json.dumps(value)
    return text if len(text) <= width else text[: width - 3] + "..."
