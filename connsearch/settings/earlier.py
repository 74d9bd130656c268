"""Settings as earlier versions recorded them: without groups, some of them by other names.

``data`` and ``training`` of a record held every setting side by side; now ``size`` is in the group
``clips`` of the data. Ledgers and studies still record them so. Nothing else has changed its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

GROUPS: Mapping[str, Mapping[str, frozenset[str]]] = {
    part: {group: frozenset(names.split()) for group, names in groups.items()}
    for part, groups in {
        "data": {
            "source": "source protocol videos media_fps object_classes clip_labels fingerprint",
            "split": "split_by val_share test_share seed",
            "clips": "frames stride strides speed fps sampler size short_side keep_aspect short "
            "clips_per_video crops_per_clip pool_views",
            "augment": "crop_scale flip brightness contrast augment augment_any augment_each",
            "loading": "batch_size workers memory_mb check_files timeout bad_share cache",
            "planted": "train_clips val_clips test_clips",
        },
        "training": {
            "optimiser": "optimiser lr momentum weight_decay connection_lr grad_clip",
            "rates": "",
            "schedule": "epochs steps warmup schedule",
            "multigrid": "multigrid multigrid_cycles multigrid_rounds multigrid_fine_tune "
            "multigrid_scaling multigrid_norm_clips",
            "loss": "loss label_smoothing",
            "balance": "class_weights sampler_weights",
            "choice": "watch keep",
            "gates": "",
            "compute": "precision channels_last device threads",
            "logging": "eval_every recalibrate_clips checkpoint_seconds checkpoint_steps log_every",
            "space": "over_connect warm_start",
            "relaxation": "method level temperature path_dropout normalise_inputs "
            "discreteness_penalty discreteness_weight hard_share macs_penalty anneal_start "
            "patience stable",
        },
    }.items()
}
"""Where the settings of an earlier record belong now: part -> group -> their names."""

RENAMED: Mapping[str, str] = {
    "data.select_share": "data.val_share",
    "data.select_clips": "data.val_clips",
    "training.commitment": "training.discreteness_penalty",
    "training.commitment_weight": "training.discreteness_weight",
    "training.late": "training.anneal_start",
}
"""Settings by their earlier names, dotted without their group, and what they are called now."""

_BEFORE = {now: before for before, now in RENAMED.items()}
_PLACE = {
    f"{part}.{name}": group
    for part, groups in GROUPS.items()
    for group, names in groups.items()
    for name in names
}


def migrated_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a record with those of ``data`` and ``training`` in their groups.

    A record of this version comes back as it is. What no version knows stays where it stands:
    whoever makes settings of it refuses it by name.

    >>> migrated_settings({"seed": 1, "data": {"size": 32, "select_share": 0.1}})
    {'seed': 1, 'data': {'clips': {'size': 32}, 'split': {'val_share': 0.1}}}
    >>> migrated_settings({"training": {"late": 0.5}})
    {'training': {'relaxation': {'anneal_start': 0.5}}}
    """
    return {
        name: _grouped(name, cast("Mapping[str, Any]", value))
        if name in GROUPS and isinstance(value, Mapping)
        else value
        for name, value in settings.items()
    }


def ungrouped(part: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the recorded settings of a part side by side, by today's names.

    >>> ungrouped("data", {"clips": {"size": 32}, "select_share": 0.1})
    {'size': 32, 'val_share': 0.1}
    """
    found: dict[str, Any] = {}
    for name, value in _grouped(part, values).items():
        if name in GROUPS[part] and isinstance(value, Mapping):
            found |= cast("Mapping[str, Any]", value)
        else:
            found[name] = value
    return found


def _grouped(part: str, values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and name in GROUPS[part]:
            inner = cast("Mapping[str, Any]", value)
            found.setdefault(name, {}).update({_now(part, key): v for key, v in inner.items()})
            continue
        name = _now(part, name)
        group = _PLACE.get(f"{part}.{name}")
        if group is None:
            found[name] = value
        else:
            found.setdefault(group, {})[name] = value
    return found


def _now(part: str, name: str) -> str:
    """What a setting of a part is called now."""
    return RENAMED.get(f"{part}.{name}", f"{part}.{name}").rpartition(".")[2]


def without_group(key: str) -> str:
    """Returns the dotted key of a setting as records of all versions can be compared by it.

    Without the group, and by today's name; other keys come back as they are.

    >>> without_group("settings.data.clips.size"), without_group("training.late")
    ('settings.data.size', 'training.anneal_start')
    """
    *above, part, group, name = ("", "", *key.split("."))
    if part not in GROUPS or group not in GROUPS[part]:  # what looks like a group is the part
        above, part = [*above, part], group
    known = RENAMED.get(f"{part}.{name}", f"{part}.{name}")
    return ".".join([*filter(None, above), *filter(None, known.split("."))])


def name_before(key: str) -> str:
    """Returns the dotted key by which earlier versions recorded a setting.

    Names of default run directories are made from it, so that they stay what they were.

    >>> name_before("training.anneal_start"), name_before("data.size")
    ('training.late', 'data.size')
    """
    return _BEFORE.get(key, key)


def without(settings: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    """Returns settings without some of them, which are named by part and name alone.

    >>> without({"data": {"split": {"seed": 1}, "clips": {"size": 32}}}, frozenset({"data.seed"}))
    {'data': {'split': {}, 'clips': {'size': 32}}}
    """
    return _without(settings, keys, "")


def _without(values: Mapping[str, Any], keys: frozenset[str], above: str) -> dict[str, Any]:
    return {
        name: _without(cast("Mapping[str, Any]", value), keys, f"{above}{name}.")
        if isinstance(value, Mapping)
        else value
        for name, value in values.items()
        if isinstance(value, Mapping) or without_group(f"{above}{name}") not in keys
    }
