"""The size streams of different sizes are fused at: a rule, the size it gives, when it lasts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from connsearch.errors import DataError, SettingsError
from connsearch.nn.modules.ranks import axes
from connsearch.nn.modules.wiring import check_names

Size = str | Sequence[int] | None
"""None: the smallest along every axis; a name: that stream's; numbers: one an axis."""

_CURE = "  cure: give the size, keep(..., size=(7, 7)) or size='name of a stream that stays'"


def check_rule(size: Size, streams: Collection[str]) -> str | tuple[int, ...] | None:
    """Returns the rule as it was given.

    Raises:
        UnknownNameError: a stream that is not declared.
        SettingsError: a number below 1.
    """
    if size is None:
        return None
    if isinstance(size, str):
        check_names("stream", [size], streams)
        return size
    if any(side < 1 for side in size):
        raise SettingsError(f"size: got {tuple(size)}; it must be at least 1 along every axis")
    return tuple(size)


def fused_size(
    rule: str | tuple[int, ...] | None, sizes: Mapping[str, tuple[int, ...]], rank: int
) -> tuple[int, ...]:
    """Returns (T, H, W) of the fused clip; 1 along axes that features of this rank do not have.

    Args:
        rule: from :func:`check_rule`.
        sizes: (T, H, W) of every stream.
        rank: number of axes of the streams, (B, C) counted.

    Raises:
        DataError: the rule has another number of axes than the streams.
    """
    if rule is None:
        return tuple(min(side) for side in zip(*sizes.values(), strict=True))
    if isinstance(rule, str):
        return sizes[rule]
    if len(rule) != rank - 2:
        raise DataError(
            f"the size of the result is {rule}, and the streams have {rank - 2} axes after (B, C)"
        )
    given = dict(zip(axes(rank), rule, strict=True))
    return tuple(given.get(axis, 1) for axis in (2, 3, 4))


def survives(
    rule: str | tuple[int, ...] | None,
    sizes: Mapping[str, tuple[int, ...]],
    *,
    kept: Collection[str],
    all_streams: Sequence[str],
) -> None:
    """Refuses a rule that would give another size once only some streams are left.

    Args:
        rule: from :func:`check_rule`.
        sizes: (T, H, W) of every stream when they were last seen; empty: never.
        kept: the streams that stay.
        all_streams: the streams there are.

    Raises:
        SettingsError: the size comes, or may come, from a stream that goes.
    """
    if isinstance(rule, tuple) or set(kept) == set(all_streams):
        return
    if isinstance(rule, str):
        if rule not in kept:
            raise SettingsError(f"the size is that of {rule!r}, which is dropped\n{_CURE}")
        return
    if not sizes:
        raise SettingsError(
            "the size is that of the smallest stream, which is not known yet and may be one of "
            f"those dropped\n  cure: run the module once first\n{_CURE}"
        )
    before = fused_size(None, sizes, 5)
    after = fused_size(None, {name: sizes[name] for name in kept}, 5)
    if before != after:
        raise SettingsError(
            "the smallest stream is dropped: "
            f"(T, H, W) would grow from {before} to {after}\n{_CURE}"
        )
