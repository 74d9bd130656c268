"""Neural connectivity search for multi-stream video networks.

The names below are the front door: structures, data, runs, and one function for each kind of work.
Importing this package takes milliseconds; what a name needs is imported when it is first used.

>>> import connsearch
>>> structure = connsearch.load_structure("starter")
>>> len(structure.edges())
20
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing for this name would take most of the time

if TYPE_CHECKING:
    from typing import Any

    from connsearch.graph.spec import Structure
    from connsearch.models.catalogue import create_model, list_models
    from connsearch.nn.modules import GateTest, PeerGate, StreamFusion, TemporalGate
    from connsearch.workflows.compare import compare
    from connsearch.workflows.draw import draw
    from connsearch.workflows.early_exit import early_exit
    from connsearch.workflows.evaluate import evaluate
    from connsearch.workflows.evolve import evolve
    from connsearch.workflows.load import load_data, load_run, load_structure
    from connsearch.workflows.predict import predict
    from connsearch.workflows.prune import prune
    from connsearch.workflows.search import search
    from connsearch.workflows.train import train

__version__ = "0.1.0"

_DOOR = {
    "load_structure": "workflows.load",
    "load_data": "workflows.load",
    "load_run": "workflows.load",
    "search": "workflows.search",
    "prune": "workflows.prune",
    "train": "workflows.train",
    "evaluate": "workflows.evaluate",
    "early_exit": "workflows.early_exit",
    "predict": "workflows.predict",
    "compare": "workflows.compare",
    "evolve": "workflows.evolve",
    "draw": "workflows.draw",
    "list_models": "models.catalogue",
    "create_model": "models.catalogue",
    "Structure": "graph.spec",
    "StreamFusion": "nn.modules",
    "PeerGate": "nn.modules",
    "TemporalGate": "nn.modules",
    "GateTest": "nn.modules",
}
"""Where each name of the front door comes from."""

__all__ = [
    "GateTest",
    "PeerGate",
    "StreamFusion",
    "Structure",
    "TemporalGate",
    "compare",
    "create_model",
    "draw",
    "early_exit",
    "evaluate",
    "evolve",
    "list_models",
    "load_data",
    "load_run",
    "load_structure",
    "predict",
    "prune",
    "search",
    "train",
]


def __getattr__(name: str) -> Any:
    """Returns a name of the front door, importing what it needs."""
    if name not in _DOOR:
        raise AttributeError(f"module 'connsearch' has no attribute {name!r}")
    import importlib

    from connsearch.view.notebook.register import register

    found = getattr(importlib.import_module(f"connsearch.{_DOOR[name]}"), name)
    register()  # what was loaded for it shows itself in notebooks
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
