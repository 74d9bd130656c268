"""Networks by name with other settings than their own: from the line, from Python, from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import connsearch
from connsearch.errors import SettingsError
from connsearch.workflows.exported import evaluated_clips
from connsearch.workflows.settings.network import setting_of
from connsearch.workflows.settings.train import TrainSettings

SMALL: dict[str, Any] = {"depths": [1, 1, 1, 1], "widths": [8, 8, 8, 8], "stem_pool": False}


def asked(**changes: Any) -> TrainSettings:
    return TrainSettings.of(target="r3d_18", **changes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("stem_pool=false", False),
        ("dropout=0.2", 0.2),
        ("place=mid", "mid"),
        ("mean=[0.5, 0.4, 0.4]", [0.5, 0.4, 0.4]),
        ('gate_test={"both": "or"}', {"both": "or"}),
        ("name=a=b", "a=b"),
    ],
)
def test_a_value_is_json_or_a_word(text: str, value: Any) -> None:
    assert setting_of(text) == (text.partition("=")[0], value)


def test_a_mapping_and_texts_in_any_order_are_the_same_settings() -> None:
    texts = asked(network_settings=("place=mid", "mean=[0.5,0.4,0.4]"))
    mapping = asked(network_settings={"mean": [0.5, 0.4, 0.4], "place": "mid"})
    assert texts == mapping
    assert texts.of_network == {"mean": [0.5, 0.4, 0.4], "place": "mid"}
    assert TrainSettings.of(**texts.settings()).of_network == texts.of_network
    assert asked().of_network == {}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("stem_pool",), r"read 'stem_pool'; allowed: NAME=VALUE with a value in JSON"),
        (("=1",), "read '=1'"),
        (("a b=1",), "read 'a b=1'"),
        (("dropout=",), "read 'dropout='"),
        (("dropout=0.1", "dropout=0.2"), "dropout is given twice"),
    ],
)
def test_a_text_that_is_no_setting_is_refused(texts: tuple[str, ...], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        asked(network_settings=texts)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("network-settings")
    few = {"train_clips": 2, "val_clips": 1, "test_clips": 1}
    cut = {"frames": 4, "size": 16, "eval_size": 12, "eval_crop": 14}
    data = connsearch.load_data(
        "synthetic:appearance", cache=folder / "cache", progress=False, **cut, **few
    )
    told = {"steps": 1, "recalibrate_clips": 0, "threads": 1, "precision": "fp32"}
    return data, {**told, "progress": False}, folder


def test_a_network_is_built_and_recorded_with_its_settings(
    tiny: tuple[Any, dict[str, Any], Path],
) -> None:
    data, told, folder = tiny
    first = connsearch.train("r3d_18", data, network_settings=SMALL, run=folder / "first", **told)
    built = {name: first.model.settings[name] for name in SMALL}
    assert built == SMALL
    recorded = json.loads((folder / "first" / "config.json").read_text())
    assert recorded["settings"]["network_settings"] == sorted(
        f"{name}={json.dumps(value)}" for name, value in SMALL.items()
    )
    exported = evaluated_clips(str(folder / "first"))
    assert {name: exported[name] for name in ("frames", "size", "crop", "short_side")} == {
        "frames": 4,
        "size": 12,
        "crop": 14,
        "short_side": None,
    }, "an export is for clips as they are evaluated"
    other = connsearch.train(
        str(folder / "first"),
        data,
        from_scratch=True,
        network_settings={"dropout": 0.5},
        run=folder / "other",
        **told,
    )
    assert other.model.settings == {**first.model.settings, "dropout": 0.5}
    with pytest.raises(SettingsError, match=r"has weights for its own settings\n  cure: omit it"):
        connsearch.train(str(folder / "first"), data, network_settings=SMALL, **told)


@pytest.mark.parametrize(
    ("target", "given", "said"),
    [
        ("r3d_18", {"stem_pol": False}, "no setting named 'stem_pol', did you mean 'stem_pool'"),
        ("srtg_r3d_18", {"place": "middle"}, "place: Input should be 'none', 'start'"),
        ("starter", {"stem_pool": False}, "starter is a structure, which has its settings in its"),
    ],
)
def test_a_setting_that_there_is_not_is_refused_before_data_is_read(
    target: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        connsearch.train(target, "/nowhere", network_settings=given, progress=False)


def test_a_module_of_ones_own_has_none(tiny: tuple[Any, dict[str, Any], Path]) -> None:
    data, told, _ = tiny
    module = connsearch.create_model("r3d_18", 4, seed=0, **SMALL)
    with pytest.raises(SettingsError, match="is a module of your own, which is there already"):
        connsearch.train(module, data, network_settings=SMALL, **told)
