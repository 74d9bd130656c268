"""What a finished run shows: numbers for people, pictures in its directory, JSON for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connsearch.cli.terminal import Terminal
from connsearch.errors import Failure
from connsearch.graph.spec import Structure

if TYPE_CHECKING:
    from connsearch.train.events import ResultEvent
    from connsearch.train.metrics import Metrics


def report_run(
    command: str, directory: Path, result: ResultEvent, terminal: Terminal
) -> dict[str, Any]:
    """Returns the JSON object of a finished run, after showing it and drawing its pictures."""
    pictures = draw_run(directory, result.structure, terminal)
    for alarm in result.report.get("alarms", []):
        terminal.warn(f"{alarm['kind']}: {alarm['what']}")
    show_metrics(result.metrics, terminal)
    edges = result.structure.edges()
    terminal.say(
        f"structure: {result.path} ({len(result.structure)} nodes, {len(edges)} connections)"
    )
    terminal.say("pictures: " + ", ".join(map(str, pictures)))
    next_step = {
        "search": f"connsearch prune {directory}",
        "train": f"connsearch evaluate {directory}",
    }
    terminal.say(f"next: {next_step[command]}")
    return {
        "command": command,
        "run": str(directory),
        "finished": True,
        "structure": str(result.path),
        "nodes": len(result.structure),
        "connections": len(edges),
        "metrics": {name: found.to_json() for name, found in result.metrics.items()},
        "pictures": [str(picture) for picture in pictures],
        **{
            k: result.report[k]
            for k in ("steps", "seconds", "digest", "alarms")
            if k in result.report
        },
    }


def show_metrics(metrics: Mapping[str, Metrics], terminal: Terminal) -> None:
    """Shows a table with one row a split, and the recall of each class where the test is open."""
    from connsearch.view.tables import metrics_table

    rows = [
        {
            "split": name,
            "clips": found.clips,
            "accuracy": found.accuracy,
            "95 % interval": f"{found.low:.3f} to {found.high:.3f}",
            "balanced": found.balanced_accuracy,
            "loss": found.loss,
        }
        for name, found in metrics.items()
    ]
    if rows:
        terminal.show(metrics_table(rows, title="accuracy"))


def draw_run(directory: Path, structure: Structure, terminal: Terminal) -> list[Path]:
    """Returns the pictures of a run; those that are missing are drawn, a failure is only said."""
    drawn: list[Path] = []
    for suffix in ("svg", "png"):
        drawn += draw_once(structure, directory / f"structure.{suffix}", terminal)
    return drawn


def draw_once(
    structure: Structure, path: Path, terminal: Terminal, *, threshold: float = 0.5
) -> Sequence[Path]:
    """Returns the picture's path, drawn unless it is there; a failure is a warning, not an end."""
    from connsearch.view.draw import render

    if path.exists():
        return [path]
    try:
        return [render(structure, path, threshold=threshold)]
    except Failure as error:
        terminal.warn(str(error))
        return []
