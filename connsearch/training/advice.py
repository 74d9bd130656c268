"""What is said before a training wastes time, and what its numbers say when it has ended.

Pure functions of plain facts. A rule returns what it has to say, or None; the tuples at the end
list the rules in the order in which people read them. ``training.noticed`` collects the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connsearch.data.tools.suggest import FEWEST_STEPS
from connsearch.runs.formats.advice import Advice
from connsearch.runs.metrics import wilson_interval
from connsearch.training.gate_advice import GatesCourse, after_gates

FEW_CLIPS = 5
"""A class with fewer training clips than this is hardly learned."""

NAMED = 5
"""So many classes are named, the others are counted."""

LAST_PART = 2
"""A loss is looked at over the last half of the steps. With the usual schedule the rate falls to 0,
and the loss of any training is level over a shorter part, finished or not."""

ENOUGH_STEPS = 40
"""Of a shorter training nothing is said about the course of its loss."""

SURE = 2.5
"""A slope is one if it is this many standard errors away from level."""

STILL_FALLING = 0.2
"""The share of its whole fall that a loss must fall within the last part to be called unfinished: a
straight line falls half of it, and a loss that has levelled off next to nothing."""

MEMORISED = 0.25
"""Training and validation accuracy may differ by this much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What is known of a training before its first step.

    Attributes:
        clips: it learns from.
        batch: clips of a step.
        epochs: it goes through.
        steps: it takes.
        limited: it ends after a number of steps that somebody gave, not after its epochs.
        frames: of a clip.
        size: height and width of a clip in pixels.
        pixels: height and width of the smallest feature map; None: not known.
        flow: whether the network computes motion from neighbouring frames.
        planted: the data is built in, and was made for clips as small as these.
        classes: names.
        train: training clips of each class.
        val: validation clips of each class.
        accumulate: batches that the clips of a step come in.
    """

    clips: int
    batch: int
    epochs: int
    steps: int
    limited: bool
    frames: int
    size: int
    pixels: int | None
    flow: bool
    planted: bool
    classes: Sequence[str]
    train: Sequence[int]
    val: Sequence[int]
    accumulate: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCourse:
    """What is known of a training after its last step.

    Attributes:
        losses: of every step.
        answered: clips of the last epoch, or of as many steps, that have a right answer.
        right: how many of them were answered rightly, as they were trained on.
        guess: accuracy of always answering one class: the one that is shown most often, or, where
            all count alike in the loss or are shown alike, any of them.
        val: accuracy on the validation split with the ends of its 95 % interval; None: unknown.
        epochs: it went through.
        steps: it took.
        limited: as in :class:`TrainingPlan`.
        gates: what is known of the temporal gates of the network; None: nothing.
    """

    losses: Sequence[float]
    answered: int
    right: int
    guess: float
    val: tuple[float, float, float] | None
    epochs: int
    steps: int
    limited: bool
    gates: GatesCourse | None = None


def few_steps(plan: TrainingPlan) -> Advice | None:
    """Says that a training is too short to show anything."""
    if plan.steps >= FEWEST_STEPS:
        return None
    return Advice(
        kind="few steps",
        said=f"{plan.steps} optimiser steps are planned: with fewer than {FEWEST_STEPS}, filters "
        "and connections hardly move from where they start",
        cure=_longer(plan, FEWEST_STEPS) + ("" if plan.limited else _smaller_batch(plan)),
    )


def one_frame(plan: TrainingPlan) -> Advice | None:
    """Says that a network is to see motion in a single frame."""
    if not plan.flow or plan.frames > 1:
        return None
    return Advice(
        kind="one frame",
        said="clips of 1 frame: flow is computed from a frame to the next one, so here it is 0 "
        "everywhere, and the flow stems learn nothing",
        cure="--frames 2 or more (8 or 16 as usual), or --streams rgb",
    )


def one_pixel(plan: TrainingPlan) -> Advice | None:
    """Says that a clip is so small that a feature map has a single pixel left."""
    if plan.pixels is None or plan.pixels > 1 or plan.planted:
        return None
    return Advice(
        kind="one pixel",
        said=f"clips of {plan.size} x {plan.size} pixels leave this network 1 pixel: where it has "
        "no more than that, it cannot see where something is",
        cure=f"--size {2 * plan.size}",
    )


def large_batch(plan: TrainingPlan) -> Advice | None:
    """Says that a batch has room for more clips than there are."""
    if plan.batch <= plan.clips:
        return None
    several = plan.accumulate > 1
    what = "a step" if several else "a batch"
    return Advice(
        kind="large batch",
        said=f"{what} of {plan.batch} is larger than the training split, {plan.clips} clips: an "
        "epoch is a single step",
        cure="a smaller --accumulate" if several else f"--batch-size {max(1, plan.clips // 4)}",
    )


def few_clips(plan: TrainingPlan) -> Advice | None:
    """Says which classes have too few clips to be learned."""
    few = [
        f"{name} ({count})"
        for name, count in zip(plan.classes, plan.train, strict=True)
        if 0 < count < FEW_CLIPS
    ]
    if not few:
        return None
    return Advice(
        kind="few clips",
        said=f"{len(few)} of {len(plan.classes)} classes have fewer than {FEW_CLIPS} training "
        f"clips: {_listed(few)}",
        cure="more clips of them; --augment srtg_small makes the most of what there is",
    )


def not_learned(plan: TrainingPlan) -> Advice | None:
    """Says which classes have no clip to learn from."""
    absent = _without(plan.classes, plan.train)
    if not absent:
        return None
    return Advice(
        kind="not learned",
        said=f"{len(absent)} of {len(plan.classes)} classes have no training clip, and cannot be "
        f"answered: {_listed(absent)}",
        cure="clips of them, or another division of the clips (--data-seed, --val-share, "
        "--test-share)",
    )


def not_judged(plan: TrainingPlan) -> Advice | None:
    """Says which classes have no clip to be judged by."""
    absent = _without(plan.classes, plan.val) if any(plan.val) else []
    if not absent:
        return None
    return Advice(
        kind="not judged",
        said=f"{len(absent)} of {len(plan.classes)} classes have no validation clip, so no number "
        f"on val says anything about them: {_listed(absent)}",
        cure="a larger --val-share, or another --data-seed; if the list gives the splits, move "
        "clips of these classes to val",
    )


def still_falling(course: TrainingCourse) -> Advice | None:
    """Says that a loss was still falling when the training ended."""
    share = unfinished_share(course.losses)
    if share is None or share < STILL_FALLING:
        return None
    return Advice(
        kind="still falling",
        said=f"the training loss was still falling at the end: {share:.0%} of its whole fall came "
        f"in the last half of the {course.steps} steps",
        cure=_longer(course, max(2 * course.steps, FEWEST_STEPS)),
    )


def near_chance(course: TrainingCourse) -> Advice | None:
    """Says that a network does not even know the clips it has learned from."""
    if not course.answered:
        return None
    low, _ = wilson_interval(course.right, course.answered)
    if low > course.guess:
        return None
    return Advice(
        kind="near chance",
        said=f"{course.right / course.answered:.0%} of the training clips were answered rightly in "
        f"the end, not clearly more than by always answering one class ({course.guess:.0%}): "
        "hardly anything was learned",
        cure=f"{_longer(course, max(4 * course.steps, FEWEST_STEPS))}, another --lr, a larger "
        "--size, or --frames and --stride that cover what happens in a clip",
    )


def memorised(course: TrainingCourse) -> Advice | None:
    """Says that a network knows its training clips far better than others."""
    if not course.answered or course.val is None:
        return None
    known, (val, _, high) = course.right / course.answered, course.val
    low, _ = wilson_interval(course.right, course.answered)
    if known - val < MEMORISED or low <= high:
        return None
    return Advice(
        kind="memorised",
        said=f"training accuracy {known:.2f}, validation accuracy {val:.2f}: much of what was "
        "learned holds for the training clips alone",
        cure="more clips or groups, --augment srtg_small, a larger --weight-decay, or a smaller "
        "network (connsearch prune)",
    )


BEFORE: tuple[Callable[[TrainingPlan], Advice | None], ...] = (
    few_steps,
    one_frame,
    one_pixel,
    large_batch,
    not_learned,
    few_clips,
    not_judged,
)
"""What is looked at before a training."""

AFTER: tuple[Callable[[TrainingCourse], Advice | None], ...] = (
    near_chance,
    still_falling,
    memorised,
)
"""What is looked at after it."""


def before_training(plan: TrainingPlan) -> list[Advice]:
    """Returns what a person should know before a training begins; usually nothing."""
    return [said for rule in BEFORE if (said := rule(plan)) is not None]


def after_training(course: TrainingCourse) -> list[Advice]:
    """Returns what the numbers of a training say; usually nothing."""
    found = [said for rule in AFTER if (said := rule(course)) is not None]
    return found if course.gates is None else [*found, *after_gates(course.gates)]


def unfinished_share(losses: Sequence[float]) -> float | None:
    """Returns how much of its whole fall a loss fell in its last half, as its slope shows there.

    None where that cannot be told: there are too few steps, the loss did not fall as a whole, or
    the slope of the last part is no clearer than its noise (:data:`SURE`).

    >>> round(unfinished_share([100.0 - n for n in range(100)]), 2)
    0.52
    >>> unfinished_share([1.0] * 100) is None
    True
    """
    if len(losses) < ENOUGH_STEPS:
        return None
    part = len(losses) // LAST_PART
    last, first = losses[-part:], losses[: len(losses) // 10]
    slope, error = _line(last)
    fall = -slope * (part - 1)
    whole = sum(first) / len(first) - sum(last) / part + fall / 2
    if fall <= 0 or -slope <= SURE * error or whole <= 0:
        return None
    return min(fall / whole, 1.0)


def _line(values: Sequence[float]) -> tuple[float, float]:
    """Slope of the straight line through evenly spaced values, and its standard error."""
    n = len(values)
    middle, mean = (n - 1) / 2, sum(values) / n
    spread = sum((at - middle) ** 2 for at in range(n))
    slope = sum((at - middle) * (y - mean) for at, y in enumerate(values)) / spread
    rest = sum((y - mean - slope * (at - middle)) ** 2 for at, y in enumerate(values))
    return slope, (rest / (n - 2) / spread) ** 0.5


def _longer(what: TrainingPlan | TrainingCourse, steps: int) -> str:
    """The option that makes a training take so many steps."""
    if what.limited:
        return f"--steps {steps} or more"
    return f"--epochs {-(-what.epochs * steps // max(what.steps, 1))} or more"


def _smaller_batch(plan: TrainingPlan) -> str:
    if plan.accumulate > 1:
        return " or a smaller --accumulate"
    return " or a smaller --batch-size" if min(plan.batch, plan.clips) > 4 else ""


def _without(names: Sequence[str], counts: Sequence[int]) -> list[str]:
    return [name for name, count in zip(names, counts, strict=True) if not count]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
