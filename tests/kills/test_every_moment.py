"""What is written in several steps is killed at each of them; done again, it ends the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from connsearch.data.media.frame_store import write_store
from connsearch.data.options import DataOptions
from connsearch.data.sources.datasets.synthetic import read_synthetic
from connsearch.evolution.study.journal import repair_tail
from connsearch.evolution.study.pointer import _write_once  # pyright: ignore[reportPrivateUsage]
from connsearch.files.drafts import replacing
from connsearch.files.places import filling
from connsearch.graph.files import atomic_write_text
from connsearch.graph.spec import Structure
from connsearch.models.document import ModelDocument
from connsearch.runs.checkpoint import Checkpoint, save_checkpoint
from connsearch.runs.formats.ledger import Unit
from connsearch.runs.ledger import Ledger
from connsearch.runs.names import LEDGER
from connsearch.runs.run import Run
from tests.kills.moments import Work, unlike_the_whole


def a_file(place: Path) -> None:
    atomic_write_text(place / "a.json", '{"a": 1}\n')


def a_film(place: Path) -> None:
    with replacing(place / "a.gif", suffix=".gif") as draft:
        draft.write_bytes(b"frames" * 1000)


def a_ledger(place: Path) -> None:
    with Ledger(place / "deep" / "ledger", {"a": 1}) as ledger:
        for unit in ("one", "two", "three"):
            if unit not in ledger:
                ledger.file(unit, Unit(summary=f"unit {unit}"))


def a_filled_place(place: Path) -> None:
    with filling(place / "deep" / "pruned", {"command": "prune", "run": "x"}, done="b.json"):
        for name in ("a.json", "b.json"):
            atomic_write_text(place / "deep" / "pruned" / name, "{}\n")


STATE = {
    "tally": {"epoch": 0, "hits": 0, "clips": 0},
    "quarantine": [],
    "guide": {},
    "ended": None,
    "structure": {},
}
"""What a checkpoint of a run keeps beside its tensors."""


def a_run(place: Path, structure: Structure) -> None:
    with Run.open(place / "runs" / "a", {"command": "search", "settings": {"seed": 0}}) as run:
        environment = {"device": "cpu", "precision": "fp32", "threads": 1}
        run.settle(ModelDocument.of(structure), environment, {"data": "x"})
        run.describe("splits", {"train": {"clips": 1, "hash": "a"}})
        found = run.restore()
        for step in range(1 if found is None else found.step + 1, 4):
            run.log("metrics.csv", {"step": step, "split": "train", "loss": 0.5})
            tensors = {"a": torch.full((3,), float(step))}
            run.save(Checkpoint(step, tensors, STATE, {"seconds": 0.0}))


def a_checkpoint(place: Path) -> None:
    save_checkpoint(place / "checkpoint", Checkpoint(3, {"a": torch.zeros(9)}, {"s": 1}))


def a_store(place: Path) -> None:
    beside = {"objects.npz": b"maps"}
    write_store(place / "jpg" / "v", [b"one", b"two"], meta={"fps": 5.0}, beside=beside)


def a_pointer(place: Path) -> None:
    from connsearch.evolution.study.study_directory import POINTER, remove_abandoned

    remove_abandoned(place.glob(f".{POINTER}.*"))
    if not (place / POINTER).exists():
        _write_once(place / POINTER, '{"storage": null}\n')


def planted(place: Path) -> None:
    counts = dict.fromkeys(("train_clips", "val_clips", "test_clips"), 1)
    options = DataOptions.of(frames=2, size=16, cache=place / "cache", **counts)
    read_synthetic("mix", options)


WORKS = [a_file, a_film, a_filled_place, a_checkpoint, a_store, a_pointer]


@pytest.mark.parametrize("work", WORKS)
def test_killed_at_any_operation_it_is_done_again(work: Work, tmp_path: Path) -> None:
    assert unlike_the_whole(work, tmp_path, every=4) == []


@pytest.mark.slow
@pytest.mark.parametrize("work", WORKS)
def test_killed_at_every_operation_it_is_done_again(work: Work, tmp_path: Path) -> None:
    assert unlike_the_whole(work, tmp_path) == []


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_a_run_killed_at_any_operation_goes_on(
    tmp_path: Path, structure: Structure, every: int
) -> None:
    found = unlike_the_whole(lambda place: a_run(place, structure), tmp_path, every=every)
    assert found == []


@pytest.mark.slow
def test_planted_data_killed_at_any_operation_is_written_again(tmp_path: Path) -> None:
    assert unlike_the_whole(planted, tmp_path) == []


def half_a_line(place: Path) -> None:
    (place / "study.journal").write_bytes(b'{"op_code":0}\n{"op_code":1')


def test_a_torn_journal_is_mended_once_whoever_is_killed_at_it(tmp_path: Path) -> None:
    def mend(place: Path) -> None:
        repair_tail(place / "study.journal")

    assert unlike_the_whole(mend, tmp_path, prepare=half_a_line) == []
    assert (tmp_path / "whole" / "study.journal.torn").read_bytes() == b'{"op_code":1\n'


def test_a_torn_ledger_is_mended_whoever_is_killed_at_it(tmp_path: Path) -> None:
    def torn(place: Path) -> None:
        head, unit = {"settings": {"a": 1}}, {"unit": "one", "summary": "unit one", "value": 3}
        (place / "deep" / "ledger").mkdir(parents=True)
        text = json.dumps(head) + "\n" + json.dumps(unit) + "\n" + '{"unit": "two", "sum'
        (place / "deep" / "ledger" / LEDGER).write_text(text)

    assert unlike_the_whole(a_ledger, tmp_path, prepare=torn) == []
    rows = (tmp_path / "whole" / "deep" / "ledger" / LEDGER).read_text().splitlines()
    assert [json.loads(row).get("unit") for row in rows] == [None, "one", "two", "three"]


def test_a_work_that_leaves_something_is_seen(tmp_path: Path) -> None:
    """The planted fault: what is named anew each time stays when its writer is killed."""
    import secrets

    def careless(place: Path) -> None:
        draft = place / f"{secrets.token_hex(4)}.tmp"
        draft.write_text("a")
        draft.replace(place / "a.txt")

    assert any("is left over" in line for line in unlike_the_whole(careless, tmp_path))
