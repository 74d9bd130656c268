"""The directory of an evolution: which study it belongs to, and the study's settings read back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.errors import ConnsearchError, RunError
from connsearch.evolution.history import History
from connsearch.evolution.objectives import OBJECTIVES
from connsearch.evolution.options import EvolutionOptions
from connsearch.evolution.proposal import Space
from connsearch.evolution.study.address import JOURNAL, MEMORY, is_same
from connsearch.evolution.study.collection import collected_later
from connsearch.evolution.study.evolution import history_of
from connsearch.evolution.study.facts import check_trials, understood
from connsearch.evolution.study.pointer import (
    POINTER,
    Pointer,
    keep_pointer,
    place_of,
    read_pointer,
)
from connsearch.evolution.study.storage import BaseStorage, open_storage
from connsearch.evolution.study.study import Study, studies
from connsearch.files.drafts import is_draft, remove_abandoned
from connsearch.files.places import make_directories, unmake
from connsearch.graph.checks import show
from connsearch.graph.document import from_json, to_json
from connsearch.graph.spec import Structure

CHILDREN = "children"
"""What the evaluations of this machine have left."""


@dataclass(frozen=True)
class Opened:
    """A study with everything needed to read it.

    Attributes:
        study: its trials.
        space: what is searched.
        options: how.
        seed: of the evolution.
        settings: everything recorded, as JSON values.
        directory: where this machine keeps what belongs to it.
    """

    study: Study
    space: Space
    options: EvolutionOptions
    seed: int
    settings: Mapping[str, Any]
    directory: Path

    def history(self) -> History:
        """Returns the current history of the study.

        Raises:
            RunError: it contains what no evolution writes.
        """
        history = history_of(self.space, self.options)
        with understood(self.directory):
            trials = self.study.trials()
            check_trials(trials, len(self.options.objectives))
            with collected_later():
                history.update(trials)
        return history


def study_settings(
    start: Structure,
    options: EvolutionOptions,
    *,
    seed: int,
    classes: int,
    clip: tuple[int, int, int],
    fitness: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the settings a study records: all that decide its result.

    Args:
        start: the structure the evolution starts from.
        options: how it evolves.
        seed: decides everything random.
        classes: outputs of the classifier.
        clip: frames, height and width of a clip.
        fitness: how a child is judged, as JSON values.
    """
    return {
        "start": to_json(start),
        "evolution": options.model_dump(mode="json"),
        "seed": seed,
        "classes": classes,
        "clip": list(clip),
        "fitness": fitness,
    }


def begin(
    directory: Path, settings: Mapping[str, Any], *, storage: str | None, name: str | None
) -> Opened:
    """Returns a new study, or the one there is; the directory remembers which.

    Args:
        directory: of this evolution on this machine.
        settings: see :func:`study_settings`.
        storage: see ``storage.open_storage``; None: a journal in the directory.
        name: of the study in the storage; None: that of the directory.

    Raises:
        RunError: the study was begun with other settings, the directory belongs to another one, or
            its journal is a link to somewhere else.
        SettingsError: such a storage may not be named.
    """
    pointer = Pointer.to(storage, name or directory.resolve().name)
    _refuse_another(directory, pointer, storage)
    strange = [] if has_study(directory) or not directory.is_dir() else _strange(directory)
    if strange and not has_study(directory):
        raise RunError(
            f"{directory}: contains other files, such as {strange[0]}\n"
            "  cure: choose another directory (--run)"
        )
    made: list[Path] = []
    try:
        made = make_directories(directory)
        remove_abandoned(directory.glob(f".{POINTER}.*"))
        place = MEMORY if storage == MEMORY else place_of(directory, pointer, storage)
        with understood(directory):
            study = study_of(place, pointer.name, settings)
            check_trials(study.trials(), len(settings["evolution"]["objectives"]))
        keep_pointer(directory, pointer)
    except OSError as error:
        raise RunError(f"{directory}: cannot be written: {error}") from error
    except ConnsearchError:
        unmake(made)
        raise
    _refuse_another(directory, pointer, storage)
    return _opened(directory, study)


