"""Flat names are placed into groups of settings; nothing is judged on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connsearch.cli.commands.search import Search
from connsearch.data.options import ClipOptions, DataOptions
from connsearch.errors import SettingsError
from connsearch.oneshot.options import SearchOptions
from connsearch.settings.nesting import by_name, flat, leaves, nested, usual
from connsearch.training.options import TrainOptions


def test_flat_names_find_their_groups() -> None:
    found = nested(Search, {"frames": 16, "lr": 0.003, "run": Path("a"), "augment": ("flip",)})
    assert found == {
        "data": {"clips": {"frames": 16}, "augment": {"augment": ("flip",)}},
        "training": {"optimiser": {"lr": 0.003}},
        "run": Path("a"),
    }
    one = Search.model_validate(found)
    assert (one.data.clips.frames, one.training.optimiser.lr) == (16, 0.003)


def test_of_two_names_the_one_in_fewer_groups_is_meant() -> None:
    assert nested(Search, {"seed": 3}) == {"seed": 3}
    assert nested(DataOptions, {"seed": 3}) == {"split": {"seed": 3}}


@pytest.mark.parametrize("form", [{"frames": 4, "size": 16}, {"clips": {"frames": 4, "size": 16}}])
def test_a_group_may_be_given_as_a_whole(form: dict[str, Any]) -> None:
    assert DataOptions.of(**form).clips == ClipOptions(frames=4, size=16)
    assert Search.model_validate(nested(Search, {"data": form})).data.clips.frames == 4
    whole = nested(DataOptions, {"clips": ClipOptions(frames=4, size=16), "flip": True})
    assert DataOptions.model_validate(whole).clips.frames == 4


def test_unknown_names_are_told_together_with_the_nearest() -> None:
    with pytest.raises(SettingsError) as caught:
        nested(Search, {"frame": 16, "learning": 1})
    told = str(caught.value)
    assert "'frame', did you mean 'frames'?" in told
    assert "'learning'" in told
    with pytest.raises(SettingsError, match="did you mean 'epochs'"):
        TrainOptions.of(epoch=3)


def test_a_setting_given_twice_is_refused() -> None:
    with pytest.raises(SettingsError, match="'frames': given twice"):
        nested(Search, {"frames": 4, "data": {"frames": 8}})


def test_values_are_judged_where_settings_are_made_and_not_where_they_are_changed() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        DataOptions.of(frames=0)
    changed = SearchOptions.of(epochs=3, lr=0.1).with_values(seed=5, steps=2)
    assert (changed.seed, changed.schedule.steps, changed.schedule.epochs) == (5, 2, 3)
    assert changed.optimiser.lr == 0.1
    with pytest.raises(SettingsError, match="'step', did you mean 'steps'"):
        changed.with_values(step=1)


@pytest.mark.parametrize("model", [DataOptions, TrainOptions, SearchOptions])
def test_flat_settings_come_back_as_they_were(model: type[DataOptions]) -> None:
    whole = model()
    assert model.of(**flat(whole)) == model.of(**by_name(whole)) == whole
    assert list(flat(whole)) == [path[-1] for path in leaves(model)]
    assert "seed" not in flat(whole, without=["seed"])
    assert all(usual(model, name) == value for name, value in by_name(whole).items())


def test_a_search_has_its_own_number_of_epochs_whatever_else_is_given() -> None:
    assert SearchOptions.of(warmup=0.2).schedule.epochs == 16
    assert TrainOptions.of(warmup=0.2).schedule.epochs == 12
