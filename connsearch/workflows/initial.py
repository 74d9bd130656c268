"""Training that begins with weights of elsewhere: read once, then kept in the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from connsearch.errors import RunError, SettingsError, WeightsError
from connsearch.files.disk import is_folder, is_there, sha256_of
from connsearch.models.depth_exits import DepthExits
from connsearch.models.first_weights import FirstWeights, is_of_classifier, take_first_weights
from connsearch.models.model import Model
from connsearch.models.weight_file import WeightFile, read_weight_file
from connsearch.runs.class_order import in_order, order_of
from connsearch.runs.documents import write_form
from connsearch.runs.files import load_weights, put_weights, write_weights
from connsearch.runs.formats.initial import InitialRecord
from connsearch.runs.names import FIRST, FOCUS_PARTS, INITIAL
from connsearch.runs.record import RunRecord
from connsearch.runs.taken import source_record, taken_record
from connsearch.workflows.listening import Listener
from connsearch.workflows.targets import open_trained

_OF_A_CHECKPOINT = "model/"
"""How the weights are called in a checkpoint of ours."""


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """Weights that a training is asked to begin with.

    Attributes:
        target: as they were named.
        file: with the weights; None: the run has begun with them already.
        classes: what its outputs stand for, where that is known.
    """

    target: str
    file: WeightFile | None
    classes: Sequence[str] = ()


def open_initial(target: str | None, directory: Path) -> InitialWeights | None:
    """Returns the weights that a run in a directory is to begin with; None: there are none.

    A run that has begun needs them no more; if they are there, they must be the same.

    Args:
        target: a file, or the directory of a run, a pruned network or converted weights.
        directory: of the run that is to begin.

    Raises:
        RunError: there are none, or the run has begun with others of that name.
        WeightsError: the file cannot be used.
    """
    if target is None:
        return None
    run = RunRecord(directory)
    begun = run.initial is not None and (run.has(FIRST) or run.finished)
    if begun:
        _refuse_changed(target, run)
        return InitialWeights(target, None)
    if not is_folder(target):
        return InitialWeights(target, _of_a_checkpoint(read_weight_file(target)))
    trained = open_trained(target)
    path = trained.weights_path
    classes: list[str] = trained.recorded.get("facts", {}).get("classes", [])
    file = WeightFile(str(path), trained.tensors, sha256_of(path))
    return InitialWeights(target, file, classes)


def begin_with(
    initial: InitialWeights | None,
    model: Model,
    directory: Path,
    classes: Sequence[str],
    listener: Listener,
) -> None:
    """Gives a network its first weights, and keeps them in the run until it is finished.

    Args:
        initial: as :func:`open_initial` gave them; None: the network stays as it is.
        model: changed in place.
        directory: of the run.
        classes: of the data.
        listener: hears what was loaded.

    Raises:
        WeightsError: nothing fits.
    """
    if initial is None:
        return
    first = directory / FIRST
    if initial.file is None:
        if is_there(first):
            put_weights(model, load_weights(first), first)
        return
    found = _taken(initial, initial.file, model, classes)
    notes = (*initial.file.notes(), *found.notes)
    whose = "" if found.publication is None else f" ({found.publication})"
    listener.say(f"initial weights: {initial.target}{whose}\n  {found.taken}")
    for note in notes:
        listener.say(f"  {note}")
    if found.taken.hardly_any:
        listener.warn(
            f"hardly anything of {initial.target} fits {model.describe().name}: nine tenths of the "
            "network or more begin with first values\n"
            "  cure: weights of this network, or of one with the same blocks"
        )
    record = InitialRecord(
        source=source_record(initial.file),
        publication=found.publication,
        taken=taken_record(found.taken),
        notes=list(notes),
    )
    write_form(directory / INITIAL, record)
    write_weights(first, model.state_dict(), model.describe())


def forget_first(directory: Path) -> None:
    """Removes the first weights of a run that is finished; what they were stays recorded."""
    run = RunRecord(directory)
    if run.has(INITIAL) or run.has(FOCUS_PARTS):
        (directory / FIRST).unlink(missing_ok=True)


def refuse_beside_weights(initial: str | None, target: str) -> None:
    """Refuses other weights for a network that is trained further with its own.

    Raises:
        SettingsError: both are asked for.
    """
    if initial is not None:
        raise SettingsError(
            f"--initial-weights {initial}: {target} is trained further with the weights it has\n"
            "  cure: leave it out; or --from-scratch, to begin with these in their place"
        )


def _taken(
    initial: InitialWeights, file: WeightFile, model: Model, classes: Sequence[str]
) -> FirstWeights:
    state, classifier = file.state, True
    if isinstance(model, DepthExits) and not any(name.startswith("network.") for name in state):
        model = model.network  # weights of the network without exits
    if initial.classes and list(initial.classes) != list(classes):
        try:
            order = order_of(initial.classes, len(initial.classes), classes, initial.target)
            state = in_order(state, order, model.classifier)
        except SettingsError:  # other classes: their outputs mean nothing here
            classifier = not any(is_of_classifier(name, model) for name in state)
    try:
        return take_first_weights(state, model, classifier=classifier)
    except WeightsError as error:
        raise WeightsError(f"{initial.target}: {error}") from None


def _of_a_checkpoint(file: WeightFile) -> WeightFile:
    """The weights of a checkpoint of ours, without what else it has; other files as they are."""
    names = [name for name in file.state if name.startswith(_OF_A_CHECKPOINT)]
    if not names:
        return file
    state = {name.removeprefix(_OF_A_CHECKPOINT): file.state[name] for name in names}
    return replace(file, state=state)


def _refuse_changed(target: str, run: RunRecord) -> None:
    """Refuses weights that are not those the run has begun with; it needs none any more.

    Raises:
        RunError: they are there, and others.
    """
    path = RunRecord(Path(target)).weights_path if is_folder(target) else Path(target)
    if run.initial is None or not is_there(path):
        return
    now, before = sha256_of(path), run.initial.source.sha256
    if now != before:
        raise RunError(
            f"{run.directory}: contains a run with other settings\n"
            f"  initial_weights: the run has {target} with the SHA-256 {before[:12]}..., now it "
            f"has {now[:12]}...\n"
            "  cure: the file as it was (or none: the run needs it no more), or choose another "
            "directory (--run)"
        )
