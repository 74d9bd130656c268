"""Where an evolution begins: a structure without anything that was learned or pinned."""

from __future__ import annotations

from dataclasses import replace

from connsearch.errors import SettingsError
from connsearch.evolution.structure_editor import StructureEditor
from connsearch.graph.rules import validate
from connsearch.graph.spec import FREE, Attention, Structure


def unlearned(structure: Structure) -> Structure:
    """Returns the structure with free weights, without peers and pinned shapes; nodes keep order.

    Raises:
        StructureError: the structure breaks a rule.
        SettingsError: its attention is fixed: which peers gate what belongs to its own wiring.

    >>> from connsearch.graph.files import load_structure
    >>> list(unlearned(load_structure("assemblenet-50")).weights().values())[:4]
    [None, None, 'free', 'free']
    """
    validate(structure)
    if structure.network.attention is Attention.FIXED:
        raise SettingsError(
            f"{structure.name}: names the peers of every connection, which no mutation can keep\n"
            "  cure: --attention peer (learned anew in every child), or none"
        )
    offspring = StructureEditor(structure).finish()
    stored = offspring.structure.weights()
    found = offspring.structure.with_weights({e: FREE for e, w in stored.items() if w is not None})
    return replace(found, name=structure.name)
