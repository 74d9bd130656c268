"""A structure in a notebook: its wiring as a picture, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.errors import Failure
from connsearch.graph.cost import DEFAULT_CLIP, cost
from connsearch.graph.rules import faults
from connsearch.graph.spec import FREE, Structure
from connsearch.view.console import as_html
from connsearch.view.notebook.card import Html, card, facts, folded, note, warning
from connsearch.view.structures.draw import laid_out, to_dot
from connsearch.view.structures.gate_marks import gate_facts
from connsearch.view.structures.interactive import DARK, alt_text, as_text, parsed
from connsearch.view.structures.tables import short, structure_table

CLASSES = 400
"""Classes that costs are counted for where nobody says otherwise."""

MOST_FAULTS = 5
"""Rules that are named where a structure breaks them."""

_DARK = (
    ":is([data-jp-theme-light=false],.vscode-dark,"
    ".vscode-high-contrast:not(.vscode-high-contrast-light),html[theme=dark])"
)
"""Where JupyterLab, VS Code and Colab say that their theme is dark. What the system prefers does
not matter here: a notebook has a theme of its own."""


def structure_html(structure: Structure) -> Html:
    """Returns the card of a structure: facts, its wiring as SVG, and its nodes to unfold.

    Without Graphviz, or where it fails, the nodes stand in the place of the picture. Of a structure
    that breaks rules the rules are named, and nothing is drawn.
    """
    told = facts(structure_facts(structure))
    return card(structure.name, "structure", told, *wiring(structure))


def wiring(structure: Structure) -> Iterator[Html]:
    """Yields the picture of a structure and its nodes, or why there is no picture."""
    broken = faults(structure)
    if broken:
        yield from (warning(str(fault)) for fault in broken[:MOST_FAULTS])
        return
    nodes = as_html(structure_table(structure), width=110)
    try:
        picture = _picture(structure)
    except (Failure, ImportError, OSError) as error:
        yield note(f"no picture: {error}".partition("\n")[0])
        yield Html(nodes)
        return
    yield picture
    yield folded("nodes", nodes)


def structure_facts(structure: Structure) -> Iterator[tuple[str, object]]:
    """Yields what is said of a structure beside its picture, as names and values.

    What it costs is known only of one that breaks no rule.
    """
    weights = list(structure.weights().values())
    free = sum(weight == FREE for weight in weights)
    learned = len(weights) - free - weights.count(None)
    yield "family", f"{structure.family}, attention {structure.network.attention}"
    yield "streams", ", ".join(structure.modalities())
    yield "nodes", f"{len(structure)} ({sum(1 for _ in structure.stems())} stems)"
    yield "connections", f"{len(weights)} ({learned} with a learned weight, {free} free)"
    if gates := gate_facts(structure):
        yield "gates", ", ".join(gates)
    if not faults(structure):
        found = cost(structure, num_classes=CLASSES, clip=DEFAULT_CLIP)
        clip = " x ".join(map(str, found.clip))
        yield "parameters", f"{short(found.parameters)} for {CLASSES} classes"
        yield "MACs", f"{short(found.macs)} for one clip of {clip}"


def _picture(structure: Structure) -> Html:
    """The picture the report has, without ids, in the light and the dark of notebooks."""
    picture = parsed(laid_out(to_dot(structure), "svg"), label=alt_text(structure))
    for element in picture.iter():
        element.attrib.pop("id", None)
    style = picture.find("style")
    assert style is not None, "a picture for a page has its style"
    style.text = _stylesheet()
    return Html(as_text(picture))


def _stylesheet() -> str:
    dark = "".join(
        f'{_DARK} .wiring [{what}="{light.lower()}"]{{{what}:{shade}}}'
        for light, shade in DARK.items()
        for what in ("fill", "stroke")
    )
    return (
        ".wiring .hit{fill:none;stroke:transparent;stroke-width:10;pointer-events:stroke}"
        ".wiring .edge:hover path:not(.hit){stroke-width:5!important}"
        f"{dark}"
    )
