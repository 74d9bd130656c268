"""The fitness of a child by another number than accuracy."""

from __future__ import annotations

from pathlib import Path

import pytest

from connsearch.errors import SettingsError
from connsearch.runs.record import RunRecord
from tests.oneshot.judging import Heard, fitness, judged, stopped, task
from tests.training.test_balance import Uneven

ASKED = {"watch": "balanced_accuracy", "class_weights": "balanced", "rungs": (0.25, 0.5)}


class Rare(Uneven):
    """Five clips of one class to judge by, and one of the other."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.val.labels = [0, 0, 0, 0, 0, 1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Heard]:
    directory = tmp_path_factory.mktemp("watched")
    return directory, judged(fitness(directory, Rare(), **ASKED), task())


def test_a_child_is_as_fit_as_the_watched_number_says(whole: tuple[Path, Heard]) -> None:
    directory, heard = whole
    found = RunRecord(directory / "0000-0").metrics["val"]
    assert found.balanced_accuracy != found.accuracy
    assert heard.outcome.values == (found.balanced_accuracy,)
    assert heard.outcome.facts["measure"] == "balanced_accuracy"
    assert heard.outcome.facts["standard_error"] is None


def test_rungs_are_the_same_after_a_kill(tmp_path: Path, whole: tuple[Path, Heard]) -> None:
    fit = fitness(tmp_path, Rare(), checkpoint_steps=2, **ASKED)
    stopped(fit, task(), 5)
    rest = judged(fit, task())
    assert rest.rungs == whole[1].rungs
    assert len(rest.rungs) == 2
    assert rest.outcome.values == whole[1].outcome.values


def test_the_best_of_several_looks_judges_a_child(tmp_path: Path) -> None:
    judged(fitness(tmp_path, Rare(), keep="best", epochs=3), task())
    result = RunRecord(tmp_path / "0000-0").result
    assert result is not None
    assert result.choice is not None
    assert result.choice.looks == 3


def test_a_number_that_is_better_when_small_is_no_fitness(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="watch loss: a score is better the larger"):
        fitness(tmp_path, watch="loss")
