"""What a clip costs, by arithmetic."""

from connsearch.evolution.objectives import OBJECTIVES, Objective

OBJECTIVES.register("macs")(
    Objective(
        lambda found: float(found.macs),
        higher=False,
        label="multiply-accumulates per clip",
        style="count",
        unit="MACs",
    )
)
