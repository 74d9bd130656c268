"""Graphviz's HTML-like labels for nodes; every text in them is cleaned and escaped here."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence

from connsearch.graph.families import kind_name, own_kind
from connsearch.graph.gates import post_gate_name
from connsearch.graph.spec import FREE, Block, Modality, Stem, Weight
from connsearch.graph.temporal import has_dilation
from connsearch.view.structures.gate_marks import (
    gate_mark,
    inner_rates_text,
    post_words,
    with_badge,
)
from connsearch.view.structures.palette import DEAD, FAINT, MIXED, PAPER, PEER, STREAMS, TEXT, Ink
from connsearch.view.structures.scene import Line, Scene

LONGEST_TITLE = 90
GATED = "⊙"
_BLANK = '<FONT POINT-SIZE="9">&#160;</FONT>'
_BAR = 110  # width of the bar of streams, in points
_HEADS = {"average": "average over time", "softmax": "softmax over time"}


def clean(text: str, limit: int = LONGEST_TITLE) -> str:
    r"""Returns one printable line of at most ``limit`` characters.

    Line breaks become spaces; characters no picture format can hold become a question mark.

    >>> clean("two\nlines\x00")
    'two lines?'
    """
    line = " ".join(text.split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def escape(text: str) -> str:
    """Returns ``text`` for the inside of an HTML-like label.

    Graphviz would put the graph's name in place of a backslash and a G (and the like), even for
    ``&#92;``; a space of no width parts the two.

    >>> escape('a <b> & "c"')
    'a &lt;b&gt; &amp; &quot;c&quot;'
    """
    return html.escape(text).replace("\\", "\\&#8203;")


def weight_text(weight: Weight, threshold: float = 0.5) -> str:
    """Returns a weight as a node shows it: two digits, more where they would hide its side.

    >>> weight_text(0.8465), weight_text(0.4982), weight_text("free"), weight_text(None)
    ('0.85', '0.498', 'free', 'always')
    """
    if weight is None:
        return "always"
    if weight == FREE:
        return "free"
    for digits in (2, 3, 4):
        text = f"{weight:.{digits}f}"
        if (float(text) < threshold) == (weight < threshold):
            return text
    return f"{weight:.6f}"


def node_label(scene: Scene, index: int) -> str:
    """Returns the label of a node; a block lists its inputs unless the scene is compact."""
    node = scene.structure.nodes[index]
    ink = node_ink(scene, index)
    if isinstance(node, Stem):
        facts = _stem_facts(scene, index, node)
        lines = [node_title(_number(scene, index), _words(scene, index)), *map(small, facts)]
        port = f'PORT="o" CELLPADDING="5" {_facts_room(scene, index)}'
        return box(row(cell("<BR/>".join(lines), port)), ink, ink.tint)
    if scene.compact:
        facts = small(" · ".join(_short_facts(node)))
        text = f"{node_title(_number(scene, index), _words(scene, index))} {facts}"
        text = with_badge(text, node.post, _post_rate(scene, index), below=False)
        return box(row(cell(text, 'PORT="o" CELLPADDING="3"')), ink, ink.tint)
    return _block_label(scene, index, node, ink)


def output_label(scene: Scene) -> str:
    """Returns the label of the output node, which says how the head pools over time."""
    text = f"<B>output</B><BR/>{small(_HEADS[scene.structure.network.head])}"
    return box(row(cell(text, 'PORT="i" CELLPADDING="5"')), MIXED, MIXED.tint)


def node_ink(scene: Scene, index: int) -> Ink:
    """Returns a node's colour: dead, else its only stream, else mixed."""
    if index in scene.dead:
        return DEAD
    streams = list(scene.shares[index])
    return STREAMS[streams[0]] if len(streams) == 1 else MIXED


def node_title(number: str, word: str = "") -> str:
    """Returns the first line of a label: the number, bold, and a word."""
    word = f" {font(escape(word), 10, TEXT)}" if word else ""
    return f"<B>{number}</B>{word}"


def _number(scene: Scene, index: int) -> str:
    """A node's number, and the one it has after pruning where that is another."""
    after = scene.after.get(index, index)
    return str(index) if after == index else f"{index}→{after}"


def _words(scene: Scene, index: int) -> str:
    """What stands beside the number: the stream of a stem, a state, the number before pruning."""
    node, before = scene.structure.nodes[index], scene.before.get(index, index)
    stream = node.modality.upper() if isinstance(node, Stem) else ""
    was = "" if before == index else f"was {before}"
    return " ".join(filter(None, (stream, _state(scene, index), was)))


