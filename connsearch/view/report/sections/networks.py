"""Networks made from the run, and how good each of them was judged to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.prune import PruneRecord
from connsearch.view.charts.chart import Chart
from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Branch, Material
from connsearch.view.report.section import Fact, Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import interval, number, plural, seconds, setting, share
from connsearch.view.runs.confusion import FEW_CLASSES, Mistake, confusion_chart, most_mistaken

MANY_CLASSES = 40
"""Above so many classes the page has no matrix."""
MISTAKES = 20


@section("pruned", 110)
def pruned(material: Material, findings: Findings) -> Section | None:
    """Returns the pruned networks of a run and their further trainings."""
    branches = list(material.branches)
    if material.prune_record is not None:
        branches.insert(0, Branch("this network", material.prune_record, None, {}))
    if not branches and not material.notes.get("pruned"):
        return None
    shown = [
        {
            "name": branch.name,
            "facts": list(_facts(branch)),
            "notes": (notes := [] if branch.pruned is None else _notes(branch.pruned)),
            "remarks": plural(len(notes), "remark"),
            "table": _counts(branch.pruned),
            "exact": None if branch.pruned is None else branch.pruned.exactness,
        }
        for branch in branches
    ]
    return Section("pruned", "Networks made from it", {"branches": shown}, str(len(shown)))


@section("judged", 60)
def judged(material: Material, findings: Findings) -> Section | None:
    """Returns how every evaluated split came out, class by class."""
    entries: list[tuple[str, Metrics, Evaluation | None]] = []
    evaluated = material.evaluations
    known = {} if material.result is None else material.result.metrics
    for split, found in known.items():
        if split not in evaluated or evaluated[split].metrics.confusion != found.confusion:
            entries.append((split, found, None))
    entries += [(split, e.metrics, e) for split, e in evaluated.items()]
    if not entries and not material.notes.get("judged"):
        return None
    shown = [
        {
            "title": split if evaluation is None else f"{split}, by connsearch evaluate",
            "facts": list(_numbers(found, evaluation)),
            "classes": _by_class(found),
            "multi": found.multi_label,
            "matrix": _matrix(found),
            "mistakes": _mistakes(found),
        }
        for split, found, evaluation in entries
    ]
    return Section("judged", "How good it is", {"splits": shown})


def _facts(branch: Branch) -> Iterator[Fact]:
    record = branch.pruned
    if record is not None:
        for name, value in record.pruning.to_json().items():
            if value not in ([], {}, "", None):  # no budget was given
                yield Fact(name, setting(value))
        for split, found in record.metrics.items():
            yield Fact(f"{found.measure} on {split}", _good(found), "recalibrated, not trained")
    if branch.result is not None:
        yield Fact(
            "trained", seconds(branch.result.seconds), f"{number(branch.result.steps)} steps"
        )
        for split, found in branch.result.metrics.items():
            yield Fact(f"{found.measure} on {split}", _good(found))
    for split, evaluation in branch.evaluations.items():
        times = plural(evaluation.times_opened, "time")
        found = evaluation.metrics
        yield Fact(f"{found.measure} on {split}", _good(found), f"opened {times}")


def _good(found: Metrics) -> str:
    spread = "" if found.multi_label else f" ({interval(found.low, found.high)})"
    return f"{share(found.headline)}{spread}"


def _counts(record: PruneRecord | None) -> list[tuple[str, str, str, str]]:
    if record is None:
        return []
    named = {
        "nodes": record.nodes,
        "connections": record.connections,
        "parameters": record.parameters,
        "multiply-accumulates": record.macs,
    }
    return [
        (name, f"{c.before:,}", f"{c.after:,}", f"{c.after / c.before:.0%}" if c.before else "–")
        for name, c in named.items()
    ]


def _notes(record: PruneRecord) -> list[str]:
    dead = [f"dead and gone: nodes {', '.join(map(str, record.dead))}"] if record.dead else []
    return [*dead, *record.repairs, *record.substitutes, *record.opened, *record.changes]


def _numbers(found: Metrics, evaluation: Evaluation | None) -> Iterator[Fact]:
    if found.multi_label:
        yield Fact("mAP", share(found.mAP, 4))
    yield Fact("accuracy", share(found.accuracy, 4), f"{interval(found.low, found.high)} at 95 %")
    if found.balanced_accuracy is not None:
        yield Fact("balanced accuracy", share(found.balanced_accuracy, 4))
    if found.top5 is not None:
        yield Fact("top-5", share(found.top5, 4))
    yield Fact("loss", number(found.loss))
    left_out = f"{found.left_out} left out" if found.left_out else ""
    yield Fact("clips", f"{found.clips:,}", left_out)
    if found.views > 1:
        yield Fact("views", number(found.views), "of every video")
    if evaluation is not None:
        yield Fact("opened", evaluation.opened, plural(evaluation.times_opened, "time"))
        yield Fact("precision", setting(evaluation.precision))


def _by_class(found: Metrics) -> list[tuple[str, str, str, float]]:
    """Class, clips, recall or average precision as text and as a share."""
    values: Mapping[str, float | None] = found.average_precisions or found.recalls
    return [
        (name, number(found.support.get(name)), share(value), 100 * (value or 0.0))
        for name, value in values.items()
    ]


def _matrix(found: Metrics) -> Chart | None:
    """The confusion matrix, where there are not too many classes for a page."""
    counts = found.confusion
    if not counts or len(counts) > MANY_CLASSES:
        return None
    return confusion_chart(counts, title="")


def _mistakes(found: Metrics) -> list[Mistake]:
    """The most frequent mistakes, where the matrix has no numbers."""
    if not found.confusion or len(found.confusion) <= FEW_CLASSES:
        return []
    return most_mistaken(found.confusion, MISTAKES)
