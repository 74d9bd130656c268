"""Runs, pruned networks and evaluations in a notebook: how good, how sure, where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connsearch.errors import ConnsearchError
from connsearch.models.document import ModelDocument, a_kind
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.prune import BeforeAfter, ExactnessRecord, PruneRecord
from connsearch.runs.formats.result import Result
from connsearch.runs.metrics import wilson_interval
from connsearch.runs.names import LEARNED, REPORT
from connsearch.runs.record import RunRecord
from connsearch.view.notebook.card import Html, card, facts, folded, link, note, table, warning
from connsearch.view.notebook.structures import wiring
from connsearch.view.progress.pace import duration
from connsearch.view.runs.gates import gates_rows, gates_title
from connsearch.view.structures.tables import metrics_rows, short

_KIND = {
    "search": "search",
    "train": "training",
    "prune": "pruned network",
    "convert": "converted weights",
}


def run_html(run: RunRecord) -> Html:
    """Returns the card of a run's directory: whether it is finished, how good it is, its wiring.

    A part of it that is damaged is named in its place; the others are shown.
    """
    title, where = run.directory.name, ("directory", link(run.directory))
    if not (run.is_run or run.is_finished_network):
        return card(title, "run", facts([where]), warning("there is no run in this directory"))
    return card(title, _kind(run), facts([where, *_records(run)]), *_parts(run))


def evaluation_html(found: Evaluation) -> Html:
    """Returns the card of a split that was opened."""
    times = "once" if found.times_opened == 1 else f"{found.times_opened} times"
    told = facts(
        [
            ("opened", f"{found.opened} ({times} so far)"),
            ("precision", found.precision),
            ("cost", None if found.cost is None else str(found.cost)),
            ("data", None if found.data is None else found.data[:12]),
        ]
    )
    again = f"this split was opened {times}: choices may have been made by it"
    doubt = warning(again) if found.times_opened > 1 else None
    return card("evaluation", _measured(found.metrics), told, doubt, *_numbers(found.metrics))


def metrics_html(found: Metrics) -> Html:
    """Returns the card of the numbers of one split."""
    return card("metrics", _measured(found), *_numbers(found))


def pruned_html(found: PruneRecord) -> Html:
    """Returns the card of a pruning: what it cost before and after, and whether it is exact."""
    counts = {
        "nodes": found.nodes,
        "connections": found.connections,
        "parameters": found.parameters,
        "MACs": found.macs,
    }
    sentences = [*found.repairs, *found.substitutes, *found.opened, *found.changes]
    exact = found.exactness
    doubt = None
    if exact is not None and not exact.equal:
        doubt = warning(
            "this network is not bit-equal to the original in which the removed connections are "
            f"multiplied by zero; largest difference of a feature: {exact.max_abs_difference:.3g}"
        )
    return card(
        found.run or "pruning",
        "pruned network",
        table([_change(name, count) for name, count in counts.items()]),
        doubt,
        facts(
            [
                ("largest difference of a logit", None if exact is None else _logit(exact)),
                ("removed", f"{len(found.removed)} connections, {len(found.dead)} nodes"),
            ]
        ),
        metrics_table(found.metrics),
        folded("repairs and changes", table([{"what": text} for text in sentences])),
    )


def _logit(exact: ExactnessRecord) -> str | None:
    """The largest difference from the masked original; early records do not have it."""
    if exact.max_abs_logit_difference is None:
        return "0.0, bit-equal" if exact.equal else None
    return f"{exact.max_abs_logit_difference}{', bit-equal' if exact.equal else ''}"


def metrics_table(metrics: Mapping[str, Metrics]) -> Html:
    """Returns one row a split, with its 95 % interval; nothing where there is no split."""
    return table(metrics_rows(metrics))


def _kind(run: RunRecord) -> str:
    kind = _KIND[run.kind]
    return kind if run.is_finished_network or run.finished else f"{kind}, not finished"


def _records(run: RunRecord) -> Iterator[tuple[str, object]]:
    """Names and values of what is recorded about a run."""
    try:
        data = run.recorded.get("settings", {}).get("data", {})
        yield "data", data.get("source")
        if run.is_run and run.result is not None:
            yield from _of_result(run.result)
        if run.conversion is not None:
            yield "weights", f"{run.conversion.source.path} ({run.conversion.publication})"
        if run.has(REPORT):
            yield "report", link(run.path(REPORT))
    except (ConnsearchError, AttributeError) as error:
        yield "record", str(error).partition("\n")[0]


def _of_result(result: Result) -> Iterator[tuple[str, object]]:
    yield "steps", result.steps
    yield "time", None if result.seconds is None else duration(result.seconds)
    yield "digest", None if result.digest is None else result.digest[:16]
    if result.quarantine:
        yield "unreadable clips", len(result.quarantine)


def _parts(run: RunRecord) -> Iterator[Html]:
    """Numbers, alarms and wiring, each in spite of what is wrong with the others."""
    for part in (_judged, _doubts, _model):
        try:
            yield from part(run)
        except ConnsearchError as error:
            yield warning(str(error))


def _judged(run: RunRecord) -> Iterator[Html]:
    found: dict[str, Metrics] = {}
    if run.is_pruned and run.prune_record is not None:
        found |= run.prune_record.metrics
    elif run.result is not None:
        found |= run.result.metrics
    found |= {split: entry.metrics for split, entry in run.evaluations.items()}
    yield metrics_table(found) if found else note("not evaluated yet")
    yield _gates(found)


def _gates(found: Mapping[str, Metrics]) -> Html:
    """How often temporal gates are open, by split; nothing where there are none."""
    known = [metrics.gates for metrics in found.values() if metrics.gates is not None]
    return folded(gates_title(known[0]), table(gates_rows((), found))) if known else Html("")


def _doubts(run: RunRecord) -> Iterator[Html]:
    if run.is_pruned or run.result is None:
        return
    for alarm in run.result.alarms:
        count = len(alarm.gates or alarm.edges)
        yield warning(f"{alarm.kind}: {count} of {alarm.of} {alarm.what}")
    for advice in run.result.advice:
        yield warning(str(advice))
    for text in run.result.warnings:
        yield warning(text)


def _model(run: RunRecord) -> Iterator[Html]:
    finished = run.is_finished_network or run.has(LEARNED)
    model: ModelDocument | None = run.outcome if finished else run.model
    if model is None:
        return
    if model.structure is None:
        yield facts([("model", f"{model.name}, {a_kind(model.kind)}")])
        return
    structure = model.structure
    connections = f"{len(structure)} nodes, {len(structure.edges())} connections"
    yield facts([("structure", f"{structure.name}: {connections}")])
    yield from wiring(structure)


def _numbers(found: Metrics) -> Iterator[Html]:
    yield table(
        [{k: v for k, v in row.items() if k != "split"} for row in metrics_rows({"": found})]
    )
    if found.multi_label:
        each = found.average_precisions.items()
        rows = [{"class": name, "average precision": value} for name, value in each]
    else:
        rows = [
            _recall(name, value, found.support.get(name)) for name, value in found.recalls.items()
        ]
    yield folded(f"by class ({len(rows)})", table(rows))


def _recall(name: str, recall: float | None, clips: int | None) -> dict[str, object]:
    row: dict[str, object] = {"class": name, "clips": clips, "recall": recall}
    if recall is not None and clips:
        low, high = wilson_interval(round(recall * clips), clips)
        row["95% interval"] = f"{low:.3f} to {high:.3f}"
    return row


def _measured(found: Metrics) -> str:
    return f"{found.measure} {found}"


def _change(name: str, count: BeforeAfter) -> dict[str, object]:
    share = f"{count.after / count.before:.0%}" if count.before else None
    return {"": name, "before": short(count.before), "after": short(count.after), "left": share}