def node_tooltip(scene: Scene, index: int) -> str:
    """Returns what a browser shows when the pointer rests on a node."""
    node = scene.structure.nodes[index]
    width = scene.widths.get(index)
    parts = [f"node {index}", _state(scene, index)]
    if index in scene.after:
        parts.append(f"number {scene.after[index]} after pruning")
    if scene.before.get(index, index) != index:
        parts.append(f"number {scene.before[index]} before pruning")
    if isinstance(node, Stem):
        parts += [f"{node.modality} stem", *_stem_facts(scene, index, node)]
    else:
        parts += [kind_name(scene.structure, node), *_block_facts(scene, index, node, width)]
        parts.append(post_words(node, _post_rate(scene, index)))
        shares = scene.shares[index].items()
        parts.append("streams by weight: " + " ".join(f"{m} {part:.0%}" for m, part in shares))
    return ", ".join(part for part in parts if part)


def font(text: str, size: float, colour: str) -> str:
    """Returns marked-up ``text`` in a size (points) and colour."""
    return f'<FONT POINT-SIZE="{size:g}" COLOR="{colour}">{text}</FONT>'


def table(rows: str, attributes: str = "") -> str:
    """Returns a table without borders around finished rows."""
    base = 'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'
    return f"<TABLE {base} {attributes}>{rows}</TABLE>"


def filters_text(block: Block) -> str:
    """Returns a block's filters as text; a triple is joined by dots."""
    filters = block.filters
    return "·".join(map(str, filters)) if isinstance(filters, tuple) else str(filters)


def _block_label(scene: Scene, index: int, block: Block, ink: Ink) -> str:
    """Inputs with weights on the left, each a port; facts on the right, the streams below."""
    drawn, rooms = scene.inputs(index), _input_rooms(scene, index)
    lines = {line.edge: _input_cells(line, scene.threshold, rooms) for line in drawn}
    lines |= {ghost.edge: _empty_cells(ghost, rooms) for ghost in _ghosts(scene, index)}
    rows = [lines[edge] for edge in sorted(lines)]
    if not rows:
        rows.append(cell(small("no inputs"), 'COLSPAN="3" CELLPADDING="3"'))
    marked = any(gate.target == index for gate in scene.gates)
    if marked or any(gate.target == index for gate in scene.ghost_gates):
        mark = font(f"{GATED} peers", 9, PEER.line) if marked else _BLANK
        rows.append(cell(mark, 'PORT="p" COLSPAN="3" ALIGN="LEFT" CELLPADDING="2"'))
    facts = _facts_lines(scene, index, block)
    facts = [node_title(_number(scene, index), _words(scene, index)), *map(small, facts)]
    port = f'PORT="o" ROWSPAN="{len(rows)}" CELLPADDING="5" {_facts_room(scene, index)}'
    told = with_badge("<BR/>".join(facts), block.post, _post_rate(scene, index))
    rows[0] += cell(told, port)
    top = row(cell("", 'COLSPAN="4" HEIGHT="4"')) if len(rows) > 2 else ""
    body = top + "".join(map(row, rows)) + _bar(scene.shares[index])
    return box(body, ink, PAPER if ink is not DEAD else ink.tint)


def _input_cells(line: Line, threshold: float, rooms: Sequence[str]) -> str:
    """Source, weight and gating peers of one input; the connection ends at the first cell."""
    weight = weight_text(line.weight, threshold)
    number = font(weight, 9, FAINT) if line.below else font(f"<B>{weight}</B>", 9, TEXT)
    gate, peers = _gate_text(line), _peers_text(line)
    marks = (
        font(escape(gate), 9, FAINT if line.below else TEXT) + (" " if peers else "")
        if gate
        else ""
    )
    marks += font(peers, 9, PEER.line) if peers else ""
    port = f'PORT="i{line.edge.source}" ALIGN="RIGHT" CELLPADDING="2" {rooms[0]}'
    return (
        cell(font(str(line.edge.source), 9, FAINT), port)
        + cell(number, f'ALIGN="LEFT" CELLPADDING="2" {rooms[1]}')
        + cell(marks, f'ALIGN="LEFT" CELLPADDING="1" {rooms[2]}')
    )


def _empty_cells(line: Line, rooms: Sequence[str]) -> str:
    """As much room as the input takes in the picture beside this one."""
    port = f'PORT="i{line.edge.source}" CELLPADDING="2" {rooms[0]}'
    weight = cell(_BLANK, f'CELLPADDING="2" {rooms[1]}')
    return cell(_BLANK, port) + weight + cell("", f'CELLPADDING="1" {rooms[2]}')


def _peers_text(line: Line) -> str:
    return "" if line.below else " ".join(f"{GATED}{peer.node}" for peer in line.peers)


def _gate_text(line: Line) -> str:
    return gate_mark(gated=line.gated, open_rate=line.open_rate, opened=line.opened)


