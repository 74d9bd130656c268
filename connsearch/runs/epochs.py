"""States of a run that are kept by their epoch, and runs that go on from one."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connsearch.errors import RunError
from connsearch.files.disk import is_there, names_in
from connsearch.files.drafts import sync_directory
from connsearch.files.paths import beginning, check_path
from connsearch.files.places import make_directories
from connsearch.runs.checkpoint import (
    Checkpoint,
    digest,
    read_checkpoint,
    save_checkpoint,
    save_checkpoint_as,
)
from connsearch.runs.documents import read_config, write_config
from connsearch.runs.names import (
    CHECKPOINTS,
    CONFIG,
    EPOCHS,
    FIRST,
    INITIAL,
    MODEL,
    STATE,
    STRUCTURE,
    numbered,
)
from connsearch.runs.run import check_place, open_config
from connsearch.settings.differences import plain

_NUMBER = re.compile(r".*_ep-(\d{4,})")


def keep_state(
    directory: Path, network: str, epoch: int, checkpoint: Checkpoint, config: Mapping[str, Any]
) -> Path:
    """Returns the folder of a state that is kept in a run, once all of it is on disk.

    It holds the whole state and what the run was asked for, so commands take it for a run. One
    that is there already is the same, and stays.

    Args:
        directory: of the run.
        network: its name.
        epoch: epochs done.
        checkpoint: the state; its notes know of no tables, which begin anew elsewhere.
        config: of the run.
    """
    place = directory / EPOCHS / numbered(network, epoch)
    if not is_there(place):
        with _filling(place) as draft:
            _copy(directory, draft, STRUCTURE, MODEL, INITIAL)
            save_checkpoint_as(draft / STATE, checkpoint)
            write_config(draft / CONFIG, config)
    return place


def kept_epochs(directory: str | Path) -> dict[int, Path]:
    """Returns the states that a run has kept: number of epochs done -> folder."""
    place = Path(directory) / EPOCHS
    names = names_in(place) if is_there(place) else []
    found = {name: _NUMBER.fullmatch(name) for name in names}
    return {int(number[1]): place / name for name, number in sorted(found.items()) if number}


def kept_epoch(directory: str | Path, epoch: int) -> Path:
    """Returns the folder of the state of a run after so many epochs.

    Raises:
        RunError: it was not kept; those that were are named.
    """
    found = kept_epochs(directory)
    if epoch not in found:
        there = ", ".join(map(str, sorted(found))) or "none"
        cure = "one of these" if found else "--save-every N, from the start of the training"
        raise RunError(
            f"{directory}: its state after epoch {epoch} was not kept\n"
            f"  kept: {there}\n  cure: {cure}"
        )
    return found[epoch]


def place_from(directory: Path, epoch: int) -> Path:
    """Returns the directory of the run that goes on from an epoch of that one.

    >>> place_from(Path("runs/a"), 4).name
    'a-from-0004'
    """
    return directory.with_name(f"{directory.name}-from-{epoch:04d}")


def begin_from(source: Path, epoch: int, directory: Path, config: Mapping[str, Any]) -> bool:
    """Returns whether a run was begun that goes on from an epoch of another one.

    It has the state, the settings and the facts of the other run, so it continues as that did, and
    is opened like one that was interrupted there. False: it was begun before; it is as it was.

    Args:
        source: the other run.
        epoch: epochs that it has done.
        directory: the new one.
        config: what is asked for, as for ``Run.open``.

    Raises:
        RunError: the other run is none, has other settings, or has not kept that epoch; the state
            is damaged; or the directory is something else.
        SettingsError: the path of the directory cannot be used.
    """
    check_path(directory, below=128, utf8=True)
    check_place(directory)
    if is_there(directory / CONFIG):
        _require_same(read_config(directory / CONFIG), source, epoch, directory)
        return False
    if not is_there(source / CONFIG):
        raise RunError(
            f"{source}: no such run, so there is no epoch to go on from\n"
            "  cure: --run with the directory of a run that was trained with --save-every"
        )
    recorded = open_config(source, plain(config))
    kept = read_checkpoint(kept_epoch(source, epoch) / STATE)
    begun = {"run": str(source), "epoch": epoch, "digest": digest(kept.tensors, kept.state)}
    with _filling(directory) as draft:
        _copy(source, draft, STRUCTURE, MODEL, INITIAL, FIRST)
        save_checkpoint(draft / CHECKPOINTS, kept)
        write_config(draft / CONFIG, {**recorded, "from_epoch": begun})
    return True


@contextmanager
def _filling(directory: Path) -> Generator[Path]:
    """Yields an empty folder that takes the place of ``directory`` once it is filled."""
    make_directories(directory.parent)
    draft = directory.with_name(f".{beginning(directory.name)}.connsearch.tmp")
    shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
    draft.mkdir()
    try:
        yield draft
        sync_directory(draft)
        os.replace(draft, directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_directory(directory.parent)


def _copy(source: Path, place: Path, *names: str) -> None:
    for name in names:
        if is_there(source / name):
            shutil.copyfile(source / name, place / name)


def _require_same(found: Mapping[str, Any], source: Path, epoch: int, directory: Path) -> None:
    """Refuses a run that is there already, but goes on from somewhere else.

    Raises:
        RunError: it does.
    """
    begun: Mapping[str, Any] = found.get("from_epoch") or {}
    if begun.get("epoch") != epoch:
        raise RunError(
            f"{directory}: is a run that does not go on from epoch {epoch} of {source}\n"
            "  cure: move it away, or choose another directory for both runs (--run)"
        )
