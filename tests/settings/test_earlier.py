"""What earlier versions recorded of settings, without groups and by other names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connsearch.data.options import DataOptions
from connsearch.errors import RunError
from connsearch.oneshot.options import SearchOptions
from connsearch.runs.ledger import Ledger
from connsearch.settings.differences import describe_differences, differences, plain
from connsearch.settings.earlier import (
    GROUPS,
    RENAMED,
    migrated_settings,
    name_before,
    ungrouped,
    without,
    without_group,
)
from connsearch.settings.nesting import flat, group_of, leaves

MODELS = {"data": DataOptions, "training": SearchOptions}

DATA = DataOptions.of(frames=4, val_share=0.1, val_clips=3, augment=("rotation",), seed=2)
TRAINING = SearchOptions.of(
    lr=0.1,
    epochs=3,
    discreteness_penalty="entropy",
    discreteness_weight=0.5,
    anneal_start=0.3,
    seed=2,
)


def as_before() -> dict[str, Any]:
    """Returns settings as the versions before the groups recorded them."""
    back = {now: old for old, now in RENAMED.items()}
    return {
        "seed": 2,
        **{
            part: {
                back.get(f"{part}.{name}", f"{part}.{name}").rpartition(".")[2]: value
                for name, value in flat(options).items()
                if name == "seed" or any(name in names for names in GROUPS[part].values())
            }
            for part, options in (("data", DATA), ("training", TRAINING))
        },
    }


def now() -> dict[str, Any]:
    return plain({"seed": 2, "data": DATA.model_dump(), "training": TRAINING.model_dump()})


def what_was_known(values: dict[str, Any]) -> dict[str, Any]:
    """Returns settings without those that came after the groups: no earlier record has them."""
    found = dict(values)
    for part, groups in GROUPS.items():
        found[part] = {
            group: {n: value for n, value in inner.items() if n in groups[group]}
            if group in groups
            else inner
            for group, inner in values[part].items()
            if groups.get(group, True)
        }
    return found


def test_the_table_is_that_of_the_models() -> None:
    """Whoever moves a setting to another group says here where records of before find it."""
    for part, model in MODELS.items():
        for group, names in GROUPS[part].items():
            inner = group_of(model, group)
            assert inner is not None, group
            assert names <= set(inner.model_fields), group
        groups = {path[0] for path in leaves(model) if len(path) > 1}
        assert groups == set(GROUPS[part])
    known = {f"{part}.{path[-1]}" for part, model in MODELS.items() for path in leaves(model)}
    assert set(RENAMED.values()) <= known
    assert not set(RENAMED) & known


def test_settings_of_before_are_those_of_now() -> None:
    before = as_before()
    assert {"select_share", "select_clips"} <= set(before["data"])
    assert {"commitment", "commitment_weight", "late"} <= set(before["training"])
    assert migrated_settings(before) == what_was_known(now())
    assert migrated_settings(now()) == now()
    assert DataOptions.model_validate(migrated_settings(before)["data"]) == DATA
    assert SearchOptions.model_validate(migrated_settings(before)["training"]) == TRAINING


@pytest.mark.parametrize("strange", [5, "x", None, [1], {"source": 3, "clips": None}])
def test_what_is_no_settings_is_left_to_whoever_judges_it(strange: Any) -> None:
    found = migrated_settings({"data": strange, "training": {"from_the_future": 1}})
    assert found["training"] == {"from_the_future": 1}
    assert set(found) == {"data", "training"}


def test_both_forms_are_equal_and_differences_are_told_by_flat_keys() -> None:
    assert differences(as_before(), now()) == {}
    assert differences(what_was_known(now()), as_before()) == {}
    other = DATA.with_values(size=64, val_share=0.3).model_dump()
    found = differences(as_before(), {**now(), "data": plain(other)})
    assert found == {"data.size": (32, 64), "data.val_share": (0.1, 0.3)}
    assert "data.size: the run has 32, asked for 64" in describe_differences(found)
    deep = differences({"fitness": {"training": {"late": 0.5}}}, {"fitness": {"training": {}}})
    assert list(deep) == ["fitness.training.anneal_start"]


def test_a_run_without_a_later_setting_goes_on() -> None:
    before, wanted = as_before(), now()
    del before["data"]["fingerprint"], before["data"]["media_fps"], before["training"]["level"]
    assert differences(before, wanted) == {}
    wanted["data"]["source"]["fingerprint"] = "full"
    assert list(differences(before, wanted)) == ["data.fingerprint"]


def test_keys_lose_groups_and_nothing_else() -> None:
    for key in ("run", "seed", "data", "data.source", "start.provenance.data", "pruning.criterion"):
        assert without_group(key) == key
    assert without_group("data.source.source") == "data.source"
    assert without_group("data.val_share") == "data.val_share"
    assert name_before("data.val_share") == "data.select_share"
    known = what_was_known(now())["training"]
    assert ungrouped("training", as_before()["training"]) == ungrouped("training", known)


def test_settings_are_left_out_by_flat_keys_in_both_forms() -> None:
    keys = frozenset({"data.seed", "training.seed", "training.anneal_start"})
    for form in (as_before(), now()):
        rest = migrated_settings(without(form, keys))
        assert "seed" not in rest["data"]["split"]
        assert "seed" not in rest["training"]
        assert "anneal_start" not in rest["training"]["relaxation"]
        assert rest["seed"] == 2


def test_a_ledger_of_before_goes_on(tmp_path: Path) -> None:
    with Ledger(tmp_path, {"command": "stability", "settings": as_before()}):
        pass
    with Ledger(tmp_path, {"command": "stability", "settings": now()}):
        pass
    other = {**now(), "training": plain(TRAINING.with_values(anneal_start=0.9).model_dump())}
    with pytest.raises(RunError, match=r"training\.anneal_start: the run has 0\.3"):
        Ledger(tmp_path, {"command": "stability", "settings": other})
