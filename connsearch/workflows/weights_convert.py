"""Published weights as a directory that other commands open: :func:`convert_weights`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connsearch import __version__
from connsearch.data.reading import READING
from connsearch.errors import SettingsError, WeightsError
from connsearch.files.disk import AnyPath, sha256_of
from connsearch.files.paths import check_path
from connsearch.files.places import check_place, filling
from connsearch.models.fitting import Fit, choose_fit, network_of
from connsearch.models.model import Model
from connsearch.models.published import Imported, import_state
from connsearch.models.weight_file import WeightFile, read_weight_file
from connsearch.models.weights import PUBLICATIONS
from connsearch.runs.documents import read_form, write_form
from connsearch.runs.files import write_model, write_weights
from connsearch.runs.formats.config import (
    ClipSettings,
    DataSettings,
    Facts,
    LossSettings,
    Settings,
    TrainingSettings,
)
from connsearch.runs.formats.conversion import ConversionRecord
from connsearch.runs.names import CONVERSION, MODEL, PRUNED_WEIGHTS
from connsearch.runs.taken import source_record, taken_record
from connsearch.workflows.class_names import read_class_names
from connsearch.workflows.given import path_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.opened import OpenedRun, opened
from connsearch.workflows.settings.run import RUNS
from connsearch.workflows.settings.weights_convert import WeightsConvertSettings

_SUFFIXES = (".tar", ".pth", ".pt", ".bin", ".ckpt", ".safetensors")


def convert_weights(
    file: AnyPath, model: str, *, progress: Progress = True, **settings: Any
) -> OpenedRun:
    """Returns published weights as a network of ours, in a directory of its own.

    ``evaluate``, ``predict``, ``train`` and ``export`` open it like a run. Its ``conversion`` says
    where the weights come from, and what became of every entry.

    Args:
        file: a file of ``torch.save`` or of safetensors. Nothing in it is executed.
        model: the name of the network.
        progress: True shows what is said, False nothing; a function hears every event.
        settings: any option of ``connsearch weights convert`` by its name: ``num_classes=5``,
            ``publication="torchvision"``, ``model_options={"dropout": 0.2}``.

    Raises:
        UnknownNameError: there is no such network or publication.
        WeightsError: the file cannot be read, or its entries are not those of the network.
        SettingsError: a setting cannot be used, or the directory holds something else.
    """
    named = path_of(file, "the path of a file of weights")
    asked = WeightsConvertSettings.of(file=named, model=model, **settings)
    return run_weights_convert(asked, Listener.of(progress))


def run_weights_convert(asked: WeightsConvertSettings, listener: Listener) -> OpenedRun:
    """Returns the directory of the converted weights, once it is written.

    Args:
        asked: all settings.
        listener: hears what happens.

    Raises:
        UserError: as for :func:`convert_weights`.
    """
    network_of(asked.model)
    place = asked.output or RUNS / f"weights-{_stem(asked.file)}"
    check_path(place, below=64, utf8=True)
    names = None if asked.classes is None else read_class_names(asked.classes)
    listener.say(f"weights: {asked.file}")
    file = read_weight_file(asked.file, entry=asked.entry)
    try:
        fit, classes = _fitted(asked, file)
        line = _line(asked, file, fit, classes, names)
        check_place(place, line, done=CONVERSION)
        _refuse_names(asked, names, classes, fit)
        network = fit.build(asked.model, classes)
        found = import_state(
            file.state,
            network,
            publication=fit.publication,
            classifier=fit.rows == classes,
            partial=asked.partial,
            inflate=asked.inflate,
        )
    except WeightsError as error:
        raise WeightsError(f"{asked.file}: {error}") from None
    notes = (*file.notes(), *fit.notes(), *found.notes)
    for note in notes:
        listener.say(note)
    if found.taken.hardly_any:
        listener.warn(
            f"hardly anything of {asked.file} fits {asked.model}: nine tenths of the network or "
            "more have first values\n  cure: the --model whose weights they are"
        )
    with filling(place, line, done=CONVERSION):
        if (place / CONVERSION).exists():
            _refuse_another(place, line)
            listener.say(f"it is there already: {place}")
            return opened(place)
        _write(place, network, file, asked.inflate)
        record = _record(asked, place, file, found, line, names)
        write_form(place / CONVERSION, record.model_copy(update={"notes": list(notes)}))
    return opened(place)


def _fitted(asked: WeightsConvertSettings, file: WeightFile) -> tuple[Fit, int]:
    """How the file fits the network, and the number of classes.

    Raises:
        WeightsError: it does not, or there is no classifier to count by.
    """
    fit = choose_fit(
        asked.publication,
        asked.model,
        asked.options_of_model(),
        file.state,
        partial=asked.partial,
        inflate=asked.inflate,
    )
    classes = asked.num_classes or fit.rows
    if classes is None:
        raise WeightsError(
            f"has no classifier by the names of {fit.publication}, so its classes cannot be "
            "counted\n  cure: --num-classes K, for a new classifier to train"
        )
    return fit, classes


def _refuse_names(
    asked: WeightsConvertSettings, names: tuple[str, ...] | None, classes: int, fit: Fit
) -> None:
    """Refuses names of classes that are not those of the outputs.

    Raises:
        SettingsError: there are more or fewer, or the classifier is new.
    """
    if names is None:
        return
    if fit.rows != classes:
        raise SettingsError(
            f"--classes {asked.classes}: has no effect, as the classifier is new (--num-classes "
            f"{classes}): it takes the classes of the data it is trained on\n  cure: leave it out"
        )
    if len(names) != classes:
        raise SettingsError(
            f"--classes {asked.classes}: has {len(names)} names, the network {classes} outputs\n"
            "  cure: the list that the weights were trained with"
        )


def _line(
    asked: WeightsConvertSettings,
    file: WeightFile,
    fit: Fit,
    classes: int,
    names: tuple[str, ...] | None,
) -> dict[str, Any]:
    """Everything that decides what is written, as JSON values."""
    return {
        "command": "weights convert",
        "sha256": file.sha256,
        "entry": file.entry,
        "model": asked.model,
        "model_options": asked.options_of_model(),
        "publication": fit.publication,
        "num_classes": classes,
        "classes": None if names is None else list(names),
        "partial": asked.partial,
        "inflate": asked.inflate,
        "clip": list(_clip(asked, fit)),
    }


def _clip(asked: WeightsConvertSettings, fit: Fit) -> tuple[int, int]:
    """Frames and size of the clips that the directory will be used on.

    Raises:
        SettingsError: the network is for another number of frames alone.
    """
    frames, height, _ = network_of(asked.model).clip
    told = fit.options.get("frames")
    if told is not None and asked.frames not in (None, told):
        raise SettingsError(
            f"--frames {asked.frames}: {asked.model} of this file looks at {told} frames, no more "
            "and no fewer\n  cure: leave it out"
        )
    return asked.frames or told or frames, asked.size or fit.options.get("size") or height


def _refuse_another(place: Path, line: Mapping[str, Any]) -> None:
    """Refuses to write over other converted weights, which may have been trained since.

    Raises:
        SettingsError: what is there was converted by another line, or from another file.
    """
    there = read_form(place / CONVERSION, ConversionRecord, "the record of a conversion")
    apart = sorted(key for key in {*there.line, *line} if there.line.get(key) != line.get(key))
    if apart:
        raise SettingsError(
            f"{place}: holds other converted weights; {', '.join(apart)} differ\n"
            "  cure: --output another directory, or delete this one"
        )


def _write(place: Path, network: Model, file: WeightFile, inflate: str | None) -> None:
    """Writes model document and weights, each at once or not at all."""
    document = network.describe().with_provenance(
        {
            "operator": "weights convert",
            "parents": [],
            "file": os.path.basename(file.path),
            "sha256": file.sha256,
            **({} if inflate is None else {"inflate": inflate}),
        }
    )
    write_model(document, place / MODEL)
    write_weights(place / PRUNED_WEIGHTS, network.state_dict(), document)


def _record(
    asked: WeightsConvertSettings,
    place: Path,
    file: WeightFile,
    found: Imported,
    line: dict[str, Any],
    names: tuple[str, ...] | None,
) -> ConversionRecord:
    frames, size = line["clip"]
    clips = ClipSettings(frames=frames, size=size)
    whose = PUBLICATIONS[found.publication].of(network_of(asked.model).kind)
    softmax = whose is not None and whose.softmax
    settings = Settings(data=DataSettings(clips=clips))
    if softmax:
        learned = TrainingSettings(loss=LossSettings(loss="cross_entropy"))
        settings = Settings(data=DataSettings(clips=clips), training=learned)
    return ConversionRecord(
        command="weights convert",
        connsearch=__version__,
        model=asked.model,
        publication=found.publication,
        source=source_record(file),
        weights_sha256=sha256_of(place / PRUNED_WEIGHTS),
        taken=taken_record(found.taken),
        line=line,
        settings=settings,
        facts=Facts(reading=READING)
        if names is None
        else Facts(reading=READING, classes=list(names)),
    )


def _stem(file: str) -> str:
    """The name of a file without the suffixes of its kind, such as ``.pth.tar``."""
    path = Path(file)
    while path.suffix.lower() in _SUFFIXES:
        path = path.with_suffix("")
    return path.name
