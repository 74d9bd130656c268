"""``export.json``: what is to be known about an exported network by who has no connsearch."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from connsearch.runs.formats.form import Form, GivenForm


class ExportedInput(Form):
    """An input of the program: its shape (a name stands for an open size), and what it holds."""

    name: str
    shape: list[int | str]
    axes: list[str]
    dtype: str
    range: list[float] | tuple[float, ...] | None
    what: str


class ExportedOutput(Form):
    """An output of the program, and what makes probabilities of it."""

    name: str
    shape: list[int | str]
    dtype: str
    probabilities: str


class ExportedAxes(Form):
    """Which sizes may differ from clip to clip, and which are settled.

    Attributes:
        least_frames: the fewest frames, where their number is open.
    """

    open: list[str]
    settled: list[str]
    least_frames: int | None = None


class ExportedFlow(Form):
    """How flow is computed inside."""

    computed: str
    iterations: int
    normalisation: str


class ParityRecord(Form):
    """How far the program is from the network; see ``models.parity.Parity``."""

    max_abs_difference: float
    largest_logit: float
    apart: float | None = None
    clips: int
    tolerance: float


class ExportedChange(Form):
    """A value of a node that comes back from the published lists as another one."""

    node: int
    what: str
    here: Any
    comes_back: Any


class ExportRecord(GivenForm):
    """``export.json``; a program has other entries than the published lists.

    Attributes:
        file: the exported file, beside it.
        line: everything that decides what is written.
        parity: of a program.
        settings_to_tell: of the published lists: what a reader must be told besides.
        structure: what the network is built from, with its learned weights, if it is a structure.
        model: the model document of any other network.
        not_held: of the published lists: what cannot be told at all.
    """

    command: str = "export"
    format: str = ""
    file: str = ""
    bytes: int = 0
    sha256: str = ""
    target: str = ""
    form_schema: int | None = Field(None, alias="schema")
    inputs: list[ExportedInput] = []
    outputs: list[ExportedOutput] = []
    axes: ExportedAxes | None = None
    classes: list[str] = []
    clips: dict[str, Any] = {}
    flow: ExportedFlow | None = None
    parity: ParityRecord | None = None
    same_network: bool | None = None
    settings_to_tell: dict[str, dict[str, Any]] = {}
    changes: list[ExportedChange] = []
    not_held: list[str] = []
    structure: dict[str, Any] = {}
    model: dict[str, Any] = {}
    versions: dict[str, str] = {}
    line: dict[str, Any] = {}
