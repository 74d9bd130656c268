"""``connsearch export``: a network for those who do not have connsearch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.target import (
    is_trained,
    open_structure,
    open_trained,
    recorded_settings,
)
from connsearch.cli.terminal import Terminal
from connsearch.cli.work import RUNS
from connsearch.errors import RunError, SettingsError
from connsearch.files.paths import check_path
from connsearch.files.places import UNFINISHED, check_place, filling
from connsearch.runs.documents import read_form, write_form
from connsearch.runs.formats.export import ExportRecord
from connsearch.runs.names import EXPORT, EXPORT_RECORD

if TYPE_CHECKING:
    from connsearch.graph.spec import Structure
    from connsearch.pruning.published import Published

Size = Annotated[int, Field(ge=1, le=4096)]

FILES = {"torch": "network.pt2", "onnx": "network.onnx", "published": "published.json"}


class Export(Command):
    """Writes a trained network as one file that runs without connsearch.

    What was written is run beside the network on the same clips; the largest difference between
    their logits is shown, and nothing is kept where it is too large.

    The number of clips stays open, their size is settled. Beside the file, export.json says what
    goes in and what comes out.
    """

    target: Annotated[str, Flag(positional=True)]
    """The directory of a search, a training or a pruned network; with --format published also the
    name or file of a structure."""
    format: Literal["torch", "onnx", "published"] = "onnx"
    """onnx needs the extra export (pip install 'connsearch[export]'); torch is a .pt2 file of
    torch.export; published is the list format of the AssembleNet code, wiring without weights of
    filters, with an account of what it cannot hold."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the files; by default RUN/export/FORMAT."""
    clip: Annotated[tuple[Size, Size, Size] | None, Flag(metavar="T H W")] = None
    """Frames, height and width of the clips; by default those of the run."""
    flow_input: Annotated[bool, Flag(switch=True)] = False
    """Make flow an input of the exported network; by default the network computes it from RGB."""
    tolerance: float = Field(default=1e-4, gt=0, le=1)
    """Largest allowed difference from the original network, as a share of the largest logit."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Writes, compares, keeps; returns what stands in export.json."""
        place = self._place()

        check_path(place, below=64)
        if self.format == "published":
            structure = open_structure(self.target)
            content, found = self._published(structure, terminal)
        else:
            content, found = self._program(terminal)
        record = ExportRecord.model_validate(
            {
                "command": "export",
                "format": self.format,
                "file": FILES[self.format],
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "target": self.target,
                **found,
                "line": self._line(),
            }
        )
        self._keep(place, content, record)
        terminal.say(f"exported: {place / FILES[self.format]} ({len(content) / 2**20:.2f} MiB)")
        terminal.say(f"  what goes in and comes out: {place / EXPORT_RECORD}")
        return {**record.to_json(), "output": str(place)}

    def _place(self) -> Path:
        """The output directory; one that holds an export is refused.

        What this very line left when it was killed is gone on with; what it finished is compared
        when it is made again.

        Raises:
            SettingsError: there is something already.
        """
        home = Path(self.target) / EXPORT
        if not is_trained(self.target):
            home = RUNS / f"{EXPORT}-{Path(self.target).stem}"
        place = self.output or home / self.format
        if place.is_dir() and (place / EXPORT_RECORD).exists():
            if _exported(place).line != self._line():
                raise _taken(place, EXPORT_RECORD)
        elif place.is_dir() and (place / UNFINISHED).exists():
            check_place(place, self._line(), done=EXPORT_RECORD)
        elif (place / FILES[self.format]).exists():
            raise _taken(place, FILES[self.format])
        elif place.exists() and not place.is_dir():
            raise _taken(place)
        return place

    def _line(self) -> dict[str, Any]:
        """Everything that decides what is written, as JSON values."""
        left_out = {"output", "json_line", "debug"}
        return {"command": "export", **self.model_dump(mode="json", exclude=left_out)}

    def _program(self, terminal: Terminal) -> tuple[bytes, dict[str, Any]]:
        """The file of a network and what is to be known about it.

        Raises:
            Failure: it differs too much from the network.
            RunError: there are no weights.
            SettingsError: a package is missing, or the clip size is not known.
        """
        from connsearch.cli.exported import describe_program
        from connsearch.models.export import compare, pt2_runner, to_pt2, write_down
        from connsearch.models.export_onnx import onnx_runner, require_onnx, to_onnx

        if not is_trained(self.target) and not Path(self.target).is_file():
            _refuse_structure(self.target)
        if self.format == "onnx":
            require_onnx()
        trained = open_trained(self.target)
        clip = self._clip()
        network = trained.network().eval()
        terminal.say(f"writing {trained.structure.name} down for clips of {_size(clip)} ...")
        program = write_down(network, clip, flow_input=self.flow_input)
        found = describe_program(self.target, trained.structure, program.inputs, terminal)
        if self.format == "onnx":
            content = to_onnx(program, found)
            run = onnx_runner(content)
        else:
            content = to_pt2(program, found)
            run = pt2_runner(content)
        parity = compare(run, network, program.inputs, tolerance=self.tolerance)
        terminal.say(f"the {self.format} program against the network: {parity}")
        return content, {**found, "parity": asdict(parity)}

    def _clip(self) -> tuple[int, int, int]:
        """The clip size asked for, or that of the run.

        Raises:
            SettingsError: neither is known.
        """
        if self.clip is not None:
            return self.clip
        data = recorded_settings(self.target).get("data", {}).get("clips", {})
        if not {"frames", "size"} <= set(data):
            raise SettingsError(
                f"{self.target}: does not say how large its clips are\n  cure: --clip T H W"
            )
        return data["frames"], data["size"], data["size"]

    def _published(self, structure: Structure, terminal: Terminal) -> tuple[bytes, dict[str, Any]]:
        """The published lists of a structure, and what they cannot hold of it."""
        from connsearch.cli.exported import describe_published
        from connsearch.pruning.published import publish

        if self.clip is not None or self.flow_input:
            raise SettingsError("--clip and --flow-input are for --format onnx and torch")
        published = publish(structure)
        found = describe_published(structure, published)
        _say_lost(published, terminal)
        lists = {"model_structure": published.rows, "model_edge_weights": published.weights}
        entries = (
            f' "{key}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in value) + "\n ]"
            for key, value in lists.items()
        )
        return ("{\n" + ",\n".join(entries) + "\n}\n").encode(), found

    def _keep(self, place: Path, content: bytes, record: ExportRecord) -> None:
        """Writes both files, what describes the other last.

        Raises:
            SettingsError: another export stands there, made by this line from another network.
        """
        from connsearch.graph.files import atomic_write_bytes

        with filling(place, self._line(), done=EXPORT_RECORD, alone=False):
            if (place / EXPORT_RECORD).exists():
                if _exported(place).sha256 != record.sha256:
                    raise _taken(place, EXPORT_RECORD)
                return
            atomic_write_bytes(place / FILES[self.format], content)
            write_form(place / EXPORT_RECORD, record)


