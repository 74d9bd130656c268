"""The names of default run directories, as the version before the groups of settings made them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from connsearch.cli.commands.train import Train
from connsearch.cli.parse import parse

BEFORE = {
    "search": "",
    "search starter --seed 3": "0ff531",
    "search starter --frames 16 --size 48 --lr 0.003 --epochs 16": "3ef167",
    "search starter_rgb_flow --data cc-motion/clips.csv --frames 16 --size 48 --lr 0.003": "f60a71",
    "search starter --augment srtg_large --batch-size 8 --threads 2 --device cpu": "f498ef",
    "search starter --workers 4 --timeout 9 --bad-share 0.5": "",
    "search starter --method assemblenet --temperature 0.5 --data-seed 7": "7eebf9",
    "search starter --multigrid reference --multigrid-rounds 2 --speed 0.5 2": "a1911d",
    "search starter --val-share 0.1 --val-clips 3": "6bf7d9",
    "search starter --discreteness-penalty zero_one --discreteness-weight 0.5 "
    "--anneal-start 0.3": "6443b7",
    "search starter --streams rgb flow --attention static --fingerprint full": "ef618a",
    "train starter --from-scratch --optimiser sgd --steps 9": "14dde8",
    "train r3d_18 --size 112 --test-share 0": "c20624",
    "stability starter --searches 9 --epochs 2 --criterion top_k:2": "29d8bd",
    "evolve": "ac1297",
    "evolve starter --rounds 9 --population 4 --tournament 2 --epochs 8": "4e092b",
    "evolve starter --simulate planted --budget macs<=80% --threads 1": "794ed2",
}
"""A line, and the hash that was added to ``runs/NAME``; settings by the names they have now."""


@pytest.mark.parametrize("line", BEFORE)
def test_the_same_line_finds_the_run_of_before(line: str) -> None:
    name, *words = line.split()
    module = importlib.import_module(f"connsearch.cli.commands.{name}")
    found = parse(getattr(module, name.title()), words, program=name).directory(Path("run"))
    assert found.name == "-".join(filter(None, ["run", BEFORE[line]]))


@pytest.mark.parametrize(
    ("options", "name"),
    [("--exits", "run"), ("--exits all", "run"), ("--exits 1,2", None), ("--exits --lr 0.5", None)],
)
def test_exits_after_all_levels_are_in_the_name_already(options: str, name: str | None) -> None:
    found = parse(Train, ["starter", *options.split()], program="train").directory(Path("run"))
    if name is None:
        assert found.name.startswith("run-")
    else:
        assert found.name == name
