"""What the analyses of a run leave, in the agreed shape, and a damaged or hostile run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GAP: Mapping[str, Any] = {
    "rows": [
        {
            "share": share,
            "stage": stage,
            "accuracy": accuracy,
            "low": accuracy - 0.1,
            "high": accuracy + 0.05,
            "clips": 96,
            "connections": connections,
            "parameters": 20000 - 100 * connections,
            "macs": 10_000_000 + connections,
            "dead": 0,
        }
        for share, connections in ((0.5, 41), (0.7, 27))
        for stage, accuracy in zip(
            ("soft", "masked", "recalibrated", "fine-tuned", "scratch"),
            (0.911, 0.713, 0.812 - share / 100, 0.897, 0.655),
            strict=True,
        )
    ],
    "tune_steps": 37,
    "split": "select",
}

CURVE: Mapping[str, Any] = {
    "points": [
        {
            "connections": connections,
            "parameters": 21_000 + connections,
            "macs": 3_000_000 + 100_000 * connections,
            "latency_ms": 4.0 + connections / 10,
            "latency_spread": 0.12,
            "accuracy": 0.5 + connections / 150,
            "low": 0.4 + connections / 150,
            "high": 0.6 + connections / 150,
            "clips": 96,
        }
        for connections in (53, 41, 30, 19, 11)
    ],
    "clip": [8, 32, 32],
    "device": "cpu",
    "threads": 1,
}

COMPARE: Mapping[str, Any] = {
    "rows": [
        *(
            {
                "wiring": "found",
                "draw": None,
                "seed": seed,
                "accuracy": 0.81 + seed / 100,
                "connections": 27,
                "macs": 5_100_000,
            }
            for seed in range(3)
        ),
        *(
            {
                "wiring": "random",
                "draw": draw,
                "seed": seed,
                "accuracy": 0.71 + draw / 50 + seed / 100,
                "connections": 27,
                "macs": 5_080_000 + draw,
            }
            for draw in range(4)
            for seed in range(3)
        ),
    ],
    "difference": {
        "mean": 0.0712,
        "low": 0.0213,
        "high": 0.1217,
        "p": 0.0125,
        "effect_size": 1.37,
        "n": 15,
        "needed": 6,
    },
    "verdict": "the found wiring is better than random ones of its size",
    "seeds": 3,
    "random": 4,
    "split": "select",
    "budget": {"epochs": 4, "lr": 0.002},
}

SELFTEST: Mapping[str, Any] = {
    "rows": [
        {"name": f"wiring {i}", "supernet": 0.4 + i / 30, "alone": 0.5 + i / 25, "macs": 10**6 * i}
        for i in range(8)
    ],
    "tau": 0.643,
    "low": 0.211,
    "high": 0.914,
    "flops_tau": 0.357,
    "flops_low": -0.102,
    "flops_high": 0.733,
    "verdict": "the supernet ranks wirings better than their size does",
}

ANALYSES = {"gap": GAP, "curve": CURVE, "compare": COMPARE, "selftest": SELFTEST}


def write_analyses(run: Path) -> None:
    """Puts what gap, curve, compare, selftest and another analysis leave into a run."""
    other = {"verdict": "weights and ablation agree", "tau": 0.529, "rows": []}
    for name, summary in {**ANALYSES, "importance": other}.items():
        (run / name).mkdir(exist_ok=True)
        (run / name / "summary.json").write_text(json.dumps(summary))


def change(path: Path, **values: Any) -> None:
    """Replaces entries of a JSON object in a file."""
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, **values}))
