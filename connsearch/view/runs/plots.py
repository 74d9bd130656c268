"""Pictures of a run: connection weights over time, training curves, a map of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connsearch.errors import UnknownNameError
from connsearch.files.disk import is_there
from connsearch.models.document import ModelDocument
from connsearch.registry import suggest
from connsearch.runs.names import CONNECTIONS, METRICS
from connsearch.runs.run_files import RunFiles
from connsearch.view.charts.chart import Chart
from connsearch.view.charts.files import FORMATS, write_chart
from connsearch.view.runs.chance import Chance
from connsearch.view.runs.connections import connections_chart, weights_chart
from connsearch.view.runs.gates import gates_chart
from connsearch.view.runs.series import read_column, read_curves, read_weights
from connsearch.view.runs.terms import terms_chart
from connsearch.view.runs.training import training_chart


def run_pictures(
    run_dir: str | Path,
    model: ModelDocument,
    *,
    formats: Sequence[str] = ("svg", "png"),
    chance: Chance | None = None,
) -> list[Path]:
    """Returns the pictures written into a run directory, each once per format.

    ``gates``: how often temporal gates are open (from gates.csv, where the network has some).
    ``terms``: those of the loss (from terms.csv, where the loss has some).
    ``training``: loss, accuracy and learning rate (from metrics.csv). ``connections``: weights over
    time (from connections.csv, left out when nothing was logged there). ``weights``: a map of the
    weights of a structure, target by source. What is no structure has the first three alone.

    Args:
        run_dir: a run directory; a log that is not there leaves out its picture.
        model: what was learned; the stems of a structure give the lines their colours.
        formats: of svg, png, pdf.
        chance: what guessing is worth on the data of the run, where that is known.

    Raises:
        UnknownNameError: another format.
        RunError: a log that cannot be read.
    """
    run_dir = Path(run_dir)
    for name in formats:
        if name not in FORMATS:
            raise UnknownNameError(suggest("picture format", name, list(FORMATS)))
    charts: dict[str, Chart] = {}
    files = RunFiles(run_dir)
    if files.gates:
        charts["gates"] = gates_chart(files.gates, title=model.name)
    if files.terms:
        charts["terms"] = terms_chart(files.terms, title=model.name)
    if is_there(run_dir / METRICS):
        curves, rates = (
            read_curves(run_dir / METRICS),
            read_column(run_dir / METRICS, "learning_rate"),
        )
        terms = len({row.term for row in files.terms})
        charts["training"] = training_chart(
            curves, title=model.name, rates=rates, chance=chance, terms=terms
        )
    structure = model.structure
    if structure is not None and is_there(run_dir / CONNECTIONS):
        weights = read_weights(run_dir / CONNECTIONS)
        if weights:
            charts["connections"] = connections_chart(weights, structure)
    if structure is not None:
        charts["weights"] = weights_chart(structure)
    paths: list[Path] = []
    for name, chart in charts.items():
        paths += write_chart(chart, [run_dir / f"{name}.{suffix}" for suffix in formats])
    return paths
