"""JSON files of a run and beside it: written from a form, and read back as one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from connsearch import __version__
from connsearch.data.records import split_name
from connsearch.errors import RunError
from connsearch.files.disk import atomic_write_text, is_there
from connsearch.files.documents import checked, read_object
from connsearch.runs.formats.config import Config
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.formats.form import Form, undeclared
from connsearch.runs.formats.result import Result
from connsearch.runs.migration import migrated
from connsearch.runs.names import EVALUATION
from connsearch.settings.differences import plain

F = TypeVar("F", bound=Form)

RUN_SCHEMA = 1
"""The version of ``config.json``."""

_AGAIN = "remove it and rerun the command that wrote it"


def write_form(path: Path, form: Form) -> Path:
    """Returns ``path`` after writing a form there as JSON, at once or not at all.

    Raises:
        ValueError: it has something that no field stands for.
        DiskFullError: there is no room; what was there before is as it was.
    """
    atomic_write_text(path, json.dumps(form.to_json(), indent=2) + "\n")
    return path


def read_form(path: Path, kind: type[F], what: str, *, cure: str = _AGAIN) -> F:
    """Returns the content of a JSON file as its form.

    Args:
        path: the file.
        kind: its form.
        what: it should be, for the message.
        cure: what usually helps.

    Raises:
        RunError: it cannot be read, or a value is missing or of another kind; the first three are
            named.
    """
    return checked(path, kind, read_object(path, what, cure=cure), what, cure=cure)


def keep_evaluation(directory: Path, split: str, found: Evaluation) -> Path:
    """Returns the path of ``evaluation.json`` after writing what was found on a split into it.

    Its entries for other splits are unchanged.

    Raises:
        RunError: the file that is there is damaged.
    """
    path = directory / EVALUATION
    known = read_object(path, "a record of connsearch") if is_there(path) else {}
    entries = {
        **{str(split_name(name)): entry for name, entry in known.items()},
        split: found.to_json(),
    }
    atomic_write_text(path, json.dumps(entries, indent=2) + "\n")
    return path


def read_result(path: Path) -> Result:
    """Returns a finished run's ``result.json``.

    Raises:
        RunError: it is damaged.
    """
    return read_form(path, Result, "the result of a connsearch run")


def new_config(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the config of a new run.

    Raises:
        ValueError: it has something that no field of ``Config`` stands for.
    """
    return described({"schema": RUN_SCHEMA, "connsearch": __version__, **wanted})


def described(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns entries of a config as JSON values, if its form has fields for all of them.

    Raises:
        ValueError: there is no field for something, or a value is of another kind.
    """
    found = plain(values)
    form = Config.model_validate({"connsearch": "", "command": "", **found})
    unknown = list(undeclared(form))
    if unknown:
        raise ValueError(
            f"config.json: no field is declared for {', '.join(unknown)}\n"
            "  cure: declare it in connsearch/runs/formats/config.py; this is a bug in connsearch"
        )
    return found


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Writes the config of a run, at once or not at all.

    Entries of another version's file are kept.
    """
    atomic_write_text(path, json.dumps(config, indent=2) + "\n")


def read_config(path: Path) -> dict[str, Any]:
    """Returns a run's config as JSON values, once it fits its form.

    Raises:
        RunError: it is missing, damaged, from something else, or from a newer version.
    """
    what, cure = "the config of a connsearch run", "choose another directory"
    config = read_object(path, what, cure=cure)
    if "connsearch" not in config or "command" not in config:
        raise RunError(f"{path}: is not {what}\n  cure: {cure}")
    if config.get("schema") != RUN_SCHEMA:
        raise RunError(
            f"{path}: run schema {config.get('schema')}, written by connsearch "
            f"{config['connsearch']}; this is connsearch {__version__}, which reads {RUN_SCHEMA}\n"
            "  cure: use that version, or choose another directory"
        )
    config = migrated(config)
    checked(path, Config, config, what, cure=f"restore the file, or {cure}")
    return config
