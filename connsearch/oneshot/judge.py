"""The result of a child of an evolution: its score, its cost, its time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from connsearch.data.loading.load import DataSplits
from connsearch.errors import DataError
from connsearch.evolution.child import Outcome
from connsearch.evolution.objectives import Assessment, values
from connsearch.graph.cost import cost
from connsearch.graph.spec import Structure
from connsearch.models.latency import latencies
from connsearch.models.structure import Network
from connsearch.runs.events import ResultEvent
from connsearch.runs.formats.metrics import Metrics, Watch
from connsearch.runs.metrics import Z_95
from connsearch.runs.run import Run
from connsearch.training.environment import processor_threads


class Judge:
    """Collects the numbers of one training.

    Args:
        data: that the child is judged on.
        structure: of the child.
        objectives: what is judged, in the order of the values.
        channels_last: the memory layout it is trained in.
        watch: the number on ``val`` that is its score; None: accuracy, or mAP of multi-label data.
        run: of its training.
    """

    def __init__(
        self,
        data: DataSplits,
        structure: Structure,
        objectives: Sequence[str],
        run: Run,
        *,
        channels_last: bool,
        watch: Watch | None = None,
    ) -> None:
        self._data, self._structure = data, structure
        self._objectives, self._run, self._channels_last = objectives, run, channels_last
        self._watch: Watch | None = watch
        self._cost = cost(structure, num_classes=len(data.classes), clip=data.clip)

    def values(self, score: float) -> tuple[float, ...]:
        """Returns one number an objective.

        Raises:
            DataError: the score is not a number.
        """
        if not math.isfinite(score):
            raise DataError(
                f"{self._structure.name}: its score on the validation split is {score}: "
                "no clip has a class\n  cure: a validation split with clips of the classes "
                "(--val-share, --data-seed)"
            )
        found = Assessment(
            structure=self._structure,
            score=score,
            macs=self._cost.macs,
            parameters=self._cost.parameters,
            latency=lambda: self._latency()["seconds"] * 1e3,
        )
        return values(self._objectives, found)

    def outcome(self, result: ResultEvent) -> Outcome:
        """Returns the outcome of a finished training."""
        metrics, config = result.metrics["val"], self._run.config
        numbers = self.values(metrics.watched(self._watch))
        facts: dict[str, Any] = {
            "run": self._run.directory.name,
            "seconds": result.report.seconds,
            "steps": result.report.steps,
            "device": config["environment"]["device"],
            "macs": self._cost.macs,
            "measure": self._watch or metrics.measure,
            "clips": metrics.clips,
            "standard_error": _standard_error(metrics, self._watch),
        }
        if "latency" in self._run.config:  # one of the objectives has asked for it
            facts["latency"] = dict(self._latency())
        if "inherited" in config:
            share = {"share": config["transplanted"]["share"]} if "transplanted" in config else {}
            facts["inherited"] = {**config["inherited"], **share}
        learned = result.structure.weights()
        return Outcome(numbers, {e: w for e, w in learned.items() if isinstance(w, float)}, facts)

    def _latency(self) -> Mapping[str, Any]:
        """What a pass takes of the network as it will be used: measured once a run, then kept.

        Connection weights are fixed; what they are, and what the filters are, does not matter.
        """
        if "latency" not in self._run.config:
            environment = self._run.config["environment"]
            layout = torch.channels_last_3d
            if not self._channels_last:
                layout = torch.contiguous_format
            stored = self._structure.weights()
            fixed = {edge: 0.5 for edge, weight in stored.items() if weight is not None}
            network = Network(
                self._structure.with_weights(fixed),
                len(self._data.classes),
                seed=0,
                memory_format=layout,
            ).to(environment["device"])
            with processor_threads(environment["threads"]):
                precision = environment["precision"]
                found = latencies([network], clip=self._data.clip, precision=precision)[0]
            self._run.describe("latency", found.to_json())
        return self._run.config["latency"]


def _standard_error(metrics: Metrics, watch: Watch | None) -> float | None:
    """Half the accuracy's interval in units of one standard error; of the others it is unknown."""
    known = (watch or metrics.measure) == "accuracy" and not metrics.multi_label
    return (metrics.high - metrics.low) / (2 * Z_95) if known else None
