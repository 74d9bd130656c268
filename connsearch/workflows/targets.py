"""What a user may name: a structure, a run, a pruned network, a weight file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from connsearch.errors import RunError, SettingsError, UnknownNameError
from connsearch.files.disk import is_folder, is_there
from connsearch.graph.files import load_structure, read_structure, structure_names
from connsearch.graph.spec import Structure
from connsearch.models.document import ModelDocument, a_kind
from connsearch.registry import nearest
from connsearch.runs.formats.config import LossName
from connsearch.runs.names import BEST, MODEL, PRUNE_RECORD
from connsearch.runs.record import RunRecord, open_run
from connsearch.runs.recorded import is_trained, recorded_settings
from connsearch.training.options import LossOptions
from connsearch.workflows.listening import Listener


def open_structure(target: str) -> Structure:
    """Returns the structure that a user names, with the weights it has learned so far.

    Raises:
        UnknownNameError: no structure of that name; the message names the nearest and the known.
        SettingsError: it is the name of a network that is no structure.
        StructureError: a structure file breaks rules; all faults are named.
        RunError: no such file or directory, or a directory that is neither run nor pruned network.
    """
    path = Path(target)
    if target in structure_names() or path.suffix == ".json":
        return load_structure(target)
    if is_folder(path):
        if is_there(path / BEST) and not is_there(path / PRUNE_RECORD):
            return read_structure(path / BEST)
        return open_run(path).structure
    if path.suffix == ".safetensors":
        from connsearch.runs.files import stored_structure  # needs torch

        return stored_structure(path)
    if os.sep in target and not is_there(path):
        raise RunError(
            f"{target}: no such file or directory\n  allowed: the name of a structure, a structure "
            "file (.json), a weight file (.safetensors), or the directory of a run"
        )
    try:
        return load_structure(target)
    except UnknownNameError as error:
        _refuse_model(target, error)
        raise


def structure_of_focus(target: str) -> tuple[str, Structure] | None:
    """Returns the structure in the run of a focus model, and what it is there: glance or local.

    None: it is no such run, or neither of its networks is a structure.

    Raises:
        RunError: the run is damaged.
    """
    if not is_trained(target) or RunRecord(Path(target)).is_finished_network:
        return None
    run = RunRecord(Path(target))
    if not run.has(MODEL):
        return None
    settings = (run.outcome or run.model).settings
    for part in ("local", "glance"):
        document = settings.get(part)
        if isinstance(document, Mapping):
            found = ModelDocument.read(cast("Mapping[str, Any]", document), where=part).structure
            if found is not None:
                return part, found
    return None


def _refuse_model(target: str, error: UnknownNameError) -> None:
    """Refuses the name of a network that is no structure, or what is spelled like one.

    Raises:
        SettingsError: it is one.
        UnknownNameError: the nearest of all names is one.
    """
    from connsearch.models.zoo import MODELS

    if target in MODELS:
        raise SettingsError(
            f"{target}: is {a_kind(MODELS[target].kind)}, which has no connections to show or to "
            "search\n"
            "  allowed here: structures (connsearch models lists them); connsearch train and "
            "evaluate take every network"
        )
    near = nearest(target, [*structure_names(), *MODELS])
    if near and near[0] in MODELS:
        raise UnknownNameError(
            f"{error}\n  {near[0]} is {a_kind(MODELS[near[0]].kind)}, which has no connections to "
            "show or to search; connsearch train takes it"
        ) from None


def recorded_loss(target: str) -> LossName:
    """Returns what that run minimised, by name; ``auto`` where it is not recorded."""
    training = recorded_settings(target).get("training", {})
    return LossOptions(loss=training.get("loss", {}).get("loss", "auto")).loss


def open_trained(target: str | Path, listener: Listener | None = None) -> RunRecord:
    """Returns the trained network in the directory of a run, a pruning or a conversion.

    Args:
        target: the directory.
        listener: hears which weights these are, where the best of a training was kept.

    Raises:
        RunError: it is neither, the run is unfinished, or a file in it is damaged.
    """
    if not is_folder(target):
        raise RunError(
            f"{target}: no such run\n"
            "  allowed: a directory that search, train, prune or weights convert wrote, such as "
            "runs/search-starter"
        )
    record = open_run(target)
    _ = record.tensors, record.model, record.outcome  # damage is told before any work
    if listener is not None and record.kept is not None:
        listener.say(record.kept)
    return record


def require_data(target: str) -> None:
    """Refuses work on data that nobody has named: converted weights do not know their own.

    Raises:
        SettingsError: the target is a directory of converted weights.
    """
    if is_trained(target) and RunRecord(Path(target)).is_converted:
        raise SettingsError(
            f"{target}: holds converted weights, which do not say what data they are for\n"
            "  cure: --data, a folder, a CSV file or NAME:PATH, whose classes are the network's"
        )


def say_classes(record: RunRecord, classes: Sequence[str], listener: Listener) -> None:
    """Says how the outputs of converted weights are matched with the classes of some data."""
    if record.conversion is None:
        return
    known = record.conversion.facts.classes
    if record.conversion.taken.left_out:
        listener.say("its classifier is new: it has learned nothing yet")
    elif not known:
        listener.warn(
            f"the classes of {record.directory} are not known: its first output is taken for the "
            f"first class of the data, {classes[0]}, and so on; weights convert --classes FILE "
            "names them"
        )
    elif list(known) != list(classes):
        listener.say("the outputs are put into the order of the classes of the data, by name")


def warn_of_statistics(directory: Path, listener: Listener) -> None:
    """Warns of a network that was pruned and nothing else."""
    record = RunRecord(directory).prune_record
    if record is not None and not record.recalibrated:
        listener.warn(
            "its batch-norm statistics are those of the network it was pruned from: train it, or "
            "prune with --recalibrate, for a fair number"
        )
