"""By which thresholds clips of a prediction stop early, where the run has any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from connsearch.errors import RunError, SettingsError
from connsearch.files.disk import is_there
from connsearch.models.early_exit import Stops
from connsearch.runs.documents import read_form
from connsearch.runs.formats.early_exit import EarlyExitSummary, SolvedBudget
from connsearch.runs.names import EARLY_EXIT, SUMMARY
from connsearch.runs.record import RunRecord
from connsearch.workflows.listening import Listener
from connsearch.workflows.settings.early_exit import mean_budgets
from connsearch.workflows.settings.predict import PredictSettings
from connsearch.workflows.stopping import stepwise, weights_digest


@dataclass(frozen=True, slots=True)
class ChosenStops:
    """Thresholds of a run.

    Attributes:
        budget: that they were solved for.
        stops: themselves.
        costs: multiply-accumulates of a clip until each exit.
    """

    budget: str
    stops: Stops
    costs: Sequence[int]

    def told(self, exits: Sequence[int]) -> tuple[int, int]:
        """Returns after which step a clip stopped, from 1, and what its views cost together."""
        return max(exits) + 1, sum(self.costs[number] for number in exits)


def chosen_stops(
    asked: PredictSettings, trained: RunRecord, network: nn.Module, listener: Listener
) -> ChosenStops | None:
    """Returns the thresholds that clips are to stop by, and says so; None: all is computed.

    Args:
        asked: all settings.
        trained: the run.
        network: of the run.
        listener: hears what is chosen.

    Raises:
        RunError: a budget is asked for that is not solved, or for other weights, or of a network
            that answers once; or the summary of the thresholds is damaged.
    """
    path = trained.directory / EARLY_EXIT / SUMMARY
    if asked.all_steps or (asked.budget is None and not is_there(path)):
        return None
    line = f'connsearch early-exit {asked.run} --budget "{asked.budget or "macs<=50%"}"'
    if not is_there(path):
        stepwise(network, trained.directory)
        raise RunError(
            f"--budget {asked.budget}: {trained.directory} has no thresholds\n  cure: {line}"
        )
    summary = read_form(path, EarlyExitSummary, "what connsearch early-exit found")
    if asked.budget is None and summary.chosen is None:
        return None
    one = _solved(asked, summary, line)
    if summary.weights != weights_digest(trained):
        told = f"the thresholds in {path.parent} are for other weights: the run has changed since"
        if asked.budget is not None:
            raise RunError(f"--budget {asked.budget}: {told}\n  cure: {line}")
        listener.warn(f"{told}; all steps are computed\n  cure: {line}")
        return None
    listener.say(
        f"clips stop early, by the thresholds for {one.budget}: {one.point.share:.0%} of the "
        f"multiply-accumulates on {summary.split} (--all-steps computes everything)"
    )
    thresholds = [math.inf if x is None else x for x in one.thresholds]
    return ChosenStops(one.budget, Stops(thresholds, summary.confidence), summary.costs)


def _solved(asked: PredictSettings, summary: EarlyExitSummary, line: str) -> SolvedBudget:
    """The thresholds of the budget that is asked for.

    Raises:
        RunError: it is not among those that were solved.
        SettingsError: it is no budget.
    """
    name = summary.chosen
    if asked.budget is not None:
        try:
            name = str(mean_budgets((asked.budget,))[0])
        except SettingsError as error:
            raise SettingsError(f"--budget: {error}") from None
    found = summary.solved(name)
    if found is None:
        known = ", ".join(one.budget for one in summary.budgets) or "none"
        raise RunError(
            f"--budget {asked.budget}: no thresholds for it\n  known: {known}\n  cure: one of "
            f"these, or {line}"
        )
    return found
