"""What people should know of a training before its first step."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.runs.events import Event, NoteEvent, WarningEvent
from connsearch.training.curriculum import Curriculum
from connsearch.training.evaluate import Compute
from connsearch.training.options import ScheduleOptions


def remarks(curriculum: Curriculum, schedule: ScheduleOptions, compute: Compute) -> Iterator[Event]:
    """Yields a note of how the steps are made, and a warning of every setting that does little."""
    note = curriculum.describe()
    yield from [] if note is None else [NoteEvent(note)]
    end, epoch = curriculum.place(0)[1:]
    if schedule.schedule == "exponential" and not schedule.decay_smooth:
        first, cure = schedule.decay_every, "decay-steps"
    elif schedule.schedule == "steps":
        first, cure = min(schedule.decay_epochs or (0,)) * epoch, "decay-epochs"
    else:
        first, cure = 0, ""
    if first >= end:
        yield WarningEvent(
            f"schedule {schedule.schedule}: the learning rate first falls after step {first:.0f}, "
            f"and the training has {end:.0f} (in full batches): it never falls\n"
            f"  cure: smaller --{cure}, or more epochs"
        )
    if schedule.warmup_steps is not None and schedule.warmup_steps >= end:
        yield WarningEvent(
            f"warmup_steps {schedule.warmup_steps}: the training has {end:.0f} steps (in full "
            "batches), so the learning rate never reaches its peak\n"
            "  cure: smaller --warmup-steps, or more epochs"
        )
    if compute.precision == "fp16" and compute.device == "cpu":
        yield WarningEvent(
            "precision fp16 on a processor is for trying it out: it takes many times as long as "
            "fp32, and bf16 needs no loss scaling\n  cure: --precision auto, or --device cuda"
        )
