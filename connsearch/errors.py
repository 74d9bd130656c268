"""The exception family: every mistake connsearch can name, from the general to the particular.

A message says where, what was read, what is allowed and, where there is one, the usual cure.
The command line turns a :class:`UserError` into exit code 2, a :class:`Failure` into exit code 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace


class ConnsearchError(Exception):
    """Anything connsearch raises on purpose."""


class UserError(ConnsearchError):
    """Something the caller gave cannot be used: exit code 2."""


class Failure(ConnsearchError):
    """Work that was well asked for went wrong: exit code 1."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule: where, which rule, what was read, and the usual cure."""

    rule: str
    message: str
    node: int | None = None
    row: str | None = None
    cure: str = ""

    def __str__(self) -> str:
        place = "" if self.node is None else f"node {self.node}: "
        lines = [f"{place}{self.message} [{self.rule}]"]
        if self.row is not None:
            lines.append(f"  read: {self.row}")
        if self.cure:
            lines.append(f"  cure: {self.cure}")
        return "\n".join(lines)


SHOWN, ALIKE = 20, 5
"""So many faults of a structure does its message show, and so many of one rule in one row."""


class StructureError(UserError):
    """A structure breaks one or more rules; ``faults`` holds all of them, the message some."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        self.name = name
        self.faults = tuple(faults)
        count = f"{len(self.faults)} fault" + ("s" if len(self.faults) != 1 else "")
        super().__init__(f"structure {name}: {count}\n" + "\n".join(_told(self.faults)))


def _told(faults: Sequence[Fault]) -> Iterator[str]:
    """The first faults, a row and a cure said once; of the rest how many there are."""
    alike: dict[tuple[int | None, str], list[Fault]] = {}
    for fault in faults:
        alike.setdefault((fault.node, fault.rule), []).append(fault)
    shown, counted, rows = 0, 0, set[int | None]()
    for (node, rule), group in alike.items():
        room, cures = SHOWN - shown, set[str]()
        for fault in group[: min(ALIKE, room)]:
            row = None if node in rows else fault.row
            yield str(replace(fault, row=row, cure="" if fault.cure in cures else fault.cure))
            rows.add(node)
            cures.add(fault.cure)
            shown += 1
        more = len(group) - ALIKE
        if more > 0 and room >= ALIKE:
            place = "" if node is None else f" of node {node}"
            yield f"  and {more:,} more{place} [{rule}]"
            counted += more
        if shown == SHOWN:
            break
    if rest := len(faults) - shown - counted:
        yield f"and {rest:,} more fault" + ("s" if rest != 1 else "")


class UnknownNameError(UserError):
    """A name that nothing is registered under."""


class KindError(UserError):
    """A block or stem kind whose layers do not fit together, or do not end as they were planned."""


class SettingsError(UserError):
    """A setting that is out of range, or two settings that contradict each other."""


class DataError(UserError):
    """A data set, a split or a video file that cannot be used."""


class RunError(UserError):
    """A run directory that is missing, incomplete, or belongs to other settings."""


class PruneError(UserError):
    """A keep-set that leaves no usable network, or a structure without learned weights."""


class WeightsError(UserError):
    """A file of published weights that cannot be read, or that belongs to another network."""


class TrainingError(Failure):
    """Training that cannot go on: a loss that is not finite, for instance."""
