"""What a run recorded is read back as settings of this version, or refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import Command, Tour

pytestmark = pytest.mark.usefixtures("unpictured")


def test_settings_of_another_version_are_refused_by_name(
    tour: Tour, tmp_path: Path, run: Command
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(tour.run, copy)
    config = json.loads((copy / "config.json").read_text())
    config["settings"]["training"]["from_the_future"] = 1
    (copy / "config.json").write_text(json.dumps(config))
    done = run("curve", str(copy))
    assert done.code == 2
    assert "training.from_the_future" in done.err
    assert "cure: the version that made the run" in done.err


def test_a_run_does_not_decide_where_anything_is_written(
    tour: Tour, tmp_path: Path, run: Command
) -> None:
    """Its data was cached somewhere; whoever reads the run has a cache of their own."""
    copy, victim = tmp_path / "run", tmp_path / "victim" / "deep"
    shutil.copytree(tour.trained, copy)
    config = json.loads((copy / "config.json").read_text())
    config["settings"]["data"]["loading"]["cache"] = str(victim)
    (copy / "config.json").write_text(json.dumps(config))
    done = run("evaluate", str(copy), "--split", "val", "--json")
    assert done.code == 0, done.err
    again = run("train", str(copy), "--config", str(copy / "config.json"), "--steps", "1")
    assert again.code in (0, 2), again.err
    assert not victim.parent.exists()


def test_a_fault_of_the_line_is_not_told_as_one_of_a_record(run: Command) -> None:
    done = run("train", "adafocus", "--segments", "4", "--patch", "0", "--window", "all")
    assert done.code == 2
    assert "recorded" not in done.err
    for said in ("2 settings cannot be used", "--patch: read '0'", "--window: no value"):
        assert said in done.err


def test_a_fault_of_a_record_is_told_as_such_whatever_the_line_says(
    tour: Tour, tmp_path: Path, run: Command
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(tour.run, copy)
    config = json.loads((copy / "config.json").read_text())
    config["settings"]["training"]["optimiser"]["lr"] = -1
    (copy / "config.json").write_text(json.dumps(config))
    done = run("search", "--config", str(copy / "config.json"), "--frames", "0")
    assert done.code == 2
    assert "config.json: 1 setting cannot be used" in done.err
    assert "--lr: read -1" in done.err
