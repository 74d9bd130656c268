"""Settings that versions before the groups recorded are read wherever a file holds them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connsearch.cli.commands.search import Search
from connsearch.cli.parse import parse
from connsearch.data.options import DataOptions
from connsearch.errors import RunError
from connsearch.evolution.study.study_directory import begin, reopen
from connsearch.oneshot.options import SearchOptions
from connsearch.runs.documents import read_config, read_form
from connsearch.runs.formats.prune import PruneRecord
from connsearch.runs.record import RunRecord
from connsearch.runs.recorded import recorded_data, recorded_options, recorded_settings
from connsearch.runs.run import Run
from connsearch.settings.earlier import GROUPS, migrated_settings
from connsearch.settings.nesting import flat
from connsearch.training.options import TrainOptions
from connsearch.view.report.reader import read_material
from connsearch.workflows.targets import recorded_loss

pytestmark = pytest.mark.usefixtures("unpictured")

WRITTEN = Path(__file__).with_name("written")
OLD: dict[str, Any] = {"commitment": "entropy", "commitment_weight": 0.5, "late": 0.25}


def raw(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A search that was killed, with options by names of before and shares of its splits."""
    place = tmp_path / "killed"
    shutil.copytree(WRITTEN / "search-killed", place)
    change(place, lambda s: s["training"].update(OLD))
    change(place, lambda s: s["data"].update(select_share=0.25, select_clips=7))
    return place


def change(run: Path, how: Callable[[dict[str, Any]], None]) -> None:
    config = raw(run / "config.json")
    how(config["settings"])
    (run / "config.json").write_text(json.dumps(config))


def line(run: Path, *words: str) -> list[str]:
    return ["tiny.json", "--config", str(run / "config.json"), *words]


def asked(run: Path, *words: str) -> dict[str, Any]:
    found = parse(Search, line(run, *words), program="search")
    return {"command": "search", "settings": found.settings()}


def test_the_files_are_of_before() -> None:
    """A fixture that is written anew would show nothing."""
    for name in ("search-killed", "train-killed", "searched", "evolution/children/0001-0"):
        settings = raw(WRITTEN / name / "config.json")["settings"]
        assert isinstance(settings["data"]["source"], str), name
        assert "lr" in settings["training"], name
    pruned = raw(WRITTEN / "searched" / "pruned-top_k-2" / "prune.json")
    assert pruned["settings"]["data"]["size"] == 16


def test_every_recorded_setting_has_a_group() -> None:
    for name in ("search-killed", "train-killed", "searched"):
        settings = migrated_settings(raw(WRITTEN / name / "config.json")["settings"])
        for part in GROUPS:
            assert set(settings[part]) - {"seed"} <= set(GROUPS[part]), (name, part)


def test_a_config_is_read_in_groups_with_the_names_of_now(killed: Path) -> None:
    settings = read_config(killed / "config.json")["settings"]
    data = DataOptions.model_validate(settings["data"])
    training = SearchOptions.model_validate(settings["training"])
    assert (data.split.val_share, data.planted.val_clips, data.clips.size) == (0.25, 7, 16)
    relaxed = training.relaxation.relaxed
    assert relaxed.discreteness_penalty == "entropy"
    assert (relaxed.discreteness_weight, relaxed.anneal_start) == (0.5, 0.25)
    assert RunRecord(killed).form.settings.data.clips.frames == 4
    assert recorded_options(str(killed), "training", SearchOptions) == training


def test_a_run_is_taken_up_by_its_own_settings_and_by_no_others(killed: Path) -> None:
    assert Run.check(killed, asked(killed))
    assert Run.check(killed, asked(killed, "--workers", "2", "--timeout", "9"))
    for words, key in (
        (("--anneal-start", "0.5"), r"training\.anneal_start: the run has 0\.25, asked for 0\.5"),
        (("--val-share", "0.1"), r"data\.val_share: the run has 0\.25, asked for 0\.1"),
        (("--size", "32"), r"data\.size: the run has 16, asked for 32"),
    ):
        with pytest.raises(RunError, match=key):
            Run.check(killed, asked(killed, *words))


