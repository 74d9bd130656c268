"""A search as an animation, before it is drawn: what is shown at which step, and on what stage.

The stage is one picture, laid out once; only the width, the dashes and the number of a connection
change from moment to moment.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from connsearch.errors import RunError
from connsearch.files.disk import is_there
from connsearch.graph.spec import Edge, Peer, Structure
from connsearch.pruning.criteria import Criterion
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import Pruned, prune
from connsearch.pruning.remains import Remains, remains_of
from connsearch.pruning.scores import learned_weights
from connsearch.runs.names import CONNECTIONS, METRICS
from connsearch.view.runs.series import read_curves, read_epochs, read_peers, read_weights
from connsearch.view.structures.draw import laid_out, to_dot
from connsearch.view.structures.interactive import alt_text, parsed
from connsearch.view.structures.scene import MANY_CONNECTIONS, MANY_NODES

_WEIGHT = re.compile(r"[01]\.\d+|free|always")


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of a run.

    Attributes:
        step: of the training, from 0.
        epoch: from 0.
        weights: of the connections that learn, post-sigmoid.
        kept: the connections that would stay now.
        remains: how many connections and nodes that are, as ``connsearch prune`` counts them.
        accuracy: of the newest evaluation on the validation split so far; None before the first.
        chosen: it is the best of several looks, which the run has kept.
    """

    step: int
    epoch: int
    weights: Mapping[Edge, float]
    kept: frozenset[Edge]
    remains: Remains
    accuracy: float | None
    chosen: bool = False

    def caption(self) -> str:
        """Returns step, epoch (from 1), accuracy, how many connections and nodes would stay."""
        parts = [f"step {self.step}", f"epoch {self.epoch + 1}"]
        if self.accuracy is not None:
            parts.append(f"validation accuracy {self.accuracy:.3f}")
        if self.chosen:
            parts.append("the best look, which is kept")
        return " · ".join([*parts, f"{self.remains} would stay"])


