"""Other golden files, from anywhere, in the words of the README."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.golden.cupboard import FORMATS, Check, checks_of, parameter
from tests.golden.folder import HERE, Folder, GoldenError
from tests.golden.srtg.rule import ROLES, ours

ROOT = HERE.parents[1]
CASE, FOCUS_CASE = "3a_fusion_single", "g_exit_ties"
STRANGERS: dict[str, dict[str, Any]] = {
    "s4_net_r3d_7": {"kind": "net", "source": "elsewhere", "factory": "r3d_7"},
}
"""Entries of what connsearch cannot do; nothing reads their files."""


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with cases of every format, whose name says nothing."""
    index = dict(STRANGERS)
    for place, case in ((HERE, CASE), (HERE / "focus", FOCUS_CASE)):
        index[case] = dict(Folder.read(place).index[case])
        shutil.copy(place / f"{case}.npz", tmp_path)
    write(tmp_path, index)
    return tmp_path


def write(folder: Path, index: dict[str, Any]) -> None:
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


def run(*line: str) -> subprocess.CompletedProcess[str]:
    # This file by absolute path, lest it calls itself; of the others only its neighbours, for time.
    less = ["--ignore", str(Path(__file__).resolve()), "-o", "testpaths=tests/golden", "-q", "-rsp"]
    return subprocess.run(
        [*line, *less, "-p", "no:cacheprovider"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


SCRIPT = [str(Path(sys.executable).with_name("pytest"))]
MODULE = [sys.executable, "-m", "pytest"]


@pytest.mark.parametrize(
    ("start", "relative", "more"),
    [
        (SCRIPT, False, ["-n", "0"]),
        pytest.param([*MODULE, "tests/golden"], True, ["-n", "0"], marks=pytest.mark.slow),
        pytest.param(SCRIPT, True, ["-n", "2"], marks=pytest.mark.slow),
        pytest.param(MODULE, False, ["-n", "2"], marks=pytest.mark.slow),
    ],
    ids=["script", "module-tests-relative", "script-relative-workers", "module-workers"],
)
def test_golden_dir_outside_the_repository_is_read(
    mixed: Path, start: list[str], relative: bool, more: list[str]
) -> None:
    given = os.path.relpath(mixed, ROOT) if relative else str(mixed)
    done = run(*start, "-k", "golden and not planted", "--golden-dir", given, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(STRANGERS)} skipped" in done.stdout, done.stdout
    for check in (f"{CASE}-float64", f"{CASE}-float32", FOCUS_CASE):
        assert f"PASSED tests/golden/test_golden.py::test_golden[{check}]" in done.stdout
    for name in STRANGERS:
        assert any(name in line and "no network" in line for line in done.stdout.splitlines())
    files = sorted(path.name for path in mixed.iterdir())
    assert files == [f"{CASE}.npz", f"{FOCUS_CASE}.npz", "index.json"]


def test_golden_dir_of_an_unknown_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"x1_else": {"what": "something else"}})
    with pytest.raises(GoldenError, match="'x1_else' is of no known golden format") as refused:
        checks_of(Folder.read(tmp_path))
    said = str(refused.value)
    assert all(f"{name}: {FORMATS[name].known_by}" in said for name in FORMATS)
    assert list(FORMATS) == ["assemblenet", "focus", "srtg"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no index.json there"),
        ("[]", "one JSON object a case"),
        ("{", "index.json: "),
        ("{}", "names no case"),
    ],
)
def test_golden_dir_without_an_index_is_refused(
    tmp_path: Path, text: str | None, says: str
) -> None:
    if text is not None:
        (tmp_path / "index.json").write_text(text, encoding="utf-8")
    with pytest.raises(GoldenError, match=says):
        Folder.read(tmp_path)


def test_golden_dir_runs_slow_cases_as_well() -> None:
    check = Check("net", slow=True)
    assert [m.name for m in parameter(check, asked=False).marks] == ["slow"]
    assert not parameter(check, asked=True).marks


def test_golden_lists_that_a_folder_lacks_are_our_own(tmp_path: Path) -> None:
    published, named = "layer2.0.conv1.0.3.weight", "stage2.0.conv1.temporal.weight"
    write(tmp_path, STRANGERS)
    folder = Folder.read(tmp_path)
    assert ours(folder, "basic r2plus1d", [published]) == {published: named}
    row = {"published": "stem.0.weight", "role": "head/fc/weight", "families": ["basic r2plus1d"]}
    (tmp_path / ROLES).write_text(json.dumps([row]), encoding="utf-8")
    assert ours(folder, "basic r2plus1d", ["stem.0.weight"]) == {"stem.0.weight": "head.weight"}


def test_golden_entries_belong_to_one_format_each() -> None:
    names = {check.name.split("-")[0].split(" ")[0] for check in checks_of(Folder.read(HERE))}
    assert {"2c_object_stem", "7a_asn_tiny", "counts"} <= names
