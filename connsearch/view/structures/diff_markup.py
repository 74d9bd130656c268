"""Words and labels of a picture of two structures; the values before and after stand together."""

from __future__ import annotations

from collections.abc import Iterator

from connsearch.graph.compare import Change, Differences
from connsearch.graph.spec import Peer, Post, Stem, Weight
from connsearch.view.structures.gate_marks import GATE, with_badge
from connsearch.view.structures.legend import (
    badge_entries,
    entry,
    grid,
    header,
    sample,
    word,
)
from connsearch.view.structures.markup import (
    GATED,
    box,
    cell,
    escape,
    filters_text,
    font,
    row,
    small,
    weight_text,
)
from connsearch.view.structures.palette import FAINT, PAPER, PEER, TEXT, pen_width
from connsearch.view.structures.union import INKS, Union, UnionLine, UnionNode

ARROW = "→"


def union_label(union: Union, node: UnionNode) -> str:
    """Returns the label of a node; a block lists its inputs unless the picture is compact."""
    fill = PAPER if node.state == "kept" else node.ink.tint
    if isinstance(node.node, Stem) or union.compact:
        padding = 3 if union.compact else 5
        text = ("<BR/>" if not union.compact else " ").join(_facts(node, short=union.compact))
        text = with_badge(text, _post(node), below=not union.compact)
        return box(row(cell(text, f'PORT="o" CELLPADDING="{padding}"')), node.ink, fill)
    rows = [_input_cells(line) for line in union.inputs(node)]
    told = with_badge("<BR/>".join(_facts(node)), _post(node))
    rows[0] += cell(told, f'PORT="o" ROWSPAN="{len(rows)}" CELLPADDING="5"')
    top = row(cell("", 'COLSPAN="4" HEIGHT="4"')) if len(rows) > 2 else ""
    return box(top + "".join(map(row, rows)) + top, node.ink, fill)


def union_tooltip(node: UnionNode) -> str:
    """Returns what a browser shows when the pointer rests on a node."""
    places = {"A": node.before, "B": node.after}
    where = " and ".join(f"node {n} in {name}" for name, n in places.items() if n is not None)
    role = [node.role] if node.role else []
    return "; ".join([f"{where}: {node.state}", *role, *(change_text(c) for c in node.changes)])


def line_tooltip(line: UnionLine) -> str:
    """Returns what a browser shows when the pointer rests on a connection."""
    told = [change_text(change) for change in line.changes]
    if not told:
        weight = line.weights[line.state == "added"]
        told = [f"weight {value_text(weight, exact=True)}"]
        told += ["with a temporal gate"] if line.gated else []
    return f"{line.source.label} to {line.target.label}: {line.state}, {', '.join(told)}"


def change_text(change: Change, *, exact: bool = True) -> str:
    """Returns a change in words.

    >>> change_text(Change("filters", 6, 8))
    'filters 6 → 8'
    """
    before, after = (value_text(value, exact=exact) for value in (change.before, change.after))
    return f"{change.name} {before} {ARROW} {after}"


def value_text(value: object, *, exact: bool = False) -> str:
    """Returns a value as people read it: weights with two digits, or six if ``exact``.

    >>> value_text(None), value_text((8, 8, 4)), value_text(0.5), value_text((Peer(3, 0.25),))
    ('none', '8·8·4', '0.50', '3:0.25')
    """
    if isinstance(value, tuple):
        parts: tuple[object, ...] = value
        if parts and all(isinstance(part, Peer) for part in parts):
            return " ".join(f"{p.node}:{p.coefficient:.2f}" for p in parts if isinstance(p, Peer))
        return "·".join(map(str, parts)) or "none"
    if isinstance(value, float):
        return f"{value:.6g}" if exact else f"{value:.2f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def weights_text(before: Weight, after: Weight) -> str:
    """Returns both weights as a node shows them, with as many digits as it takes to part them.

    >>> weights_text(0.5, 0.853), weights_text(0.5, 0.501), weights_text("free", 0.2)
    ('0.50→0.85', '0.500→0.501', 'free→0.20')
    """
    if isinstance(before, str) or isinstance(after, str) or None in (before, after):
        return f"{weight_text(before)}{ARROW}{weight_text(after)}"
    for digits in (2, 3, 4, 5):
        texts = f"{before:.{digits}f}", f"{after:.{digits}f}"
        if texts[0] != texts[1]:
            break
    return ARROW.join(texts)  # pyright: ignore[reportPossiblyUnboundVariable]