@dataclass(frozen=True, slots=True)
class ChosenState:
    """The state that a run has kept, where that is not its last one.

    Attributes:
        step: of it.
        structure: with what was learned until then.
    """

    step: int
    structure: Structure


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The picture all moments share.

    Attributes:
        picture: an SVG element; the number of connection S -> T has the id ``weight-S-T``.
        edges: the drawn connections that learn; the others never change.
    """

    picture: ET.Element
    edges: tuple[Edge, ...]


def read_moments(
    run_dir: str | Path,
    structure: Structure,
    criterion: Criterion,
    *,
    frames: int,
    chosen: ChosenState | None = None,
) -> list[Moment]:
    """Returns at most so many logged steps of a run, evenly spread, the first and last among them.

    The run may be unfinished, or at work. A state that was chosen comes once more, after the last.

    Args:
        run_dir: holds connections.csv and, for the accuracy, metrics.csv.
        structure: what the run trains.
        criterion: says which connections are to be kept; what that leaves dead goes, too.
        frames: how many moments at most, 2 or more.
        chosen: what the run has kept; None: its last state.

    Raises:
        RunError: no such log, nothing in it yet, or a log that cannot be read.
        PruneError: the criterion cannot be used on these weights.
    """
    path = Path(run_dir) / CONNECTIONS
    if not is_there(path):
        raise RunError(
            f"{run_dir}: holds no {CONNECTIONS}, so there is nothing to show over time\n"
            "  cure: give the directory of a search; its log is written while it runs"
        )
    known = set(structure.edges())
    series = {e: s for e, s in read_weights(path).items() if e in known}
    if not series:
        raise RunError(
            f"{path}: no connection's weight was logged\n"
            "  cure: give a search; where connection weights are frozen nothing changes"
        )
    epochs = read_epochs(path)
    logged = sorted({step for found in series.values() for step in found.steps})
    steps = _spread(logged, frames if chosen is None else max(frames - 1, 2))
    tables = {e: dict(zip(s.steps, s.values, strict=True)) for e, s in series.items()}
    curve = _accuracy(Path(run_dir))
    peers = read_peers(path, set(steps))
    moments: list[Moment] = []
    for step in steps:
        weights = {edge: table[step] for edge, table in tables.items() if step in table}
        pruned = _pruned(structure, criterion, weights, peers.get(step, {}))
        told = weights, pruned.edges, remains_of(pruned)
        moments.append(Moment(step, epochs[step], *told, _until(curve, step)))
    if chosen is not None:
        epoch = epochs[logged[max(bisect_right(logged, chosen.step - 1) - 1, 0)]]
        moments.append(_chosen(chosen, criterion, known & set(series), epoch, curve))
    return moments


def _chosen(
    state: ChosenState,
    criterion: Criterion,
    shown: Collection[Edge],
    epoch: int,
    curve: Sequence[tuple[int, float]],
) -> Moment:
    """The moment of the state that a run has kept."""
    weights = {e: w for e, w in learned_weights(state.structure).items() if e in shown}
    scores = {**dict.fromkeys(state.structure.edges(), 0.0), **weights}
    keep = criterion(state.structure, scores)
    pruned = prune(state.structure, keep, peer_only=PruneOptions().peer_only)
    accuracy = _until(curve, state.step)
    return Moment(
        state.step, epoch, weights, pruned.edges, remains_of(pruned), accuracy, chosen=True
    )


def _until(curve: Sequence[tuple[int, float]], step: int) -> float | None:
    """The newest accuracy up to a step."""
    place = bisect_right(curve, step, key=lambda found: found[0])
    return curve[place - 1][1] if place else None


def _pruned(
    structure: Structure,
    criterion: Criterion,
    weights: Mapping[Edge, float],
    peers: Mapping[Edge, Sequence[Peer]],
) -> Pruned:
    """What ``connsearch prune`` would make of the weights and peers of one step.

    Of a run at work the last step may have the peers of some connections only: then of none.
    """
    now = structure.with_weights(dict(weights))
    if all(edge in peers for edge in structure.edges()):
        now = now.with_peers({edge: tuple(found) for edge, found in peers.items()})
    scores = {**dict.fromkeys(structure.edges(), 0.0), **weights}
    return prune(now, criterion(now, scores), peer_only=PruneOptions().peer_only)


def set_stage(structure: Structure, moments: Sequence[Moment], *, title: str) -> Backdrop:
    """Returns the picture of the structure, without peers, laid out for all moments.

    Of a structure with more than 60 nodes or 200 connections it has the 400 connections that were
    the strongest at any moment.

    Raises:
        Failure: Graphviz failed.
    """
    last = moments[-1].weights
    if len(structure) > MANY_NODES or len(structure.edges()) > MANY_CONNECTIONS:
        scores = {edge: max(m.weights.get(edge, 0.0) for m in moments) for edge in last}
    else:
        scores = dict(last)
    plain = structure.with_peers({edge: () for edge in structure.edges()})
    dot = to_dot(plain, threshold=0.0, title=title, scores=scores)
    picture = parsed(laid_out(dot, "svg"), label=f"{alt_text(plain, title=title)} over time")
    drawn = [e for e in structure.edges() if _group(picture, e) is not None]
    _name_numbers(picture, structure)
    return Backdrop(picture, tuple(edge for edge in drawn if edge in last))


def name(edge: Edge) -> str:
    """Returns the last part of the ids that belong to a connection."""
    return f"{edge.source}-{edge.target}"


def _group(picture: ET.Element, edge: Edge) -> ET.Element | None:
    return picture.find(f".//g[@id='connection-{name(edge)}']")


def _name_numbers(picture: ET.Element, structure: Structure) -> None:
    """Gives the number of every connection its id; a node lists them by source."""
    for index, block in structure.blocks():
        node = picture.find(f".//g[@id='node-{index}']")
        if node is None:
            continue
        numbers = [text for text in node.iter("text") if _WEIGHT.fullmatch(text.text or "")]
        sources = sorted(block.inputs)
        if len(numbers) == len(sources):  # none where nodes are drawn small
            for source, text in zip(sources, numbers, strict=True):
                text.set("id", f"weight-{source}-{index}")


def _spread(steps: Sequence[int], frames: int) -> list[int]:
    if len(steps) <= frames:
        return list(steps)
    last = len(steps) - 1
    return [steps[round(n * last / (frames - 1))] for n in range(frames)]


def _accuracy(run_dir: Path) -> list[tuple[int, float]]:
    """Step and accuracy of every evaluation of the validation split."""
    if not is_there(run_dir / METRICS):
        return []
    found = read_curves(run_dir / METRICS).accuracy.get("val")
    return [] if found is None else sorted(zip(found.steps, found.values, strict=True))
