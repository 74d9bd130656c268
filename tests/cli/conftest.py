"""Commands as a person runs them, in this process and in another, on settings of two steps."""

from __future__ import annotations

import io
import os
import subprocess
import sys
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
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}

    def command(*words: str) -> Done:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    search = command(
        str(ROOT / "search.py"), "--run", "runs/first", "--steps", "2", *TINY, "--json"
    )
    prune = command(str(ROOT / "prune.py"), "runs/first", "--json")
    line = ["train", "runs/first/pruned", "--run", "runs/first/pruned/trained"]
    line += ["--steps", "2", "--precision", "fp32", "--threads", "1", "--json"]
    return Tour(directory, search, prune, _here(line, directory, cache))


def _here(line: list[str], directory: Path, cache: Path) -> Done:
    """Runs a command in this process: another would have to import torch."""
    from connsearch.cli.app import main
    from connsearch.workflows.pictures import draw_run

    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        patched.chdir(directory)
        patched.setenv("XDG_CACHE_HOME", str(cache))
        patched.setattr("connsearch.workflows.train.draw_run", draw_run)  # see no_pictures
        code = main(line)
    return Done(code, out.getvalue(), err.getvalue())
