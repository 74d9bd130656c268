"""A chart -> picture files: SVG, PNG and PDF of one and the same figure."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connsearch.graph.files import atomic_write_bytes
from connsearch.view.charts.chart import Chart
from connsearch.view.charts.draw import chart_figure
from connsearch.view.charts.look import PRINT, dressed

FORMATS = ("pdf", "png", "svg")

_DATELESS: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def write_chart(chart: Chart, paths: Sequence[Path]) -> list[Path]:
    """Returns ``paths`` after drawing a chart there; each suffix is its format.

    The same chart gives the same bytes of SVG. Letters are outlines, so no font is needed.

    Raises:
        OSError: a file could not be written.
    """
    figure = chart_figure(chart)
    with dressed(PRINT):
        for path in paths:
            suffix = path.suffix.removeprefix(".")
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix, dpi=144, metadata=_DATELESS.get(suffix))
            atomic_write_bytes(path, buffer.getvalue())
    return list(paths)


def write_both(chart: Chart, directory: Path, name: str) -> list[Path]:
    """Returns ``name``.svg and ``name``.png in a directory, after drawing a chart there."""
    return write_chart(chart, [directory / f"{name}.{suffix}" for suffix in ("svg", "png")])