def test_a_config_of_before_gives_settings_and_flags_win(killed: Path) -> None:
    found = parse(Search, line(killed, "--frames", "6", "--seed", "5"), program="search")
    assert (found.data.clips.frames, found.data.clips.size) == (6, 16)
    assert found.training.relaxation.discreteness_penalty == "entropy"
    assert found.data_options().split.seed == 5
    hand = killed.parent / "mine.json"
    hand.write_text(json.dumps({"data": {"frames": 4}, "training": {"late": 0.1, "lr": 0.5}}))
    mine = parse(Search, ["--config", str(hand)], program="search")
    assert (mine.data.clips.frames, mine.training.optimiser.lr) == (4, 0.5)
    assert mine.training.relaxation.anneal_start == 0.1
    assert mine.training.schedule.epochs == 16


def test_a_pruning_of_before_is_read() -> None:
    place = WRITTEN / "searched" / "pruned-top_k-2"
    record = read_form(place / "prune.json", PruneRecord, "a pruning")
    assert record.settings.data.clips.size == 16
    assert record.settings.data.source.source.endswith(".csv")
    settings = recorded_settings(str(place))
    assert DataOptions.model_validate(settings["data"]).clips.frames == 4
    given = recorded_data(str(place))
    assert given["data_seed"] == 0
    assert given["data"]["split"].keys() == {"split_by", "val_share", "test_share"}
    assert recorded_loss(str(place)) == "auto"


def test_a_training_of_before_is_read() -> None:
    place = str(WRITTEN / "train-killed")
    options = recorded_options(place, "training", TrainOptions)
    before = raw(WRITTEN / "train-killed" / "config.json")["settings"]["training"]
    assert {name: value for name, value in flat(options).items() if name in before} == before


def test_where_data_was_cached_is_not_taken_over(killed: Path) -> None:
    change(killed, lambda s: s["data"].update(cache="/somewhere/else"))
    assert "cache" not in recorded_settings(str(killed))["data"]["loading"]
    assert parse(Search, line(killed), program="search").data.loading.cache is None


def test_a_study_of_before_is_joined_by_the_same_settings(tmp_path: Path) -> None:
    shutil.copytree(WRITTEN / "evolution", tmp_path / "evolution")
    settings = dict(reopen(tmp_path / "evolution").settings)
    training = settings["fitness"]["training"]
    assert "lr" in training, "studies record the settings of a training side by side"
    renamed = {"discreteness_penalty": None, "discreteness_weight": None, "anneal_start": None}
    now = {name: value for name, value in training.items() if name not in OLD} | renamed
    wanted = {**settings, "fitness": {**settings["fitness"], "training": now}}
    assert len(begin(tmp_path / "evolution", wanted, storage=None, name=None).history().births) == 4
    other = {**settings, "fitness": {**settings["fitness"], "training": {**now, "lr": 9.0}}}
    with pytest.raises(RunError, match=r"fitness\.training\.lr"):
        begin(tmp_path / "evolution", other, storage=None, name=None)


def test_a_report_shows_settings_of_before_by_the_names_of_now(killed: Path) -> None:
    material = read_material(killed, {})
    assert material.clip == (4, 16, 16)
    assert material.settings("data")["val_share"] == 0.25
    assert material.settings("training")["anneal_start"] == 0.25
    assert not [text for notes in material.notes.values() for text in notes if "config" in text]


def test_what_is_damaged_is_refused_by_where_it_stands(killed: Path) -> None:
    change(killed, lambda s: s["data"].update(size="x"))
    with pytest.raises(RunError, match=r"settings\.data\.clips\.size"):
        read_config(killed / "config.json")
