"""Ctrl-C and its like: what is done is kept, and the same line goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.commands import ROOT, TINY, Command, hear_interrupts


def wait_for(path: Path, process: subprocess.Popen[str], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists() or not any(path.iterdir()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_an_interrupted_search_goes_on_and_ends_the_same(
    environment: dict[str, str], tmp_path: Path, run: Command
) -> None:
    line = ["--steps", "24", "--checkpoint-steps", "1", *TINY, "--json"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "search.py"), "--run", "half", *line],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )
    try:
        wait_for(tmp_path / "half" / "checkpoint", process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "rerun the same command to resume" in err
    assert "Traceback" not in err
    assert '"exit": 130' in out.splitlines()[-1]
    assert not (tmp_path / "half" / "result.json").exists()

    resumed = run("search", "--run", "half", *line)
    assert resumed.code == 0, resumed.err
    whole = run("search", "--run", "whole", *line)
    assert resumed.json["digest"] == whole.json["digest"]


def rows(path: Path) -> int:
    return path.read_text().count("\n") - 1 if path.exists() else 0


@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGHUP", marks=pytest.mark.slow)])
def test_a_signal_to_all_processes_leaves_a_checkpoint_of_the_step(
    environment: dict[str, str], tmp_path: Path, name: str
) -> None:
    run, number = tmp_path / "half", getattr(signal, name)
    line = ["--steps", "400", "--checkpoint-seconds", "3600", "--workers", "2", *TINY, "--json"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "search.py"), "--run", str(run), *line],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=hear_interrupts,
    )
    try:
        while rows(run / "metrics.csv") < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        assert not (run / "checkpoint").exists()
        workers = children(process.pid)
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + number, err
    assert f"{name}: a checkpoint is written after this step" in err
    assert f"ended by {name}: rerun the same command to resume" in err
    assert "Traceback" not in err
    assert json.loads(out.splitlines()[-1])["exit"] == 128 + number
    (kept,) = (run / "checkpoint").iterdir()
    assert int(kept.stem.partition("-")[2]) == rows(run / "metrics.csv")
    assert len(workers) == 2
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(word) for word in found.split()]


def test_a_signal_while_torch_is_imported_is_no_traceback(
    environment: dict[str, str], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "search.py"), "--run", str(tmp_path / "run"), *TINY],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while "torch" not in Path(f"/proc/{process.pid}/maps").read_text():
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143, err
    assert "Traceback" not in err


def test_a_reader_that_leaves_early_is_no_error(environment: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "connsearch", "inspect"],
        env=environment,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writer)
    assert done.stderr == ""
