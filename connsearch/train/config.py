"""A run's ``config.json``: what was asked for, and how two of them differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from connsearch import __version__
from connsearch.errors import RunError

RUN_SCHEMA = 1


def new_config(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the config of a new run."""
    return {"schema": RUN_SCHEMA, "connsearch": __version__, **wanted}


def read_config(path: Path) -> dict[str, Any]:
    """Returns a run's config.

    Raises:
        RunError: it is missing, damaged, from something else, or from a newer version.
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RunError(
            f"{path}: cannot be read as a run's config: {error}\n  cure: choose another directory"
        ) from None
    if not isinstance(found, dict) or "connsearch" not in found or "command" not in found:
        raise RunError(
            f"{path}: is not the config of a connsearch run\n  cure: choose another directory"
        )
    config = cast("dict[str, Any]", found)
    if config.get("schema") != RUN_SCHEMA:
        raise RunError(
            f"{path}: run schema {config.get('schema')}, written by connsearch "
            f"{config['connsearch']}; this is connsearch {__version__}, which reads {RUN_SCHEMA}\n"
            "  cure: use that version, or choose another directory"
        )
    return config
