"""What a finished run shows: numbers for people, pictures in its directory, JSON for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connsearch.cli.terminal import Terminal
from connsearch.runs.names import LEARNED, QUARANTINE, SKIPPED
from connsearch.runs.record import RunRecord

if TYPE_CHECKING:
    from connsearch.runs.formats.evaluation import Evaluation
    from connsearch.runs.formats.metrics import Metrics
    from connsearch.runs.formats.result import Quarantined, Result


_REPORTED = (
    "steps",
    "seconds",
    "digest",
    "alarms",
    "advice",
    "quarantine",
    "skipped_steps",
    "choice",
)
"""What a command's JSON object takes from the run's result."""

_NEXT = {"search": "connsearch prune {}", "train": "connsearch evaluate {}"}


def report_run(
    command: str, run: RunRecord, terminal: Terminal, *, evaluated: Sequence[str] = ()
) -> dict[str, Any]:
    """Returns the JSON object of a finished run, after showing it.

    Args:
        command: that made it.
        run: its directory.
        terminal: where it is shown.
        evaluated: the splits on which the command has evaluated it, too.
    """
    model, result, directory = run.outcome or run.model, run.result, run.directory
    assert result is not None, "a finished run has a result"
    told, pictures = result.to_json(), run.pictures
    show_metrics(result.metrics, terminal)
    if run.kept is not None:
        terminal.say(run.kept)
    found: dict[str, Any] = {"model": str(run.path(LEARNED)), "kind": model.kind}
    if model.structure is not None:
        nodes, edges = len(model.structure), len(model.structure.edges())
        terminal.say(f"structure: {run.path(LEARNED)} ({nodes} nodes, {edges} connections)")
        found = {"structure": str(run.path(LEARNED)), "nodes": nodes, "connections": edges}
    else:
        from connsearch.models.document import a_kind

        found["name"] = model.name
        terminal.say(f"model: {run.path(LEARNED)} ({model.name}, {a_kind(model.kind)})")
    say_pictures(pictures, terminal)
    _say_quarantine(directory, result.quarantine, terminal)
    _say_skipped(directory, result, terminal)
    opened = {
        split: report_evaluation(directory, split, run.evaluations[split], terminal)
        for split in evaluated
    }
    if not opened or command != "train":
        terminal.say("next: " + _NEXT[command].format(directory))
    terminal.say(f"all of it in one file: connsearch report {directory}")
    return {
        "command": command,
        "run": str(directory),
        "finished": True,
        **found,
        "metrics": {name: found.to_json() for name, found in result.metrics.items()},
        "pictures": [str(picture) for picture in pictures],
        **({} if run.initial is None else {"initial_weights": run.initial.to_json()}),
        **{k: told[k] for k in _REPORTED if k in told},
        **({"evaluations": opened} if opened else {}),
    }


def report_evaluation(
    directory: Path, split: str, found: Evaluation, terminal: Terminal
) -> dict[str, Any]:
    """Returns the JSON object of a split that was evaluated, after showing it."""
    from connsearch.workflows.evaluate import confusion_paths

    show_metrics({split: found.metrics}, terminal)
    show_classes(found.metrics, found.clips_by_class, terminal)
    show_gates({split: found.metrics}, terminal)
    terminal.say(f"{split}: {', '.join(_in_a_line(found))}")
    pictures = confusion_paths(directory, split)
    say_pictures(pictures, terminal)
    return {
        "opened": found.opened,
        "times_opened": found.times_opened,
        **found.metrics.to_json(),
        "clips_by_class": found.clips_by_class,
        **({} if found.cost is None else {"cost": found.cost.to_json()}),
        "pictures": [str(picture) for picture in pictures],
    }


def _in_a_line(found: Evaluation) -> Iterator[str]:
    """Yields the numbers that publications tell."""
    metrics = found.metrics
    if metrics.multi_label:
        known = len(metrics.average_precisions) - metrics.absent
        absent = f" ({metrics.absent} without a clip)" if metrics.absent else ""
        yield f"mAP {metrics.score:.3f} over {known} of {known + metrics.absent} classes{absent}"
    else:
        yield f"top-1 {metrics.accuracy:.3f}"
        if metrics.top5 is not None:
            yield f"top-5 {metrics.top5:.3f}"
    if found.cost is not None:
        yield str(found.cost)


def _say_skipped(directory: Path, result: Result, terminal: Terminal) -> None:
    """Says in how many steps of an fp16 training nothing was learned."""
    if result.skipped_steps:
        terminal.say(
            f"fp16: a gradient overflowed in {result.skipped_steps:,} of {result.steps:,} steps, "
            f"in which nothing was learned ({directory / SKIPPED})"
        )


def _say_quarantine(directory: Path, found: Sequence[Quarantined], terminal: Terminal) -> None:
    """Lists every clip that could not be read, and why."""
    if found:
        reasons = "\n".join(f"  {entry.split}: {entry.reason}" for entry in found)
        terminal.warn(
            f"{len(found)} clip(s) could not be read: replaced in training, left out of "
            f"evaluations ({directory / QUARANTINE})\n{reasons}"
        )


def say_pictures(pictures: Sequence[Path], terminal: Terminal) -> None:
    """Says where pictures are: one directory, each name once, its formats after it."""
    for folder in sorted({picture.parent for picture in pictures}):
        here = [picture for picture in pictures if picture.parent == folder]
        names = ", ".join(sorted({picture.stem for picture in here}))
        suffixes = ", ".join(sorted({picture.suffix for picture in here}))
        terminal.say(f"pictures: {names} ({suffixes}) in {folder}")


def show_metrics(metrics: Mapping[str, Metrics], terminal: Terminal) -> None:
    """Shows a table with one row a split and only columns that hold something; or nothing."""
    from connsearch.view.structures.tables import metrics_rows, metrics_table

    rows = metrics_rows(metrics)
    if rows:
        terminal.show(metrics_table(rows, title=next(iter(metrics.values())).measure))


def show_gates(metrics: Mapping[str, Metrics], terminal: Terminal) -> None:
    """Shows a table of how often temporal gates are open; nothing without gates."""
    from connsearch.view.runs.gates import gates_rows, gates_title
    from connsearch.view.structures.tables import metrics_table

    found = [one.gates for one in metrics.values() if one.gates is not None]
    if found:
        terminal.show(metrics_table(gates_rows((), metrics), title=gates_title(found[0])))


def show_classes(metrics: Metrics, counts: Mapping[str, int], terminal: Terminal) -> None:
    """Shows how many clips of each class were recognised, each with its interval.

    In multi-label data: how many clips have each class, and its average precision.
    """
    from connsearch.runs.metrics import wilson_interval
    from connsearch.view.structures.tables import metrics_table

    if metrics.multi_label:
        found = metrics.average_precisions.items()
        precisions = [
            {"class": name, "clips": counts[name], "average precision": precision}
            for name, precision in found
        ]
        terminal.show(metrics_table(precisions, title="by class (a dash: no clip has it)"))
        return
    rows: list[dict[str, object]] = []
    for name, recall in metrics.recalls.items():
        clips = counts[name]
        right = 0 if recall is None else round(recall * clips)
        low, high = wilson_interval(right, clips)
        rows.append(
            {
                "class": name,
                "clips": clips,
                "right": right,
                "recall": recall,
                "95% interval": f"{low:.3f} to {high:.3f}",
            }
        )
    terminal.show(metrics_table(rows, title="by class"))