def _exported(place: Path) -> ExportRecord:
    """What is known about the export that stands there."""
    return read_form(place / EXPORT_RECORD, ExportRecord, "the record of an export")


def _taken(place: Path, name: str = "") -> SettingsError:
    return SettingsError(
        f"{place}: exists already{f', with {name}' if name else ''}\n"
        "  cure: --output another directory, or delete this one"
    )


def _refuse_structure(target: str) -> None:
    """Refuses what is a structure and no network.

    Raises:
        RunError: it has no weights.
        UnknownNameError: it is not even a structure.
    """
    structure = open_structure(target)
    raise RunError(
        f"{target}: {structure.name} is a structure, which has no weights\n"
        "  cure: give the directory of a search, a training or a pruning; or --format published"
    )


def _say_lost(published: Published, terminal: Terminal) -> None:
    """Says what does not come back when the lists are read."""
    if published.settings:
        told = ", ".join(f"{name} {here}" for name, (here, _) in published.settings.items())
        terminal.say(f"whoever reads the lists must be told besides: {told}")
    if published.same_network:
        terminal.say("told that, they give the same network (of other filters)")
        return
    for sentence in (*published.lost, *published.changes):
        terminal.warn(f"the published format cannot hold {sentence}")


def _size(clip: tuple[int, int, int]) -> str:
    return "x".join(map(str, clip))
