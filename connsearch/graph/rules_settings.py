"""Rules about the network settings: one fault for each setting that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from connsearch.errors import Fault
from connsearch.graph.checks import LIMIT, are_whole, is_whole, show, unknown
from connsearch.graph.spec import Attention, GateFusion, NetworkSettings

CHOICES = {
    "attention": tuple(mode.value for mode in Attention),
    "flow_normalisation": ("clip", "batch"),
    "head": ("average", "softmax"),
    "gate_fusion": get_args(GateFusion),
}
"""Settings that are one of a few names."""

_WHOLE = ("stem_total", "object_classes", "flow_iterations")
_LISTS = ("blocks", "inner_widths", "head_widths")


def setting_faults(settings: NetworkSettings) -> Iterator[Fault]:
    """Yields one fault for each setting that is out of range, of a wrong type or unknown."""
    values: dict[str, Any] = {
        name: getattr(settings, name) for name in settings.__dataclass_fields__
    }
    for name in _LISTS:
        if not are_whole(values[name]) or not (values[name] or name == "head_widths"):
            message = f"{show(values[name])} is not a list of whole numbers from 1 to {LIMIT:,}"
            yield _fault(name, message, "write for instance [3, 4, 6, 3]")
    for name in _WHOLE:
        if not is_whole(values[name]):
            yield _fault(name, f"{show(values[name])} is not a whole number from 1 to {LIMIT:,}")
    if values["stem_width"] is not None and not is_whole(values["stem_width"]):
        message = f"{show(values['stem_width'])} is not a whole number from 1 to {LIMIT:,}, or null"
        yield _fault("stem_width", message, "null divides stem_total among the stems")
    for name, known in CHOICES.items():
        if not isinstance(values[name], str) or values[name] not in known:
            yield _fault(name, unknown(name.replace("_", " "), values[name], known))
    dropout = values["dropout"]
    number = isinstance(dropout, int | float) and not isinstance(dropout, bool)
    if not number or not 0 <= dropout < 1:
        yield _fault("dropout", f"{show(dropout)} is not in [0, 1)", "0 turns it off")
    if not isinstance(values["normalise_inputs"], bool):
        read = show(values["normalise_inputs"])
        yield _fault("normalise_inputs", f"{read} is neither true nor false")
    yield from _level_faults(values)


def _level_faults(values: dict[str, Any]) -> Iterator[Fault]:
    """Blocks and inner widths are both one number per level."""
    blocks, widths = values["blocks"], values["inner_widths"]
    if not isinstance(blocks, tuple) or not isinstance(widths, tuple):
        return
    levels, given = len(values["blocks"]), len(values["inner_widths"])
    if levels != given:
        message = f"{given} widths for the {levels} levels of network.blocks"
        yield _fault("inner_widths", message, "give one number per level in both lists")


def _fault(name: str, message: str, cure: str = "") -> Fault:
    return Fault(f"setting-{name.replace('_', '-')}", f"network.{name}: {message}", cure=cure)
