"""How well it does."""

from connsearch.evolution.objectives import OBJECTIVES, Objective

OBJECTIVES.register("accuracy")(
    Objective(lambda found: found.score, higher=True, label="accuracy", style="share")
)
