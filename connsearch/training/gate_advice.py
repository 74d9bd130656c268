"""What the open rates of temporal gates say when a training has ended.

Pure functions of plain facts, as in ``training.advice``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from connsearch.runs.formats.advice import Advice
from connsearch.runs.formats.gates import GateRow

NEVER_OPEN = 0.05
"""A gate that is open for a smaller share of the clips than this counts as one that never opens."""

NEVER_SHUT = 0.95
"""A gate that is open for a larger share of the clips than this counts as one that never shuts."""

STILL_SHARE = 0.2
"""With more still clips than this it is worth a word that no gate opens for them."""

NAMED = 6
"""So many gates are named, the others are counted."""


@dataclass(frozen=True, slots=True)
class GateCourse:
    """How often a gate was open for training clips while gates decided.

    Attributes:
        name: of the gate.
        opened: for so many clips.
        clips: of so many.
        frames: it sees of a clip; None: not known.
    """

    name: str
    opened: int
    clips: int
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class GatesCourse:
    """What is known of the gates of a network after its training.

    Attributes:
        gates: all of them.
        still: views of the validation split in which nothing changes.
        judged: all views of it.
        told: somebody else says which gates make no choice: a search has alarms for that.
    """

    gates: Sequence[GateCourse]
    still: int = 0
    judged: int = 0
    told: bool = False


def gates_course(rows: Iterable[GateRow], still: int, judged: int) -> GatesCourse:
    """Returns what the rows of ``gates.csv`` say of the steps in which gates decided.

    Args:
        rows: of the table.
        still: views of the validation split in which nothing changes.
        judged: all views of it.
    """
    found: dict[str, GateCourse] = {}
    for row in rows:
        if row.split == "train" and row.deciding:
            before = found.get(row.gate, GateCourse(row.gate, 0, 0))
            opened, clips = before.opened + row.opened, before.clips + row.clips
            found[row.gate] = GateCourse(row.gate, opened, clips, row.frames)
    return GatesCourse(list(found.values()), still, judged)


def never_open(course: GatesCourse) -> Advice | None:
    """Says which gates were shut for nearly every clip since they decide."""
    known = _with_choice(course)
    shut = [gate.name for gate in known if gate.opened < NEVER_OPEN * gate.clips]
    if not shut or course.told:
        return None
    return Advice(
        kind="gates shut",
        said=f"{len(shut)} of {len(course.gates)} temporal gates never opened since they decide, "
        f"or for less than {NEVER_OPEN:.0%} of the clips ({_listed(shut)}): their recurrent cells "
        "have learned hardly anything since, and do hardly anything now",
        cure="a later --gate-start gives the cells more time; --gate-start none always fuses",
    )


def never_shut(course: GatesCourse) -> Advice | None:
    """Says which gates were open for nearly every clip since they decide."""
    known = _with_choice(course)
    wide = [gate.name for gate in known if gate.opened > NEVER_SHUT * gate.clips]
    if not wide or course.told:
        return None
    return Advice(
        kind="gates open",
        said=f"{len(wide)} of {len(course.gates)} temporal gates were never shut since they "
        f"decide, or for less than {1 - NEVER_SHUT:.0%} of the clips ({_listed(wide)}): they "
        "hardly tell one clip from another",
        cure="nothing, if that is what the data is like: --gate-start none is the same there, "
        "without the test",
    )


def still_videos(course: GatesCourse) -> Advice | None:
    """Says that no gate opens for many of the clips, because nothing changes in them."""
    if not course.judged or course.still <= STILL_SHARE * course.judged or not _with_choice(course):
        return None
    return Advice(
        kind="still clips",
        said=f"in {course.still} of {course.judged} clips of val nothing changes: all frames are "
        "alike, so none can be told from another, and a gate that sees several stays shut",
        cure="a larger --stride, if something changes later; --gate-start none fuses these, too",
    )


RULES: tuple[Callable[[GatesCourse], Advice | None], ...] = (never_open, never_shut, still_videos)
"""What is looked at."""


def after_gates(course: GatesCourse) -> list[Advice]:
    """Returns what the open rates of a training say; usually nothing."""
    return [said for rule in RULES if (said := rule(course)) is not None]


def _with_choice(course: GatesCourse) -> list[GateCourse]:
    """The gates that could have been open or shut: with one frame a gate is always open."""
    return [gate for gate in course.gates if gate.clips and gate.frames != 1]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
