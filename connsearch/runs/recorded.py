"""What the run that a target is, or comes from, has recorded: its settings, facts and data.

A target is what a user names: the directory of a run or of a pruned network, or a structure, which
has recorded nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from connsearch.errors import SHOWN, RunError
from connsearch.files.disk import is_folder
from connsearch.files.documents import read_object
from connsearch.runs.data_places import from_here
from connsearch.runs.record import RunRecord
from connsearch.settings.earlier import without

Options = TypeVar("Options", bound=BaseModel)


def is_trained(target: str) -> bool:
    """Returns whether weights can be had from there: from a directory, not from a structure."""
    from connsearch.graph.files import structure_names  # networkx, which help pages do without

    return target not in structure_names() and is_folder(target)


def recorded_settings(target: str) -> Mapping[str, Any]:
    """Returns the settings of the run that ``target`` is or comes from; none for a structure.

    Relative paths of its data are those that lead there from here (:mod:`.data_places`).
    Where data is cached is left out: that is written to, and a directory may come from anybody.
    """
    return from_here(without_cache(_recorded(target, "settings")), Path(target))


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