def reopen(directory: str | Path, *, storage: str | None = None) -> Opened:
    """Returns the study of a directory, to be read only; nothing is created anywhere.

    Args:
        directory: of an evolution.
        storage: of its study, if that is outside the directory; None: inside.

    Raises:
        RunError: the directory has none, it is elsewhere, or contains what no evolution writes.
        SettingsError: such a storage may not be named.
        StorageError: the storage cannot be opened.
    """
    directory = Path(directory)
    place, name = storage_of(directory, storage)
    with understood(directory):
        opened = open_storage(place, reading=True)
        known = studies(opened)
        if name not in known:
            there = f"are {', '.join(map(show, [*known][:8]))}" if known else "is none"
            more = f" and {len(known) - 8:,} more" if len(known) > 8 else ""
            raise RunError(
                f"{directory}: its study {show(name)} is not in its storage; there {there}{more}"
            )
        return _opened(directory, _study(opened, name, known[name], create=False))


def storage_of(directory: Path, storage: str | None = None) -> tuple[str, str]:
    """Returns where the study of a directory is kept, and its name.

    Args:
        directory: of an evolution.
        storage: as :func:`reopen` takes it.

    Raises:
        RunError: the directory has none, or it is kept elsewhere.
        SettingsError: such a storage may not be named.
    """
    pointer = read_pointer(directory)
    if pointer is None:
        raise RunError(
            f"{directory}: has no evolution\n  allowed: a directory that connsearch evolve wrote"
        )
    return place_of(directory, pointer, storage), pointer.name


def has_study(directory: Path) -> bool:
    """Returns whether a directory names a study."""
    return os.path.lexists(directory / POINTER)


def _refuse_another(directory: Path, wanted: Pointer, storage: str | None) -> None:
    """Raises where a directory belongs to another study than the wanted one."""
    known = read_pointer(directory)
    if known is None:
        return
    same = known.storage == wanted.storage or (
        storage is not None and is_same(storage, known.storage or str(directory / JOURNAL))
    )
    if not same or known.name != wanted.name:
        raise RunError(
            f"{directory}: belongs to {known.words}, not to {wanted.words}\n"
            "  cure: use that --storage and --name, or choose another directory (--run)"
        )


def _strange(directory: Path) -> list[str]:
    """What is in a directory that no worker leaves there which begins at this moment."""
    ours = (POINTER, JOURNAL, CHILDREN, f".{POINTER}.")
    names = [p.name for p in directory.iterdir() if not is_draft(p)]
    return sorted(name for name in names if not name.startswith(ours))


def _opened(directory: Path, study: Study) -> Opened:
    settings = study.settings
    options = EvolutionOptions.model_validate(settings["evolution"])
    start = from_json(settings["start"])
    frames, height, width = settings["clip"]
    space = Space.of(start, options, classes=settings["classes"], clip=(frames, height, width))
    return Opened(study, space, options, settings["seed"], settings, directory)


def study_of(place: str, name: str, settings: Mapping[str, Any]) -> Study:
    """Returns a study of that name, new or as it is.

    Args:
        place: see ``storage.open_storage``.
        name: of the study.
        settings: see :func:`study_settings`.

    Raises:
        RunError: it was begun with other settings.
    """
    return _study(open_storage(place), name, settings)


def _study(
    storage: BaseStorage, name: str, settings: Mapping[str, Any], *, create: bool = True
) -> Study:
    options = EvolutionOptions.model_validate(settings["evolution"])
    return Study(
        storage,
        name,
        [OBJECTIVES[name].higher for name in options.objectives],
        settings,
        reduction=_reduction(options),
        create=create,
    )


def _reduction(options: EvolutionOptions) -> int | None:
    """One of how many children continues, as Optuna's pruner needs it; None for other shares."""
    factor = round(1 / options.survivors)
    whole = factor >= 2 and abs(factor * options.survivors - 1) < 0.02
    return factor if options.rungs and len(options.objectives) == 1 and whole else None
