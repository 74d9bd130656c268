"""Standard output that is full, closed, or read by nobody: a word and a code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")


def ended(words: str, environment: dict[str, str], redirected: str) -> tuple[int, str]:
    """Returns the exit code and the error stream of a line of a shell."""
    line = f"{sys.executable} -m connsearch {words} {redirected}"
    done = subprocess.run(
        ["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(not FULL.is_char_device(), reason="no /dev/full here")
@pytest.mark.parametrize("words", ["--help", "diff starter starter --json"])
def test_a_full_output_is_said(words: str, environment: dict[str, str]) -> None:
    code, err = ended(words, environment, f">{FULL}")
    assert code == (2 if "diff" in words else 1)  # of diff, 1 says "different"
    assert "standard output: cannot be written: no space left on device" in err
    assert "Traceback" not in err
    assert "Exception ignored" not in err


def test_a_closed_output_is_no_error(environment: dict[str, str]) -> None:
    assert ended("inspect starter", environment, ">&-") == (0, "")


def test_no_file_takes_the_number_of_a_closed_stream(
    environment: dict[str, str], tmp_path: Path
) -> None:
    program = (
        "import os, sys; from connsearch.cli.output import open_streams; open_streams();"
        f"file = open({str(tmp_path / 'x')!r}, 'w'); print('said'); os.write(2, b'said');"
        "file.write(str(file.fileno())); file.close()"
    )
    line = ["sh", "-c", f'{sys.executable} -c "$0" >&- 2>&- <&-', program]
    subprocess.run(line, env=environment, check=True, timeout=60)
    assert int((tmp_path / "x").read_text()) > 2


def test_a_reader_that_has_gone_ends_a_command_quietly(environment: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "connsearch", "diff", "starter", "starter"],
        env=environment,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (2, "")
