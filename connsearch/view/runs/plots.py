"""Pictures of a run: connection weights over time, training curves, a map of the weights.

matplotlib without pyplot: no window, no global state, nothing left open.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connsearch.errors import UnknownNameError
from connsearch.files.disk import is_there
from connsearch.graph.files import atomic_write_bytes
from connsearch.models.document import ModelDocument
from connsearch.registry import suggest
from connsearch.runs.names import CONNECTIONS, METRICS
from connsearch.view.runs.figures import connections_figure, training_figure, weights_figure
from connsearch.view.runs.series import read_curves, read_weights
from connsearch.view.structures.palette import FAINT, PAPER, RULE, TEXT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("pdf", "png", "svg")

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
    "axes.edgecolor": RULE,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "figure.facecolor": PAPER,
    "svg.hashsalt": "connsearch",
    "svg.fonttype": "path",
}


def run_pictures(
    run_dir: str | Path, model: ModelDocument, *, formats: Sequence[str] = ("svg", "png")
) -> list[Path]:
    """Returns the pictures written into a run directory, each once per format.

    ``training``: loss and accuracy (from metrics.csv). ``connections``: weights over time (from
    connections.csv, left out when nothing was logged there). ``weights``: a map of the weights of
    a structure, target by source. What is no structure has the first alone.

    Args:
        run_dir: a run directory; a log that is not there leaves out its picture.
        model: what was learned; the stems of a structure give the lines their colours.
        formats: of svg, png, pdf.

    Raises:
        UnknownNameError: another format.
        RunError: a log that cannot be read.
    """
    run_dir = Path(run_dir)
    for name in formats:
        if name not in FORMATS:
            raise UnknownNameError(suggest("picture format", name, list(FORMATS)))
    makers: dict[str, Callable[[], Figure]] = {}
    if is_there(run_dir / METRICS):
        curves = read_curves(run_dir / METRICS)
        makers["training"] = lambda: training_figure(curves, title=model.name)
    structure = model.structure
    if structure is not None and is_there(run_dir / CONNECTIONS):
        weights = read_weights(run_dir / CONNECTIONS)
        if weights:
            makers["connections"] = lambda: connections_figure(weights, structure)
    if structure is not None:
        makers["weights"] = lambda: weights_figure(structure)
    paths: list[Path] = []
    for name, make in makers.items():
        paths += write_figure(make, [run_dir / f"{name}.{suffix}" for suffix in formats])
    return paths


def write_figure(make: Callable[[], Figure], paths: Sequence[Path]) -> list[Path]:
    """Returns ``paths`` after drawing there what ``make`` returns; each suffix is its format.

    The same figure gives the same bytes of SVG.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    dateless: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with matplotlib.rc_context(_STYLE):
        figure = make()
        FigureCanvasAgg(figure).draw()
        figure.set_layout_engine("none")  # laid out once, for all formats
        for path in paths:
            suffix = path.suffix.removeprefix(".")
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix, dpi=144, metadata=dateless.get(suffix))
            atomic_write_bytes(path, buffer.getvalue())
    return list(paths)
