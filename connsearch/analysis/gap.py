"""What is lost on the way from the searched network to a small one, stage by stage.

The network that is kept is not the one that was searched: connections first have small weights,
then they are removed (arXiv 2007.03154, 1911.12126). Each stage is judged on ``val``, by which the
network was chosen; the numbers compare stages and are no estimate of its accuracy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from connsearch.analysis.ablation_mask import soft_closure
from connsearch.analysis.searched_run import SearchedRun, masked, train_alone
from connsearch.analysis.units import UnitEvent, UnitWork, work_through
from connsearch.graph.spec import Edge, Structure
from connsearch.models.structure import Network
from connsearch.pruning.options import PruneOptions, build_criterion, criterion_at
from connsearch.pruning.pruner import Pruned, prune_by
from connsearch.runs.checkpoint import digest
from connsearch.runs.events import Event, ResultEvent
from connsearch.runs.formats.analyses import GapRow
from connsearch.runs.formats.ledger import GapUnit
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.ledger import Ledger
from connsearch.runs.record import open_run
from connsearch.training.environment import processor_threads
from connsearch.training.options import TrainOptions

SOFT, MASKED, RECALIBRATED = "soft", "masked", "recalibrated"
TUNED, SCRATCH = "fine-tuned", "scratch"


@dataclass(frozen=True)
class GapPlan:
    """Which stages are looked at, at which thresholds.

    Attributes:
        cuts: by threshold, what pruning there leaves (with shapes pinned).
        tune_steps: training steps of the fine-tuned stage; 0 leaves it out.
        scratch: whether each wiring is also trained from new weights.
        seed: of the trainings.
    """

    cuts: Mapping[float, Pruned]
    tune_steps: int
    scratch: bool
    seed: int


def cut(
    structure: Structure,
    criterion: str,
    shares: Sequence[float],
    *,
    peers: int = 1,
    scores: Mapping[Edge, float] | None = None,
    measured: str = "weight",
) -> dict[float, Pruned]:
    """Returns what a criterion leaves at each threshold, in ascending order.

    ``scores`` take the place of the learned weights, and ``measured`` names them.

    Raises:
        SettingsError: the criterion does not take such a threshold.
        PruneError: see :func:`~connsearch.pruning.pruner.prune`.
    """
    specs = {share: criterion_at(criterion, share) for share in sorted(shares)}
    for spec in specs.values():
        build_criterion(spec)
    return {
        share: prune_by(
            structure,
            PruneOptions(criterion=spec, peers=peers),
            scores=scores,
            measured=measured,
        )
        for share, spec in specs.items()
    }


def measure_gap(
    searched: SearchedRun, plan: GapPlan, directory: Path
) -> Generator[UnitEvent, None, list[GapRow]]:
    """Yields the work of judging every stage; returns one row per threshold and stage.

    A wiring that several thresholds leave is judged once. Units are recorded by wiring, so that
    other thresholds, criteria and steps add to what is there.

    Args:
        searched: the searched network.
        plan: what to measure.
        directory: of the ledger, and of the runs of what is trained.

    Raises:
        DataError: ``val`` has no clip that can be read.
        RunError: the directory contains something else.
    """
    settings = {
        "command": "gap",
        "network": digest(searched.network.state_dict(), {}),
        "data": searched.data.fingerprint,
        "precision": searched.compute.precision,
        "seed": plan.seed,
    }
    threads = searched.options.compute.threads
    stages = _Stages(searched, plan, directory)
    with (
        Ledger(directory, settings) as ledger,
        nullcontext() if threads is None else processor_threads(threads),
    ):
        results = yield from work_through(ledger, stages.units())
    return stages.rows(results)


def recorded_evaluation(searched: SearchedRun) -> Metrics | None:
    """Returns the search's own last evaluation on ``val``; None where it made none."""
    result = open_run(searched.directory).result
    return None if result is None else result.metrics.get("val")


