"""The examples and the page on the modules as plain PyTorch run, and show what they say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _own_randomness() -> None:
    """The examples seed torch's global generator; other tests shall not notice."""
    torch.manual_seed(0)


@pytest.mark.parametrize(("task", "other"), [("image", "audio"), ("audio", "image")])
def test_the_branch_that_does_not_matter_is_turned_down(
    task: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    example = runpy.run_path(str(ROOT / "examples" / "image_audio.py"))
    weights = example["main"](task, steps=70)
    matters = [w for name, w in weights.items() if name.startswith(task)]
    rest = [w for name, w in weights.items() if name.startswith(other)]
    assert min(matters) > max(rest)
    assert "of 1000 new ones right after 70 steps" in capsys.readouterr().out


@pytest.mark.parametrize("attention", ["none", "peer"])
def test_the_two_stream_network_trains_and_is_cut_exactly(
    attention: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    example = runpy.run_path(str(ROOT / "examples" / "two_stream_r2plus1d.py"))
    share = example["main"](attention=attention, epochs=1, clips=4)
    printed = capsys.readouterr().out
    assert 0 <= share <= 1
    assert "largest difference of a logit: 0.0" in printed
    assert printed.count("into stage") == 4
    assert ("is gated by" in printed) == (attention == "peer")


def test_the_page_on_the_modules_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")
    script = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    exec(compile(script, "docs/modules.md", "exec"), {"__name__": "page"})
    assert {"'rgb': 0.5", "'depth': 0.5"} & set(re.findall(r"'\w+': 0\.5", capsys.readouterr().out))
