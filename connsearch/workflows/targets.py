"""What a person may point at: a structure, a run, a pruned network, a weight file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from connsearch.errors import SHOWN, RunError, SettingsError, UnknownNameError
from connsearch.files.disk import is_folder, is_there
from connsearch.files.documents import read_object
from connsearch.graph.spec import Structure
from connsearch.runs.formats.config import LossName
from connsearch.runs.names import BEST, PRUNE_RECORD
from connsearch.runs.record import RunRecord, open_run
from connsearch.settings.earlier import without
from connsearch.training.options import LossOptions

Options = TypeVar("Options", bound=BaseModel)


def open_structure(target: str) -> Structure:
    """Returns the structure a person points at, with whatever weights it has learned so far.

    Raises:
        UnknownNameError: no structure of that name; the message names the nearest and the known.
        SettingsError: it is the name of a network that is no structure.
        StructureError: a structure file breaks rules; all faults are named.
        RunError: no such file or directory, or a directory that is neither run nor pruned network.
    """
    from connsearch.graph.files import load_structure, read_structure, structure_names

    path = Path(target)
    if target in structure_names() or path.suffix == ".json":
        return load_structure(target)
    if is_folder(path):
        if is_there(path / BEST) and not is_there(path / PRUNE_RECORD):
            return read_structure(path / BEST)
        return open_run(path).structure
    if path.suffix == ".safetensors":
        from connsearch.runs.files import stored_structure

        return stored_structure(path)
    if os.sep in target and not is_there(path):
        raise RunError(
            f"{target}: no such file or directory\n  allowed: the name of a structure, a structure "
            "file (.json), a weight file (.safetensors), or the directory of a run"
        )
    try:
        return load_structure(target)
    except UnknownNameError:
        _refuse_model(target)
        raise


def _refuse_model(target: str) -> None:
    """Refuses the name of a network that is no structure.

    Raises:
        SettingsError: it is one.
    """
    from connsearch.models.zoo import MODELS

    if target in MODELS:
        raise SettingsError(
            f"{target}: is a {MODELS[target].kind}, which has no connections to show or to search\n"
            "  allowed here: structures (connsearch models lists them); connsearch train and "
            "evaluate take every network"
        )


def is_trained(target: str) -> bool:
    """Returns whether weights can be had from there: from a directory, not from a structure."""
    from connsearch.graph.files import structure_names

    return target not in structure_names() and is_folder(target)


def recorded_settings(target: str) -> Mapping[str, Any]:
    """Returns the settings of the run that ``target`` is or comes from; none for a structure.

    Where data is cached is left out: that is written to, and a directory may come from anybody.
    """
    return without_cache(_recorded(target, "settings"))


def without_cache(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns recorded settings without the place that data was cached in."""
    return without(settings, frozenset({"data.cache"}))


def recorded_options(target: str, part: str, kind: type[Options]) -> Options:
    """Returns one part of those settings, such as ``training``, as the options of its kind.

    Raises:
        RunError: another version recorded them, with settings this one does not have.
    """
    return as_options(target, part, kind, recorded_settings(target).get(part, {}))


def as_options(target: str, part: str, kind: type[Options], values: Mapping[str, Any]) -> Options:
    """Returns recorded values, of one part of the settings of ``target``, as options.

    Raises:
        RunError: another version recorded them, with settings this one does not have.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        found = [(".".join(map(str, f["loc"])), f["msg"]) for f in error.errors()]
        faults = "\n".join(f"  {part}.{place}: {message}" for place, message in found[:SHOWN])
        faults += f"\n  and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
        raise RunError(
            f"{target}: its settings are not those of this version of connsearch\n{faults}\n"
            "  cure: the version that made the run, as its config.json says, or a new run"
        ) from None


def recorded_facts(target: str) -> Mapping[str, Any]:
    """Returns what that run found out, such as the fingerprint of its data."""
    return _recorded(target, "facts")


def recorded_config(target: str) -> Mapping[str, Any]:
    """Returns all that is recorded of the run that ``target`` is or comes from."""
    return {key: _recorded(target, key) for key in ("settings", "facts", "splits", "contents")}


def recorded_loss(target: str) -> LossName:
    """Returns what that run minimised, by name; ``auto`` where it is not recorded."""
    training = recorded_settings(target).get("training", {})
    return LossOptions(loss=training.get("loss", {}).get("loss", "auto")).loss


def recorded_data(target: str) -> dict[str, Any]:
    """Returns the data settings of that run as a command's own: same clips, same splits."""
    data = recorded_settings(target).get("data")
    if not isinstance(data, Mapping):
        return {}
    seed = cast("Mapping[str, Any]", data).get("split", {}).get("seed")
    return {"data_seed": seed, **without({"data": data}, frozenset({"data.seed"}))}


def read_record(path: Path) -> Mapping[str, Any]:
    """Returns the JSON object in a file that connsearch wrote.

    Raises:
        RunError: it cannot be read, or is something else.
    """
    return read_object(path, "a record of connsearch")


def _recorded(target: str, key: str) -> Mapping[str, Any]:
    return RunRecord(Path(target)).recorded.get(key, {}) if is_trained(target) else {}


def open_trained(target: str | Path) -> RunRecord:
    """Returns the trained network in the directory of a run or a pruning.

    Raises:
        RunError: it is neither, the run is unfinished, or a file in it is damaged.
    """
    if not is_folder(target):
        raise RunError(
            f"{target}: no such run\n"
            "  allowed: a directory that search, train or prune wrote, such as runs/search-starter"
        )
    record = open_run(target)
    _ = record.tensors, record.model, record.outcome  # damage is told before any work
    return record