class _Stages:
    """The units of every stage and threshold, and the table they add up to."""

    def __init__(self, searched: SearchedRun, plan: GapPlan, directory: Path) -> None:
        self._searched, self._plan, self._directory = searched, plan, directory

    def units(self) -> dict[str, UnitWork]:
        """Returns the work by name: the soft network once, each wiring once a stage."""
        units: dict[str, UnitWork] = {SOFT: lambda: iter([self._judged(self._searched.network)])}
        for pruned in self._plan.cuts.values():
            for stage in self._stages():
                units[self._name(stage, pruned)] = self._work(stage, pruned)
        return units

    def rows(self, results: Ledger) -> list[GapRow]:
        """Returns one row per threshold and stage."""
        return [
            self._row(share, stage, pruned, results)
            for share, pruned in self._plan.cuts.items()
            for stage in (SOFT, *self._stages())
        ]

    def _stages(self) -> tuple[str, ...]:
        tuned = (TUNED,) if self._plan.tune_steps else ()
        return (MASKED, RECALIBRATED, *tuned, *((SCRATCH,) if self._plan.scratch else ()))

    def _name(self, stage: str, pruned: Pruned) -> str:
        steps = f" {self._plan.tune_steps} steps" if stage == TUNED else ""
        return f"{stage}{steps}, {len(pruned.edges)} connections ({_wiring(pruned)})"

    def _work(self, stage: str, pruned: Pruned) -> UnitWork:
        works: dict[str, Callable[[Pruned], Iterator[Event | GapUnit]]] = {
            MASKED: self._masked,
            RECALIBRATED: self._recalibrated,
            TUNED: self._tuned,
            SCRATCH: self._scratch,
        }
        return lambda: works[stage](pruned)

    def _masked(self, pruned: Pruned) -> Iterator[GapUnit]:
        with masked(self._searched.network, pruned):
            yield self._judged(self._searched.network)

    def _recalibrated(self, pruned: Pruned) -> Iterator[GapUnit]:
        child = self._searched.child(pruned)
        self._searched.recalibrate(child)
        yield self._judged(child)

    def _tuned(self, pruned: Pruned) -> Iterator[Event | GapUnit]:
        steps = self._plan.tune_steps
        options = self._options().with_values(steps=steps, multigrid="off", eval_every=10**9)
        place = self._directory / f"{TUNED}-{steps}-{_wiring(pruned)}"
        yield from _trained(self._searched, pruned, options, place, self._searched.child(pruned))

    def _scratch(self, pruned: Pruned) -> Iterator[Event | GapUnit]:
        place = self._directory / f"{SCRATCH}-{_wiring(pruned)}"
        yield from _trained(self._searched, pruned, self._options(), place, None)

    def _options(self) -> TrainOptions:
        return self._searched.options.with_values(seed=self._plan.seed)

    def _judged(self, network: Network) -> GapUnit:
        return _result(self._searched.judge(network, all_views=True))

    def _row(self, share: float, stage: str, pruned: Pruned, results: Ledger) -> GapRow:
        whole, soft = self._searched.structure, stage == SOFT
        structure = whole if soft else pruned.structure
        cost = self._searched.cost(structure)
        alive = len(soft_closure(whole, whole.edges()).nodes)
        found = results.read(SOFT if soft else self._name(stage, pruned), GapUnit)
        return GapRow(
            share=share,
            stage=stage,
            accuracy=found.accuracy,
            low=found.low,
            high=found.high,
            mAP=found.mAP,
            loss=found.loss,
            clips=found.clips,
            connections=len(structure.edges()),
            parameters=cost.parameters,
            macs=cost.macs,
            dead=len(whole) - alive if soft else len(pruned.dead),
        )


def _trained(
    searched: SearchedRun,
    pruned: Pruned,
    options: TrainOptions,
    place: Path,
    weights: Network | None,
) -> Iterator[Event | GapUnit]:
    """Trains the pruned structure in its own run; found connection weights stay."""
    for event in train_alone(pruned.structure, searched.data, options, place, weights=weights):
        yield event
        if isinstance(event, ResultEvent):
            yield _result(event.metrics["val"])


def _result(found: Metrics) -> GapUnit:
    return GapUnit(
        accuracy=found.accuracy,
        low=found.low,
        high=found.high,
        mAP=found.mAP,
        loss=found.loss,
        clips=found.clips,
        summary=f"{found.measure} {found}",
    )


def _wiring(pruned: Pruned) -> str:
    """A short name of what is left: connections, finals and peers."""
    peers = sorted((edge, [list(peer) for peer in found]) for edge, found in pruned.peers.items())
    text = json.dumps([sorted(pruned.edges), sorted(pruned.finals), peers])
    return hashlib.sha256(text.encode()).hexdigest()[:8]
