"""Other golden files, from anywhere, in the words of the README."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.golden.layout import HERE

ROOT = HERE.parents[1]
CASE = "3a_fusion_single"


def run(folder: Path, *below: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "pytest", "-q", "-k", "golden", "--golden-dir", str(folder)]
    line += below
    # By absolute path: node names would follow the folder pytest takes for its root, and this
    # file would then call itself.
    itself = ["--ignore", str(Path(__file__).resolve()), "-p", "no:cacheprovider"]
    return subprocess.run(
        [*line, *itself],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_golden_dir_outside_the_repository_is_read(tmp_path: Path) -> None:
    index = json.loads((HERE / "index.json").read_text(encoding="utf-8"))
    (tmp_path / "index.json").write_text(json.dumps({CASE: index[CASE]}), encoding="utf-8")
    shutil.copy(HERE / f"{CASE}.npz", tmp_path)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_golden_dir_without_an_index_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "tests/golden")
    assert done.returncode != 0
    assert "index.json" in done.stdout + done.stderr
