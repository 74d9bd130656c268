"""Ctrl-C and its like: what is done is kept, and the same line goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.commands import ROOT, TINY, Command, hear_interrupts


def wait_for(path: Path, process: subprocess.Popen[str], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists() or not any(path.iterdir()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
    assert "the same line again goes on" in err
    assert "Traceback" not in err
    assert '"exit": 130' in out.splitlines()[-1]
    assert not (tmp_path / "half" / "result.json").exists()

    resumed = run("search", "--run", "half", *line)
    assert resumed.code == 0, resumed.err
    whole = run("search", "--run", "whole", *line)
    assert resumed.json["digest"] == whole.json["digest"]


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
