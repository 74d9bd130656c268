"""--fine-tune with and without a number, --rate several times, on the line and from a record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connsearch.cli.commands.search import Search
from connsearch.cli.commands.train import Train
from connsearch.cli.parse import parse
from connsearch.errors import SettingsError
from connsearch.training.rate_options import RateOptions


def rates(*words: str) -> RateOptions:
    return parse(Train, ["r3d_18", *words], program="connsearch train").training.rates


def test_fine_tune_stands_alone_or_has_a_number() -> None:
    assert rates().fine_tune is None
    assert rates("--fine-tune").fine_tune == 0.6
    assert rates("--fine-tune", "--epochs", "3").fine_tune == 0.6
    assert rates("--fine-tune", "0.1").fine_tune == 0.1
    assert rates("--fine-tune=0").fine_tune == 0
    assert rates("--fine-tune", "none").fine_tune is None
    asked = parse(Search, ["--fine-tune"], program="connsearch search")
    assert asked.training.rates.fine_tune == 0.6


def test_rates_may_be_given_several_times() -> None:
    assert rates("--rate", "stage1.*=0.1", "--rate", "head=2").rate == ("stage1.*=0.1", "head=2")
    assert rates().rate is None


@pytest.mark.parametrize("words", [("--fine-tune", "2"), ("--fine-tune", "a"), ("--rate", "head")])
def test_what_is_no_rate_is_refused_by_its_option(words: tuple[str, str]) -> None:
    with pytest.raises(SettingsError, match=words[0].removeprefix("--").replace("-", ".")):
        rates(*words)


def test_recorded_rates_are_taken_over_and_the_line_wins(tmp_path: Path) -> None:
    written = {"training": {"rates": {"fine_tune": 0.3, "rate": ["a=0.1", "b=2"]}}}
    (tmp_path / "config.json").write_text(json.dumps(written))
    config = ("--config", str(tmp_path / "config.json"))
    found = rates(*config)
    assert (found.fine_tune, found.rate) == (0.3, ("a=0.1", "b=2"))
    assert rates(*config, "--fine-tune").fine_tune == 0.6
    assert rates(*config, "--rate", "a=0.5").patterns == {"b": 2, "a": 0.5}


def test_from_epoch_is_of_one_run() -> None:
    words = ["r3d_18", "--from-epoch", "3", "--folds", "4"]
    with pytest.raises(SettingsError, match=r"(?s)from_epoch 3 with folds 4.*--run"):
        parse(Train, words, program="connsearch train")
