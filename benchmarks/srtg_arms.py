"""Plain, SR and SRTG networks trained alike: what ``srtg_order`` and ``srtg_clips`` share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import Ledger, interval, last_result
from page import table

from connsearch.data.loading.load import DataSplits
from connsearch.models.catalogue import create_model
from connsearch.oneshot.search import fit_model
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.run import Run
from connsearch.seeds import derive
from connsearch.training.options import TrainOptions

NETWORK = "r2plus1d_18"


@dataclass(frozen=True)
class Arm:
    """One way to build and train the network.

    Attributes:
        network: its name.
        build: settings of the network.
        training: options of the training.
    """

    network: str
    build: Mapping[str, Any]
    training: Mapping[str, Any]


ARMS: dict[str, Arm] = {
    "plain": Arm(NETWORK, {}, {}),
    "SR": Arm(f"srtg_{NETWORK}", {}, {"gate_start": None}),
    "SRTG": Arm(f"srtg_{NETWORK}", {}, {"gate_start": 0.4}),
    "SRTG, z-scores": Arm(
        f"srtg_{NETWORK}", {"gate_test": {"normalise": "zscore"}}, {"gate_start": 0.4}
    ),
    "SR, 1 + s": Arm(f"srtg_{NETWORK}", {"fusion": "one_plus"}, {"gate_start": None}),
    "SRTG, 1 + s": Arm(f"srtg_{NETWORK}", {"fusion": "one_plus"}, {"gate_start": 0.4}),
}
"""SR always fuses; SRTG decides after 40 % of the training, with the test as it is defined, or with
both sequences of frames normalised over time. The last two are not published: features are
multiplied by 1 + s, so that a cell that has learned nothing leaves them nearly as they are."""


def train_arm(
    arm: str, seed: int, data: DataSplits, directory: Path, build: Mapping[str, Any], **options: Any
) -> dict[str, Any]:
    """Returns the ledger entry of one training; a killed one goes on.

    Args:
        arm: a key of ``ARMS``.
        seed: of first weights, order of clips and so on.
        data: that is learned; its test split is opened at the end.
        directory: of the run.
        build: further settings of the network.
        options: further options of the training.
    """
    chosen = ARMS[arm]
    built = {**build, **chosen.build}
    first = derive(seed, "first weights")
    network = create_model(chosen.network, len(data.classes), seed=first, **built)
    training = TrainOptions.of(seed=seed, **{**options, **chosen.training})
    settings = {"arm": arm, "build": built, "training": training.model_dump(mode="json")}
    with Run.open(directory, {"command": "train", "settings": settings}) as run:
        result, _ = last_result(fit_model(network, data, training, run=run))
    test = result.metrics["test"]
    return {
        "metrics": {name: found.to_json() for name, found in result.metrics.items()},
        "parameters": sum(p.numel() for p in network.parameters()),
        "seconds": result.report.seconds,
        "summary": f"test {test}" + ("" if test.gates is None else f", {test.gates}"),
    }


def results(ledger: Ledger, prefix: str, seeds: int) -> dict[str, list[Metrics]]:
    """Returns the test numbers of every arm of which something is filed, seed by seed."""
    found: dict[str, list[Metrics]] = defaultdict(list)
    for arm in ARMS:
        for seed in range(seeds):
            unit = f"{prefix}{arm}/{seed}"
            if unit in ledger:
                found[arm].append(Metrics.from_json(ledger[unit]["metrics"]["test"]))
    return dict(found)


def open_rates(found: Sequence[Metrics]) -> dict[str, str]:
    """Returns the open rate on test of each stage: mean over its gates and seeds, and the range."""
    rates: dict[str, list[float]] = defaultdict(list)
    for metrics in found:
        for name, count in (metrics.gates.gates if metrics.gates is not None else {}).items():
            if count.rate is not None:
                rates[name.rpartition(".")[0]].append(count.rate)
    return {
        stage: f"{np.mean(values):.2f}" + _range(values) for stage, values in sorted(rates.items())
    }


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return "" if low == high else f" ({low:.2f} to {high:.2f})"


def arms_table(found: Mapping[str, Sequence[Metrics]]) -> list[str]:
    """Returns one row an arm: accuracy with its interval over seeds, open rates by stage."""
    rates = {arm: open_rates(metrics) for arm, metrics in found.items()}
    names = sorted({stage for by_stage in rates.values() for stage in by_stage})
    rows: list[list[str]] = []
    for arm, metrics in found.items():
        values = [one.accuracy for one in metrics]
        low, high = interval(values)
        told = f"[{max(low, 0):.3f}, {min(high, 1):.3f}]" if len(values) > 1 else ""
        opened = [rates[arm].get(name, "") for name in names]
        told_arm = f"{arm} (always fuses)" if arm == "SR" else arm
        rows.append([told_arm, str(len(values)), f"{np.mean(values):.3f} {told}".strip(), *opened])
    heads = ["", "n", "test accuracy", *(f"open in {name}" for name in names)]
    return table(heads, rows)


def differences(found: Mapping[str, Sequence[Metrics]]) -> list[str]:
    """Returns sentences on differences between arms, paired by seed, as far as both are there."""
    lines: list[str] = []
    for arm, other in (("SR", "plain"), ("SRTG", "plain"), ("SRTG", "SR"),
                       ("SRTG, z-scores", "SRTG"), ("SR, 1 + s", "plain"),
                       ("SR, 1 + s", "SR"), ("SRTG, 1 + s", "SR, 1 + s")):  # fmt: skip
        pairs = list(zip(found.get(arm, ()), found.get(other, ()), strict=False))
        if len(pairs) < 2:
            continue
        gained = [a.accuracy - b.accuracy for a, b in pairs]
        low, high = interval(gained)
        verdict = "excludes 0" if low > 0 or high < 0 else "nothing is claimed"
        lines.append(
            f"* {arm} against {other}: {np.mean(gained):+.3f} [{low:+.3f}, {high:+.3f}] over "
            f"{len(gained)} seeds, paired; {verdict}."
        )
    return lines
