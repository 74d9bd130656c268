"""Gives values their picture in notebooks, without the values knowing of pictures.

A notebook asks a value for ``_repr_html_``. The rooms that values come from lie below this one and
know nothing of HTML, so the method is given to their classes from here: an attribute, which every
notebook understands (Jupyter, Colab, VS Code, marimo), where a printer that is registered with
IPython would serve only notebooks that run IPython, and only in the process that registered it.
Only classes whose module is loaded already are given one: nothing is imported for it, neither torch
nor the drawing, so :func:`register` may be called as often as a front door hands something out.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

SHOWN: Mapping[str, str] = {
    "connsearch.graph.spec:Structure": "structures:structure_html",
    "connsearch.runs.record:RunRecord": "runs:run_html",
    "connsearch.runs.formats.evaluation:Evaluation": "runs:evaluation_html",
    "connsearch.runs.formats.metrics:Metrics": "runs:metrics_html",
    "connsearch.runs.formats.prune:PruneRecord": "runs:pruned_html",
    "connsearch.runs.formats.analyses:CompareSummary": "analyses:compare_html",
    "connsearch.runs.formats.studies:EvolutionSummary": "analyses:evolution_html",
    "connsearch.analysis.folds:FoldsSummary": "folds:folds_html",
    "connsearch.runs.formats.early_exit:EarlyExitSummary": "early_exit:early_exit_html",
    "connsearch.runs.formats.focus:FocusSummary": "focus:focus_html",
    "connsearch.data.loading.load:DataSplits": "data:data_html",
    "connsearch.training.predicted:PredictedVideos": "predictions:predicted_html",
    "connsearch.training.predicted:Prediction": "predictions:prediction_html",
}
"""Module and class of what shows itself, and the module of this room and function that shows it."""


def register() -> None:
    """Gives each class of :data:`SHOWN` that is loaded its ``_repr_html_``; twice is as once."""
    for name, function in SHOWN.items():
        module, _, kind = name.partition(":")
        loaded = sys.modules.get(module)
        if loaded is not None and hasattr(loaded, kind):
            found = getattr(loaded, kind)
            if "_repr_html_" not in vars(found):
                found._repr_html_ = _shower(function)


def _shower(function: str) -> Any:
    """A method that imports what draws when something is to be drawn."""

    def _repr_html_(self: object) -> str:
        module, _, name = function.partition(":")
        return getattr(import_module(f"connsearch.view.notebook.{module}"), name)(self)

    return _repr_html_
