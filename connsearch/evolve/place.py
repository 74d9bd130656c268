"""The directory of an evolution: which study it belongs to, and the study's settings read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from connsearch.drafts import alone, is_draft, remove_abandoned, replacing
from connsearch.errors import ConnsearchError, RunError
from connsearch.evolve.child import MAXIMISED
from connsearch.evolve.collection import collected_later
from connsearch.evolve.evolution import history_of
from connsearch.evolve.history import History
from connsearch.evolve.options import EvolutionOptions
from connsearch.evolve.proposal import Space
from connsearch.evolve.storage import MEMORY, hidden, open_storage
from connsearch.evolve.study import Study, studies
from connsearch.graph.document import from_json, to_json
from connsearch.graph.spec import Structure
from connsearch.places import make_directories, unmake

JOURNAL = "study.journal"
"""The study, where no other storage is named."""

POINTER = "study.json"
"""Where the study of a directory is, and its name."""

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
        """Returns what the study says now."""
        history = history_of(self.space, self.options)
        trials = self.study.trials()
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
    """Returns what a study records of itself: all that decides its result.

    Args:
        start: what the evolution starts from.
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
        RunError: the study was begun with other settings, or the directory belongs to another one.
    """
    pointer = directory / POINTER
    name = name or directory.resolve().name
    wanted = {"storage": _absolute(storage), "name": name}
    _refuse_another(directory, wanted)
    strange = [] if pointer.exists() or not directory.is_dir() else _strange(directory)
    if strange and not pointer.exists():
        raise RunError(
            f"{directory}: holds something else, {strange[0]} for instance\n"
            "  cure: choose another directory"
        )
    made: list[Path] = []
    try:
        made = make_directories(directory)
        remove_abandoned(directory.glob(f".{POINTER}.*"))
        study = study_of(_place(directory, wanted), name, settings)
        if not pointer.exists():
            _write_once(pointer, json.dumps(wanted, indent=1) + "\n")
    except OSError as error:
        raise RunError(f"{directory}: cannot be written: {error}") from error
    except ConnsearchError:
        unmake(made)
        raise
    _refuse_another(directory, wanted)
    return _opened(directory, study)


def reopen(directory: str | Path) -> Opened:
    """Returns the study of a directory.

    Raises:
        RunError: the directory has none.
    """
    directory = Path(directory)
    place, name = storage_of(directory)
    known = studies(open_storage(place))
    if name not in known:
        raise RunError(
            f"{directory}: its study {name!r} is not in its storage; there "
            f"{'are ' + ', '.join(map(repr, known)) if known else 'is none'}"
        )
    return _opened(directory, study_of(place, name, known[name]))


def storage_of(directory: Path) -> tuple[str, str]:
    """Returns where the study of a directory is kept, and its name.

    Raises:
        RunError: the directory has none.
    """
    if not (directory / POINTER).exists():
        raise RunError(
            f"{directory}: holds no evolution\n  allowed: a directory that connsearch evolve wrote"
        )
    wanted = _read(directory / POINTER)
    return _place(directory, wanted), wanted["name"]


def _refuse_another(directory: Path, wanted: Mapping[str, Any]) -> None:
    """Raises where a directory belongs to another study than the wanted one."""
    if not (directory / POINTER).exists():
        return
    known = _read(directory / POINTER)
    if known != wanted:
        raise RunError(
            f"{directory}: belongs to {_words(known)}, not to {_words(wanted)}\n"
            "  cure: that --storage and --name, or another directory"
        )


def _words(pointer: Mapping[str, Any]) -> str:
    storage = pointer["storage"]
    return f"study {pointer['name']!r} in {hidden(storage) if storage else 'its own journal'}"


def _absolute(storage: str | None) -> str | None:
    """A storage without a path that would be another one from another working directory."""
    if storage is None or storage == MEMORY:
        return storage
    kind, separator, rest = storage.partition("://")
    if not separator:
        return str(Path(storage).absolute())
    if kind.startswith("sqlite") and rest.startswith("/") and rest[1:2] not in ("", "/", ":"):
        return f"{kind}:///{Path(rest[1:]).absolute()}"
    return storage


def _strange(directory: Path) -> list[str]:
    """What is in a directory that no worker leaves there which begins at this moment."""
    ours = (POINTER, JOURNAL, CHILDREN, f".{POINTER}.")
    names = [p.name for p in directory.iterdir() if not is_draft(p)]
    return sorted(name for name in names if not name.startswith(ours))


def _write_once(path: Path, text: str) -> None:
    """Writes a file that only its owner may read (a storage may name a password).

    Of several that write it at the same moment one wins; nobody sees half of it.
    """
    with alone(path.with_name(f".{path.name}.lock")):
        if not path.exists():
            with replacing(path) as draft:
                draft.chmod(0o600)
                draft.write_text(text, encoding="utf-8")


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
    options = EvolutionOptions.model_validate(settings["evolution"])
    return Study(
        open_storage(place),
        name,
        [MAXIMISED[name] for name in options.objectives],
        settings,
        reduction=_reduction(options),
    )


def _reduction(options: EvolutionOptions) -> int | None:
    """Every how many children one goes on: what Optuna's pruner asks for; None for other shares."""
    factor = round(1 / options.survivors)
    whole = factor >= 2 and abs(factor * options.survivors - 1) < 0.02
    return factor if options.rungs and len(options.objectives) == 1 and whole else None


def _place(directory: Path, wanted: Mapping[str, Any]) -> str:
    return wanted["storage"] or str(directory / JOURNAL)


def _read(pointer: Path) -> dict[str, Any]:
    try:
        found = json.loads(pointer.read_text())
        if not isinstance(found, dict) or set(cast("dict[str, Any]", found)) != {"storage", "name"}:
            raise ValueError("not what connsearch evolve writes")
    except (OSError, ValueError) as error:
        raise RunError(f"{pointer}: cannot be read: {error}") from None
    return cast("dict[str, Any]", found)
