"""A damaged run is refused in words, whoever reads it, in time and with little memory."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connsearch.data.options import DataOptions
from connsearch.errors import Failure, UserError
from connsearch.oneshot.options import SearchOptions
from connsearch.oneshot.search import search
from connsearch.pruning.options import PruneOptions, build_criterion
from connsearch.pruning.pruner import prune_by
from connsearch.runs.events import Event, ResultEvent, StepEvent
from connsearch.runs.record import open_run
from connsearch.runs.recorded import recorded_options
from connsearch.runs.run import Run
from connsearch.view.charts import inline
from connsearch.view.report.build import write_report
from connsearch.view.report.sections import wiring
from connsearch.view.runs.animation import read_moments
from connsearch.workflows.counted import counted_classes, counted_clip
from connsearch.workflows.targets import open_structure, open_trained, recorded_loss
from tests.data.fuzz import peak_megabytes
from tests.runs.run_damage import damage
from tests.training.tiny import TinyData, tiny_options, tiny_structure
from tests.view.report_files import undrawn

SECONDS, MEBIBYTES = 5.0, 1024


def resumed(run: Path) -> Iterator[Event]:
    """Yields what the same line does in the directory of a run."""
    data, options = TinyData(), tiny_options(epochs=1)
    settings = {
        "structure": "tiny",
        "seed": 0,
        "data": data.options.model_dump(mode="json"),
        "training": options.model_dump(mode="json"),
    }
    with Run.open(run, {"command": "search", "settings": settings}) as opened:
        yield from search(tiny_structure(), data, options, run=opened)  # type: ignore[arg-type]


def resume(run: Path) -> None:
    """One more step, or the result."""
    for event in resumed(run):
        if isinstance(event, StepEvent | ResultEvent):
            break


def prune(run: Path) -> None:
    trained = open_trained(run)
    trained.network()
    prune_by(trained.structure, PruneOptions())


def record(run: Path) -> None:
    target = str(run)
    open_structure(target)
    counted_classes(target), counted_clip(target), recorded_loss(target)
    recorded_options(target, "training", SearchOptions)
    recorded_options(target, "data", DataOptions)


def evaluation(run: Path) -> None:
    open_run(run).evaluations  # noqa: B018


def film(run: Path) -> None:
    structure = open_run(run).structure
    read_moments(run, structure, build_criterion("relative"), frames=8)


READERS: tuple[Callable[[Path], object], ...] = (
    record,
    prune,
    evaluation,
    film,
    lambda run: write_report(run, run / "report.html"),
    resume,  # last: it may write
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A finished run, and one that was interrupted after its second checkpoint."""
    folder = tmp_path_factory.mktemp("runs")
    done, half = folder / "done", folder / "half"
    list(resumed(done))
    for event in resumed(half):
        if isinstance(event, StepEvent) and event.step == 4:
            break
    metrics = json.loads((done / "result.json").read_text())["metrics"]["val"]
    entry = {"opened": "2026-01-01", "times_opened": 1, "metrics": metrics, "clips_by_class": {}}
    (done / "evaluation.json").write_text(json.dumps({"val": entry}))
    return done, half


def check(runs: tuple[Path, Path], folder: Path, count: int) -> Counter[str]:
    """Damages a copy of a run so many times; returns how often each way of ending was met."""
    ends: Counter[str] = Counter()
    faults: list[str] = []
    before = peak_megabytes()
    for number in range(count):
        rng = random.Random(number)
        run = shutil.copytree(rng.choice(runs), folder / "run")
        done = damage(run, rng)
        began = time.process_time()
        for read in READERS:
            try:
                read(run)
                ends["read"] += 1
            except (UserError, Failure) as error:
                ends[type(error).__name__] += 1
                if not str(error).strip():
                    faults.append(f"{number} ({done}): {read.__name__}: says nothing")
            except Exception as error:
                faults.append(
                    f"{number} ({done}): {read.__name__}: {type(error).__name__}: {error}"
                )
        if (took := time.process_time() - began) > SECONDS:
            faults.append(f"{number} ({done}): took {took:.1f} s of CPU")
        shutil.rmtree(run)
    more = peak_megabytes() - before
    if more > MEBIBYTES:
        faults.append(f"{more:.0f} MiB of memory more than before")
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults[:40])
    return ends


@pytest.fixture(autouse=True)
def _no_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture takes longer than all the rest, and no damage reaches it."""
    monkeypatch.setattr(wiring, "svg", lambda structure, **_: "<svg></svg>")
    monkeypatch.setattr(inline, "drawing", undrawn)


@pytest.mark.parametrize("count", [30, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_damaged_run_is_refused_in_words(
    runs: tuple[Path, Path], tmp_path: Path, count: int
) -> None:
    ends = check(runs, tmp_path, count)
    assert ends["read"] > count / 2
    assert sum(ends.values()) - ends["read"] > count / 2, "the damage does not reach the readers"
