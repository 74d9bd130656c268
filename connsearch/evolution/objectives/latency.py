"""The time a clip takes on the machine that evaluates it."""

from connsearch.evolution.objectives import OBJECTIVES, Objective

OBJECTIVES.register("latency")(
    Objective(
        lambda found: found.latency(),
        higher=False,
        label="latency, ms",
        style="measure",
        unit="ms",
    )
)
