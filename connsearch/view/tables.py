"""Tables for people (rich) and for further work (pandas); the terminal and pipes look the same.

Every function returns a value; printing is the command line's business. The tables fit 80 columns
and hold no colour that carries meaning alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from connsearch.graph.cost import Cost
    from connsearch.graph.spec import Structure
    from connsearch.prune.pruner import Pruned


def structure_table(structure: Structure, cost: Cost | None = None) -> Table:
    """Returns one row a node: index, level, kind, inputs with weights, filters, dilation, stride.

    With ``cost`` the columns output shape (C x T x H x W), parameters and MACs are added.
    Weights below 0.5 are dim; nodes that are dead say so.
    """
    raise NotImplementedError


def totals_table(structure: Structure, cost: Cost) -> Table:
    """Returns two columns, name and value: family, attention, nodes, connections, parameters, MACs.

    Says for which number of classes and which clip (frames x height x width) the cost was counted.
    """
    raise NotImplementedError


def connections_frame(structure: Structure) -> pd.DataFrame:
    """Returns one row a connection, in node order, then input order.

    Columns: ``source``, ``target`` (node indices), ``source_level``, ``target_level`` (-1: stem),
    ``stream`` (modality of a source stem, else ""), ``weight`` (post-sigmoid; NaN where none is
    learned), ``state`` (``learned``, ``free`` or ``fixed``: no weight, coefficient 1), ``peers``
    (``"2:0.70 3:0.30"``).
    """
    raise NotImplementedError


def connections_table(structure: Structure, *, limit: int | None = None) -> Table:
    """Returns the connections, strongest first, ``limit`` rows at most (the rest is counted)."""
    raise NotImplementedError


def prune_table(pruned: Pruned) -> Table:
    """Returns what pruning did: removed connections, dead nodes, repairs, changed shapes."""
    raise NotImplementedError


def metrics_table(rows: Sequence[Mapping[str, object]], *, title: str = "metrics") -> Table:
    """Returns one row a mapping (a column per key, in order of first appearance).

    Floats show four significant digits, missing and NaN values a dash.
    """
    raise NotImplementedError
