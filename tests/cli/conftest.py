"""Commands as a person runs them, in this process and in another, on settings of two steps."""

from __future__ import annotations

import io
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.cli.commands import ROOT, TINY, Command, Done, Tour


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where planted data is written once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cache: Path,
) -> Command:
    """Runs a command in this process, in an empty directory."""
    from connsearch.cli.app import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))

    def command(*arguments: str | Path) -> Done:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return command


@pytest.fixture
def environment(cache: Path) -> dict[str, str]:
    """The environment of a command in another process."""
    return {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def tour(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Tour:
    """The whole loop through the scripts a newcomer types."""
    directory = tmp_path_factory.mktemp("tour")
    words = [str(ROOT / "search.py"), "--run", "runs/first", "--steps", "2", *TINY, "--json"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=directory,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    search = Done(done.returncode, done.stdout, done.stderr)
    line = ["train", "runs/first/pruned", "--run", "runs/first/pruned/trained"]
    line += ["--steps", "2", "--precision", "fp32", "--threads", "1", "--json"]

    def train() -> int:
        from connsearch.cli.app import main

        return main(line)

    prune = _here(lambda: _script("prune.py", "runs/first", "--json"), directory, cache)
    return Tour(directory, search, prune, _here(train, directory, cache))


def _script(name: str, *words: str) -> object:
    """Runs a script of the repository as Python does; returns its exit code."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", [name, *words])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / name), run_name="__main__")
    return end.value.code


def _here(work: Callable[[], object], directory: Path, cache: Path) -> Done:
    """Does work in this process: another would have to import torch."""
    from connsearch.workflows.pictures import draw_pruning, draw_run

    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        patched.chdir(directory)
        patched.setenv("XDG_CACHE_HOME", str(cache))
        patched.setattr("connsearch.workflows.train.draw_run", draw_run)  # see no_pictures
        patched.setattr("connsearch.workflows.prune.draw_pruning", draw_pruning)
        code = work()
    return Done(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
