"""A finished search as files, made without training, and what its analyses leave."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from connsearch.data.options import DataOptions
from connsearch.graph.files import load_structure, write_structure
from connsearch.graph.plan import BlockPlan, plan
from connsearch.graph.space import over_connect
from connsearch.graph.spec import Peer, Structure
from connsearch.oneshot.options import SearchOptions
from connsearch.runs.formats.form import columns
from connsearch.runs.formats.tables import ConnectionRow, MetricsRow
from connsearch.runs.metrics import summarise
from connsearch.view.charts.chart import Panel
from connsearch.view.charts.inline import Drawing
from connsearch.view.report.build import write_report

EVOLUTION = (
    *("fitness", "pareto", "operators", "diversity", "workers"),
    *("family", "children", "failures", "conclusions"),
)
"""Sections that only the report of an evolution has."""

GAP: Mapping[str, Any] = {
    "rows": [
        {
            "share": share,
            "stage": stage,
            "accuracy": accuracy,
            "low": accuracy - 0.1,
            "high": accuracy + 0.05,
            "mAP": None,
            "loss": 1 - accuracy,
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
    "split": "val",
}

CURVE: Mapping[str, Any] = {
    "points": [
        {
            "nodes": 12,
            "connections": connections,
            "parameters": 21_000 + connections,
            "macs": 3_000_000 + 100_000 * connections,
            "latency_ms": 4.0 + connections / 10,
            "latency_spread": 0.12,
            "passes": 20,
            "accuracy": 0.5 + connections / 150,
            "low": 0.4 + connections / 150,
            "high": 0.6 + connections / 150,
            "score": 0.5 + connections / 150,
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
                "draw": 0,
                "seed": seed,
                "accuracy": 0.81 + seed / 100,
                "connections": 27,
                "macs": 5_100_000,
                "parameters": 20_000,
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
                "parameters": 20_000 + draw,
            }
            for draw in range(1, 5)
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
    "split": "val",
    "budget": {"epochs": 4, "lr": 0.002},
}

RANK_CORRELATION: Mapping[str, Any] = {
    "rows": [
        {
            **{"name": f"wiring {i}", "supernet": 0.4 + i / 30, "alone": 0.5 + i / 25},
            **{"macs": 10**6 * i, "connections": 10 + i, "parameters": 1000 * i},
        }
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

ANALYSES = {"gap": GAP, "curve": CURVE, "compare": COMPARE, "rank_correlation": RANK_CORRELATION}


def write_analyses(run: Path) -> None:
    """Puts what gap, curve, compare, rank-correlation and another analysis leave into a run."""
    other = {"verdict": "weights and ablation agree", "tau": 0.529, "rows": []}
    for name, summary in {**ANALYSES, "importance": other}.items():
        (run / name).mkdir(exist_ok=True)
        (run / name / "summary.json").write_text(json.dumps(summary))


def change(path: Path, **values: Any) -> None:
    """Replaces entries of a JSON object in a file."""
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, **values}))


CLASSES = ("walk", "run", "jump")
STEPS = 40


def searched() -> Structure:
    """The starter, over-connected, with weights from 0.12 to 0.88 and peers of all kinds."""
    space = over_connect(load_structure("starter"))
    edges = space.edges()
    weights = {edge: 0.12 + 0.76 * i / (len(edges) - 1) for i, edge in enumerate(edges)}
    shapes = plan(space)
    peers: dict[Any, tuple[Peer, ...]] = {}
    for i, edge in enumerate(edges):
        shape = shapes.nodes[edge.target]
        assert isinstance(shape, BlockPlan)
        count = len(shape.candidates)
        first = (1 / count, 0.5, 0.999)[i % 3]
        rest = (1 - first) / (count - 1)
        peers[edge] = tuple(
            Peer(node, first if j == 0 else rest) for j, node in enumerate(shape.candidates)
        )
    return replace(space.with_weights(weights).with_peers(peers), name="starter-searched")


def make_run(directory: Path, *, classes: tuple[str, ...] = CLASSES) -> Path:
    """Writes what a finished search leaves, but for its weights; returns its directory."""
    directory.mkdir(parents=True)
    structure = searched()
    labels = [i % len(classes) for i in range(30)]
    answers = [(label + (i % 5 == 0)) % len(classes) for i, label in enumerate(labels)]
    metrics = summarise(labels, answers, classes=classes, loss=0.7125, seconds=0.0031)
    data = DataOptions.of(train_clips=17, seed=3).model_dump(mode="json")
    training = SearchOptions.of(epochs=5, lr=0.004, seed=3).model_dump(mode="json")
    config = {
        "schema": 1,
        "connsearch": "0.1.0",
        "command": "search",
        "settings": {"seed": 3, "structure": "starter", "data": data, "training": training},
        "environment": {
            **{"device": "cpu", "precision": "fp32", "threads": 1, "processor": "a processor"},
            "versions": {"torch": "2.13.0", "python": "3.11.7"},
        },
        "facts": {"data": "f" * 64, "classes": list(classes), "first_weights": "e" * 64},
        "splits": {
            name: {"clips": clips, "hash": mark * 64}
            for name, clips, mark in (("train", 51, "a"), ("val", 30, "b"), ("test", 33, "c"))
        },
    }
    alarm = {"kind": "undecided", "what": "connection weights", "edges": [[0, 5]], "of": 53}
    result = {
        "metrics": {"val": metrics.to_json()},
        **{"steps": STEPS, "seconds": 12.5, "digest": "d" * 64, "warnings": [], "quarantine": []},
        "alarms": [alarm],
    }
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "result.json").write_text(json.dumps(result))
    write_structure(structure, directory / "learned.json")
    _table(directory / "metrics.csv", columns(MetricsRow), _metrics_rows())
    _table(directory / "connections.csv", columns(ConnectionRow), _connection_rows(structure))
    return directory


def undrawn(panel: Panel, size: tuple[int, int], name: str) -> tuple[Drawing, dict[str, Any]]:
    """In place of a panel's drawing, for tests of everything around it."""
    return Drawing("<svg></svg>", *size, (0, 0, 1, 1)), {"x": [0, 1], "y": [0, 1]}


def report(run: Path) -> str:
    """The report of a run as text."""
    return write_report(run).path.read_text(encoding="utf-8")


class Text(HTMLParser):
    """What stands on a page for people to read, and every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "script" not in self._open and "style" not in self._open:
            self.words.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.words).split())


def _metrics_rows() -> Iterable[Mapping[str, Any]]:
    for step in range(1, STEPS + 1):
        row = {"step": step, "epoch": 0, "loss": 2.0 / step, "accuracy": step / 50}
        yield {**row, "split": "train", "learning_rate": 0.001, "clips_per_second": 25 + step}
        if step % 20 == 0:
            bounds = {"low": 0.41, "high": 0.59, "clips": 30}
            yield {**row, **bounds, "split": "val", "accuracy": 0.5 + step / 1000}


def _connection_rows(structure: Structure) -> Iterable[Mapping[str, Any]]:
    for step in range(0, STEPS + 1, 5):
        for edge, weight in structure.weights().items():
            assert isinstance(weight, float)
            now = 0.5 + (weight - 0.5) * step / STEPS
            place = {"source": edge.source, "target": edge.target}
            yield {"step": step, "epoch": 0, "kind": "connection", "weight": now, **place}


def _table(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)
