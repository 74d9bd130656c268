"""What a user says about streams and peers, checked, and as the plan of a fusion that has no node.

Streams and peers have names there and numbers here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from connsearch.errors import DataError, SettingsError, UnknownNameError
from connsearch.graph.plan import Bucket, FusionPlan
from connsearch.registry import suggest


def fusion_plan(
    sources: tuple[int, ...],
    buckets: tuple[Bucket, ...],
    width: int,
    *,
    widths: Mapping[int, int],
    candidates: tuple[int, ...] = (),
    attention_width: int | None = None,
) -> FusionPlan:
    """Returns the plan of a fusion that is no block of a structure: nothing comes after it.

    Peers are projected to ``attention_width``, by default to the width of the widest, as published.
    """
    if candidates and attention_width is None:
        attention_width = max(widths[n] for n in candidates)
    return FusionPlan(
        sources=sources,
        buckets=buckets,
        fused_width=width,
        input_stride=1,
        candidates=candidates,
        attention_width=attention_width,
    )


def check_widths(what: str, widths: Mapping[str, int]) -> None:
    """Refuses an empty mapping and channels below 1.

    Raises:
        SettingsError: with what was read and what is allowed.
    """
    if not widths:
        raise SettingsError(f"no {what} is declared; at least one name with its channels is needed")
    for name, width in widths.items():
        if width < 1:
            raise SettingsError(f"{what} {name!r}: got {width} channels; at least 1 is needed")


def check_names(what: str, names: Collection[str], known: Collection[str]) -> None:
    """Refuses names that are not declared.

    Raises:
        UnknownNameError: with the nearest and the known.
    """
    for name in names:
        if name not in known:
            raise UnknownNameError(suggest(what, name, sorted(known)))


def check_given(what: str, given: Collection[str], declared: Sequence[str]) -> None:
    """Refuses names that are not declared, and declared names that are not given.

    Raises:
        UnknownNameError: a name that is not declared.
        DataError: one that is declared and missing.
    """
    check_names(what, given, declared)
    missing = [name for name in declared if name not in given]
    if missing:
        raise DataError(
            f"{what} {', '.join(map(repr, missing))} is declared but was not given; "
            f"got: {', '.join(given) or 'nothing'}"
        )


def peer_widths(streams: Mapping[str, int], peers: Mapping[str, int] | None) -> dict[str, int]:
    """Returns the peers of a fusion: the given ones, or its streams.

    Raises:
        SettingsError: no peer, channels below 1, or other channels than the stream of that name.
    """
    if peers is None:
        return dict(streams)
    check_widths("peer", peers)
    for name, width in peers.items():
        if streams.get(name, width) != width:
            raise SettingsError(
                f"peer {name!r}: got {width} channels; the stream of that name has {streams[name]}"
            )
    return dict(peers)
