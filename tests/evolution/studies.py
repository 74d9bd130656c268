"""Evolutions of every size, made once for all tests that look at them; nobody changes them."""

from __future__ import annotations

from functools import cache

from connsearch.view.evolution.story import Story
from tests.evolution.hand_made import Evolution, evolved

SIZES = ("none", "one", "failed", "few", "two goals", "three goals", "many")


@cache
def study(size: str) -> Evolution:
    """An evolution: of nobody, of one child, of failures only, of some, and of 300."""
    if size == "failed":
        evolution = evolved(0)
        for _ in range(4):
            child = evolution.found()
            evolution.judge(child, state="failed")
            evolution.judge(child, state="failed", attempt=1, given_up=True)
        return evolution
    goals = ("accuracy", "macs", "latency")
    return {
        "none": lambda: evolved(0),
        "one": lambda: evolved(1),
        "few": lambda: evolved(9, population=4),
        "two goals": lambda: evolved(60, objectives=goals[:2]),
        "three goals": lambda: evolved(60, objectives=goals),
        "many": lambda: evolved(300, population=20),
    }[size]()


@cache
def story(size: str) -> Story:
    """The same, told."""
    evolution = study(size)
    return Story.of(evolution.history, evolution.options, title=f"study of {size}")