def union_header(union: Union, title: str, facts: list[str]) -> str:
    """Returns what stands above the picture: title, counts, ``facts``, key, settings, notes."""
    found = union.differences
    lines = [" · ".join(words) for words in (counts(found), facts) if words]
    key = grid(list(_entries(union)), per_row=max(3, 3 * len(union.columns) // 2))
    settings = [change_text(change) for change in found.settings]
    notes = [" · ".join(settings[n : n + 5]) for n in range(0, len(settings), 5)]
    if found.matching.rule == "order":
        notes.append("nodes are matched by their order within a stream or level")
    if found.matching.rule == "renumbering":
        notes.append("the same up to renumbering")
    if union.hidden:
        notes.append(f"{union.hidden} connections are not drawn")
    return header(title, ["\n".join(lines)], key, notes)


def counts(found: Differences) -> Iterator[str]:
    """Yields how many nodes and connections came, went and changed; only what occurs."""
    if not found:
        yield "no difference"
    for what, parts in (("node", found.nodes), ("connection", found.connections)):
        for state in ("removed", "added", "changed"):
            number = sum(part.state == state for part in parts)
            if number:
                yield f"{number} {what}{'s' if number != 1 else ''} {state}"


def _facts(node: UnionNode, *, short: bool = False) -> Iterator[str]:
    state = "" if node.state == "kept" else node.state
    if isinstance(node.node, Stem):
        state = f"{node.node.modality.upper()} {state}".strip()
    state = ", ".join(filter(None, (state, node.role)))
    yield _title(node, state)
    told = {change.name for change in node.changes}
    if not isinstance(node.node, Stem) and not short and "filters" not in told:
        yield small(f"{filters_text(node.node)} filters")
    if node.node.kind is not None and "kind" not in told:
        yield small(node.node.kind.replace("_", " "))
    for change in node.changes:
        yield font(f"<B>{escape(change_text(change, exact=False))}</B>", 9, TEXT)


def _title(node: UnionNode, state: str) -> str:
    """The first line of a label: the number or numbers, bold, and how the node fares."""
    return f"<B>{node.label}</B>" + (f" {font(escape(state), 10, TEXT)}" if state else "")


def _input_cells(line: UnionLine) -> str:
    """Source, weights and peers of one input; the connection ends at the first cell."""
    names = {change.name for change in line.changes}
    if line.state == "changed" and "weight" in names:
        weight = font(f"<B>{weights_text(*line.weights)}</B>", 9, TEXT)
    else:
        colour = FAINT if line.state in ("kept", "changed") else INKS[line.state].line
        weight = font(weight_text(line.weights[line.state == "added"]), 9, colour)
    peers = " ".join(_peer_text(c) for c in line.changes if c.name in ("top peer", "peers"))
    gate = font(escape(mark), 9, TEXT) if (mark := _gate_text(line)) else ""
    told = f"{gate}{' ' if gate and peers else ''}{font(peers, 9, PEER.line) if peers else ''}"
    port = f'PORT="i{line.source.key}" ALIGN="RIGHT" CELLPADDING="2"'
    return (
        cell(font(line.source.label, 9, FAINT), port)
        + cell(weight, 'ALIGN="LEFT" CELLPADDING="2"')
        + cell(told, 'ALIGN="LEFT" CELLPADDING="1"')
    )


def _gate_text(line: UnionLine) -> str:
    """The mark of a temporal gate, with its sign where it came or went."""
    if any(change.name == "gate" for change in line.changes):
        return f"+{GATE}" if line.gated else f"−{GATE}"
    return GATE if line.gated else ""


def _post(node: UnionNode) -> Post:
    """What follows a block in both; where that differs it stands among the changes."""
    told = any(change.name == "post" for change in node.changes)
    return Post.NONE if told or isinstance(node.node, Stem) else node.node.post


def _peer_text(change: Change) -> str:
    if change.name == "peers":
        return f"{GATED}peers"
    before, after = (value_text(value) for value in (change.before, change.after))
    return f"{GATED}{before}{ARROW}{after}"


def _gate_entries(union: Union) -> Iterator[str]:
    """What stands for temporal gates, as far as it occurs."""
    marks = {_gate_text(line) for line in union.lines}
    if any(line.gated for line in union.lines):
        yield entry(word(GATE), "connection with a temporal gate")
    if not union.compact and marks & {f"+{GATE}", f"−{GATE}"}:
        yield entry(word(f"+{GATE} −{GATE}"), "its gate came, went")
    posts = {_post(node) for _, nodes in union.columns for node in nodes}
    yield from badge_entries(posts)


def _entries(union: Union) -> Iterator[str]:
    states = {line.state for line in union.lines} | {
        node.state for _, nodes in union.columns for node in nodes
    }
    if "kept" in states:
        yield entry(sample(INKS["kept"].line, 2), "in both")
    if "changed" in states:
        widths = (pen_width(w, compact=union.compact) for w in (0.1, 0.5, 1.0))
        samples = "".join(sample(INKS["changed"].line, width, 12) for width in widths)
        yield entry(samples, "weight changed by 0.1, 0.5, 1")
    if "removed" in states:
        yield entry(sample(INKS["removed"].line, 2, style="DASHED"), "only in A: removed")
    if "added" in states:
        yield entry(sample(INKS["added"].line), "only in B: added")
    if any(c.name in ("top peer", "peers") for line in union.lines for c in line.changes):
        yield entry(word(f"{GATED}3{ARROW}5"), "another peer gates it")
    yield from _gate_entries(union)
    if union.gates:
        dotted = sample(PEER.line, 1.5, style="DOTTED")
        yield entry(dotted, "of a node that is peer only: it gates")
    labels = [node.label for _, nodes in union.columns for node in nodes]
    if any(ARROW in label for label in labels):
        yield entry(word(f"7{ARROW}5"), "number in A and in B")
