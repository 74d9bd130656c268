"""A network for those who do not have connsearch: :func:`export`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.errors import SettingsError
from connsearch.files.disk import atomic_write_bytes
from connsearch.files.paths import check_path
from connsearch.files.places import UNFINISHED, check_place, filling
from connsearch.graph.spec import Structure
from connsearch.pruning.published import Published, publish
from connsearch.runs.documents import read_form, write_form
from connsearch.runs.formats.export import ExportRecord
from connsearch.runs.names import EXPORT, EXPORT_RECORD
from connsearch.runs.recorded import is_trained
from connsearch.workflows.exported import describe_published
from connsearch.workflows.exported_program import without_weights, written_program
from connsearch.workflows.given import StructureLike, name_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.export import ExportSettings
from connsearch.workflows.settings.run import RUNS
from connsearch.workflows.targets import open_structure

FILES = {"torch": "network.pt2", "onnx": "network.onnx", "published": "published.json"}


@dataclass(frozen=True, slots=True)
class ExportedNetwork:
    """A network as one file, and what is to be known about it.

    Attributes:
        directory: where both files are.
        record: the content of export.json: what goes in and comes out, and how it compares.
    """

    directory: Path
    record: ExportRecord

    @property
    def file(self) -> Path:
        """The file of the network."""
        return self.directory / self.record.file


def export(
    target: StructureLike,
    output: str | Path | None = None,
    *,
    progress: Progress = True,
    **settings: Any,
) -> ExportedNetwork:
    """Returns a trained network as one file that runs without connsearch.

    What was written is run beside the network on the same clips, and kept only if their logits are
    the same within the tolerance.

    Args:
        target: a search, a training or a pruning; for ``format="published"`` also a structure by
            its value, name or file.
        output: the directory both files go to; by default export/FORMAT in the run.
        progress: True shows what is said, False nothing; a function hears every event.
        settings: any option of ``connsearch export`` by its name: ``format="torch"``.

    Raises:
        UserError: a setting cannot be used, there are no weights, a package is missing, or the
            directory holds something else.
        Failure: the program differs too much from the network; nothing is kept.
    """
    place = None if output is None else Path(output)
    asked = ExportSettings.of(target=name_of(target), output=place, **settings)
    given = target if isinstance(target, Structure) else None
    return run_export(asked, Listener.of(progress), given)


def run_export(
    asked: ExportSettings, listener: Listener, structure: Structure | None = None
) -> ExportedNetwork:
    """Returns the export that was asked for, once it is compared and written.

    Args:
        asked: all settings.
        listener: hears what happens.
        structure: to publish; None: the target is what the settings name.

    Raises:
        UserError: as for :func:`export`.
    """
    place = _place(asked)
    check_path(place, below=64)
    if asked.format == "published":
        structure = open_structure(asked.target) if structure is None else structure
        content, found = _published(asked, structure, listener)
    elif structure is not None:
        raise without_weights(asked.target, structure)
    else:
        content, found = written_program(asked, listener)
    record = ExportRecord.model_validate(
        {
            "command": "export",
            "format": asked.format,
            "file": FILES[asked.format],
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "target": asked.target,
            **found,
            "line": _line(asked),
        }
    )
    _keep(asked, place, content, record)
    return ExportedNetwork(place, record)


def _place(asked: ExportSettings) -> Path:
    """The output directory; one that holds an export is refused.

    What the same command left when it was killed is completed; what it has finished is compared
    with what it makes now.

    Raises:
        SettingsError: there is something already.
    """
    home = Path(asked.target) / EXPORT
    if not is_trained(asked.target):
        home = RUNS / f"{EXPORT}-{Path(asked.target).stem}"
    place = asked.output or home / asked.format
    if place.is_dir() and (place / EXPORT_RECORD).exists():
        if _exported(place).line != _line(asked):
            raise _taken(place, EXPORT_RECORD)
    elif place.is_dir() and (place / UNFINISHED).exists():
        check_place(place, _line(asked), done=EXPORT_RECORD)
    elif (place / FILES[asked.format]).exists():
        raise _taken(place, FILES[asked.format])
    elif place.exists() and not place.is_dir():
        raise _taken(place)
    return place


def _line(asked: ExportSettings) -> dict[str, Any]:
    """Everything that decides what is written, as JSON values."""
    left_out = {"output", "json_line", "debug"}
    return {"command": "export", **asked.model_dump(mode="json", exclude=left_out)}


def _published(
    asked: ExportSettings, structure: Structure, listener: Listener
) -> tuple[bytes, dict[str, Any]]:
    """The published lists of a structure, and what they cannot hold of it."""
    if asked.clip is not None or asked.flow_input:
        raise SettingsError("--clip and --flow-input are for --format onnx and torch")
    published = publish(structure)
    found = describe_published(structure, published)
    _say_lost(published, listener)
    lists = {"model_structure": published.rows, "model_edge_weights": published.weights}
    entries = (
        f' "{key}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in value) + "\n ]"
        for key, value in lists.items()
    )
    return ("{\n" + ",\n".join(entries) + "\n}\n").encode(), found


def _keep(asked: ExportSettings, place: Path, content: bytes, record: ExportRecord) -> None:
    """Writes both files, what describes the other last.

    Raises:
        SettingsError: another export stands there, made by the same command from another network.
    """
    with filling(place, _line(asked), done=EXPORT_RECORD, alone=False):
        if (place / EXPORT_RECORD).exists():
            if _exported(place).sha256 != record.sha256:
                raise _taken(place, EXPORT_RECORD)
            return
        atomic_write_bytes(place / FILES[asked.format], content)
        write_form(place / EXPORT_RECORD, record)


def _exported(place: Path) -> ExportRecord:
    """What is known about the export that stands there."""
    return read_form(place / EXPORT_RECORD, ExportRecord, "the record of an export")


def _taken(place: Path, name: str = "") -> SettingsError:
    return SettingsError(
        f"{place}: exists already{f', with {name}' if name else ''}\n"
        "  cure: --output another directory, or delete this one"
    )


def _say_lost(published: Published, listener: Listener) -> None:
    """Says what does not come back when the lists are read."""
    if published.settings:
        told = ", ".join(f"{name} {here}" for name, (here, _) in published.settings.items())
        listener.say(f"readers of the lists must also know: {told}")
    if published.same_network:
        where = "with that, they" if published.settings else "the lists"
        listener.say(f"{where} give the same network (with other filters)")
        return
    for sentence in (*published.lost, *published.changes):
        listener.warn(f"the published format cannot hold {sentence}")
