"""A run's ``config.json``: what was asked for, and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connsearch import __version__
from connsearch.files.documents import checked, read_object
from connsearch.errors import RunError
from connsearch.runs.formats import Config

RUN_SCHEMA = 1


def new_config(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the config of a new run."""
    return {"schema": RUN_SCHEMA, "connsearch": __version__, **wanted}


def read_config(path: Path) -> dict[str, Any]:
    """Returns a run's config.

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
    checked(path, Config, config, what, cure=f"put the file back, or {cure}")
    return config
