"""Scores from temporal gates: a learned weight, times how often its gate lets anything through.

Nothing is measured: the rates stand in the ``gates.csv`` of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connsearch.errors import RunError, SettingsError
from connsearch.graph.gates import connection_gate_name
from connsearch.graph.gating import gated_connections
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.scores import learned_weights, name_edges
from connsearch.runs.formats.gates import GateRow, last_decided
from connsearch.runs.names import GATES
from connsearch.runs.run_files import RunFiles


@dataclass(frozen=True)
class OpenRates:
    """How often the temporal gates of connections were open on ``val``.

    Attributes:
        step: done when that was counted: at the last look of those in which gates decided.
        rates: share of the clips, in [0, 1], of every connection with a gate.
    """

    step: int
    rates: Mapping[Edge, float]

    def scores(self, structure: Structure) -> dict[Edge, float]:
        """Returns what a criterion compares: weight times open rate; without a gate the weight.

        Connections of coefficient 1 have no score: no criterion removes them.

        >>> from connsearch.graph.files import load_structure
        >>> structure = load_structure("assemblenet-50")
        >>> edge, weight = next(iter(learned_weights(structure).items()))
        >>> OpenRates(9, {edge: 0.5}).scores(structure)[edge] == weight / 2
        True
        """
        return {e: w * self.rates.get(e, 1.0) for e, w in learned_weights(structure).items()}

    def columns(self, edge: Edge) -> dict[str, float | None]:
        """Returns what the table of scores says of a connection."""
        return {"open_rate": self.rates.get(edge)}


def open_rates(run: RunFiles, structure: Structure) -> OpenRates:
    """Returns how often the gates of a run's connections are open, from its ``gates.csv``.

    What counts is the last evaluation on ``val`` in which gates decided; where the best state was
    kept, the last one up to that state.

    Args:
        run: a finished search or training.
        structure: of its network, with its own numbers of nodes.

    Raises:
        SettingsError: no connection has a gate, or gates never decided on ``val``.
        RunError: there is no such table, it is damaged, or lacks a gate.
    """
    gated = list(gated_connections(structure))
    if not gated:
        raise SettingsError(
            f"--scores gate: none of the {len(structure.edges())} connections of {run.directory} "
            "has a temporal gate, so there is no open rate\n"
            "  cure: --scores weight, or a search with --gated-connections streams"
        )
    path = run.path(GATES)
    if not run.has(GATES):
        raise RunError(
            f"{path}: is missing, but --scores gate reads open rates there\n"
            "  cure: restore the file, or prune the search itself if this is what was pruned"
        )
    rows = _last_decided(run)
    found = {edge: rows.get(connection_gate_name(edge)) for edge in gated}
    missing = [edge for edge, row in found.items() if row is None or row.rate is None]
    if missing:
        raise RunError(
            f"{path}: no clip was counted for the gates of {name_edges(missing)} at the last "
            "evaluation on val\n  cure: restore the file, or search again"
        )
    counted = {edge: row for edge, row in found.items() if row is not None}
    wrong = [row for row in counted.values() if not 0 <= row.opened <= row.clips]
    if wrong:
        raise RunError(
            f"{path}: {wrong[0].gate}: open for {wrong[0].opened} of {wrong[0].clips} clips\n"
            "  cure: restore the file"
        )
    step = max(row.step for row in counted.values())
    return OpenRates(step, {edge: row.opened / row.clips for edge, row in counted.items()})


def _last_decided(run: RunFiles) -> dict[str, GateRow]:
    """The rows of the last evaluation on val in which gates decided, by the names of the gates.

    Raises:
        SettingsError: there is none.
    """
    found = last_decided(run.gates, until=run.kept_step)
    if not found:
        judged = [row for row in run.gates if row.split == "val"]
        raise SettingsError(f"--scores gate: {run.path(GATES)}: {_why(judged, run.kept_step)}")
    return found


def _why(judged: Sequence[GateRow], kept: int | None) -> str:
    """Why there is no evaluation on val in which gates decided, and what helps."""
    if not judged:
        return (
            "nothing was counted on val, so there are no open rates\n"
            "  cure: data with clips in val (--val-share), or --scores weight"
        )
    decided = [row.step for row in judged if row.deciding]
    if decided:
        return (
            f"the state that was kept is that of step {kept} (--keep best), and on val gates "
            f"decided from step {min(decided)} on\n"
            "  cure: search again with an earlier --gate-start or --keep last, or --scores weight"
        )
    return (
        "its temporal gates never decided when val was judged; what they would have done is no "
        "score\n  cure: search again with an earlier --gate-start or more --epochs, or --scores "
        "weight"
    )
