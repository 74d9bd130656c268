"""Advice about many trainings of one kind, said once before the first of them."""

from __future__ import annotations

from collections.abc import Collection

import torch

from connsearch.data.loading.load import DataSplits
from connsearch.graph.spec import Structure
from connsearch.models.structure import Network
from connsearch.training.advice import before_training
from connsearch.training.curriculum import Curriculum
from connsearch.training.noticed import training_plan
from connsearch.training.options import TrainOptions
from connsearch.workflows.listening import Listener

SHORT = frozenset({"few steps"})
"""What is known of the length of a training alone."""


def advise(
    structure: Structure,
    data: DataSplits,
    options: TrainOptions,
    listener: Listener,
    *,
    without: Collection[str] = (),
    only: Collection[str] | None = None,
) -> None:
    """Says what would make the trainings of a structure better, each of which keeps it too.

    Args:
        structure: that is trained, or one like those that are.
        data: they learn from.
        options: of every training.
        listener: hears it.
        without: kinds of advice that do not matter here.
        only: those that do; None: all.
    """
    with torch.device("meta"):
        network = Network(structure, len(data.classes))
    curriculum = Curriculum(data.train, options.schedule, options.multigrid, seed=options.seed)
    for advice in before_training(training_plan(network, data, options, curriculum)):
        if advice.kind not in without and (only is None or advice.kind in only):
            listener.warn(str(advice))


def advise_offspring(rounds: int, population: int, listener: Listener) -> None:
    """Says that an evolution ends before the first child has a parent."""
    if rounds <= population:
        listener.warn(
            f"the first {population} children, which fill the population, are random, and only "
            f"{rounds} are asked for: nothing evolves\n  cure: more --rounds, such as "
            f"{5 * population}, or a smaller --population"
        )
