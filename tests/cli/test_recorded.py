"""What a run recorded is read back as settings of this version, or refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.cli.commands import Command, Tour


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