def _ghosts(scene: Scene, index: int) -> list[Line]:
    return [line for line in scene.ghosts if line.edge.target == index]


def _input_rooms(scene: Scene, index: int) -> tuple[str, str, str]:
    """Widths of the columns of inputs that hold both of two pictures; none where there is one."""
    if scene.beside is None:
        return "", "", ""
    lines = [*scene.inputs(index), *scene.beside.inputs(index)]
    columns = (
        [str(line.edge.source) for line in lines],
        [weight_text(line.weight, scene.threshold) for line in lines],
        [" ".join(filter(None, (_gate_text(line), _peers_text(line)))) for line in lines],
    )
    source, weight, peers = (max(map(len, column), default=0) for column in columns)
    return f'WIDTH="{7 * source + 4}"', f'WIDTH="{7 * weight + 4}"', f'WIDTH="{7 * peers + 2}"'


def _facts_lines(scene: Scene, index: int, block: Block) -> list[str]:
    kind = kind_name(scene.structure, block).replace("_", " ")
    return [kind, *_block_facts(scene, index, block, scene.widths.get(index))]


def _facts_room(scene: Scene, index: int) -> str:
    """The width that holds the facts of both of two pictures; none where there is one."""
    if scene.beside is None:
        return ""
    needed = [60]
    for one in (scene, scene.beside):
        node = one.structure.nodes[index]
        title = 9 * len(_number(one, index)) + 7 * len(_words(one, index))
        lines = (
            _stem_facts(one, index, node)
            if isinstance(node, Stem)
            else _facts_lines(one, index, node)
        )
        needed += [title + 16, *(round(5.8 * len(line)) + 12 for line in lines)]
    return f'WIDTH="{max(needed)}"'


def _bar(shares: Mapping[Modality, float]) -> str:
    """A thin bar at the foot of a block: how much of each stream reaches it."""
    parts = [(STREAMS[m].line, max(round(_BAR * part), 2)) for m, part in shares.items()]
    if not parts:
        return ""
    size = 'HEIGHT="4" FIXEDSIZE="TRUE"'
    cells = "".join(cell("", f'WIDTH="{w}" {size} BGCOLOR="{colour}"') for colour, w in parts)
    return row(cell(table(row(cells)), 'COLSPAN="4" CELLPADDING="4"'))


def _state(scene: Scene, index: int) -> str:
    if index in scene.dead:
        return "dead"
    return "peer only" if index in scene.peer_only else ""


def _stem_facts(scene: Scene, index: int, stem: Stem) -> list[str]:
    kind, width = own_kind(scene.structure, stem), scene.widths.get(index)
    facts = [] if kind is None else [kind.replace("_", " ")]
    if has_dilation(scene.structure, stem):
        facts.append(f"dilation {stem.temporal_dilation}")
    facts += [f"{width} channels"] if width is not None else []
    return facts + list(filter(None, [_pace(scene, index)]))


def _block_facts(scene: Scene, index: int, block: Block, width: int | None) -> list[str]:
    out = "" if width is None else f" → {width}"
    stride = f"dilation {block.temporal_dilation}, stride {block.spatial_stride}"
    facts = [f"{filters_text(block)}{out} filters", stride]
    if block.temporal_stride != 1:
        facts.append(f"stride in time {block.temporal_stride}")
    return facts + list(filter(None, (_pace(scene, index), _inner_rates(scene, index))))


def _pace(scene: Scene, index: int) -> str:
    pace = scene.paces.get(index)
    return "" if pace is None else f"1/{pace} of the frames"


def _inner_rates(scene: Scene, index: int) -> str:
    return inner_rates_text(scene.open_rates, index)


def _short_facts(block: Block) -> Iterator[str]:
    yield filters_text(block)
    yield f"d{block.temporal_dilation}"
    yield f"s{block.spatial_stride}"
    if block.temporal_stride != 1:
        yield f"t{block.temporal_stride}"


def _post_rate(scene: Scene, index: int) -> float | None:
    return scene.open_rates.get(post_gate_name(index))


def small(text: str) -> str:
    """Returns ``text``, escaped, small and grey."""
    return font(escape(text), 9, FAINT)


def cell(content: str, attributes: str = "") -> str:
    """Returns a cell around finished markup."""
    return f"<TD {attributes}>{content}</TD>"


def row(cells: str) -> str:
    """Returns a row around finished cells."""
    return f"<TR>{cells}</TR>"


def box(rows: str, ink: Ink, fill: str) -> str:
    """Returns a node's whole label: finished rows in a rounded frame."""
    style = f'STYLE="ROUNDED" COLOR="{ink.line}" BGCOLOR="{fill}"'
    base = 'BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1"'
    return f"<<TABLE {base} {style}>{rows}</TABLE>>"
