"""The head of a picture: title, one line of facts, a key of what occurs in it, what is left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from connsearch.graph.spec import FREE, Post
from connsearch.view.structures.gate_marks import GATE, OPENED, POST_KEYS, badge, gate_facts
from connsearch.view.structures.markup import GATED, clean, escape, font, table
from connsearch.view.structures.palette import DEAD, FAINT, MIXED, PEER, STREAMS, TEXT, pen_width
from connsearch.view.structures.scene import Scene


def header_label(scene: Scene, title: str) -> str:
    """Returns the label that stands above the picture."""
    entries = list(scene.key) or list(entries_of(scene))
    key = grid(entries, per_row=max(3, 3 * len(scene.columns) // 2))
    return header(title, _facts(scene), key, scene.notes)


def header(title: str, facts: Iterable[str], key: str, notes: Iterable[str]) -> str:
    """Returns a label of a title, a line of facts, a finished key and notes, one below another.

    A fact may hold a line break.
    """
    title = clean(title)
    rows = [font(f"<B>{escape(title)}</B>", 16, TEXT)] if title else []
    rows += [font(escape(line), 10, FAINT) for line in " · ".join(facts).split("\n")]
    rows.append(key)
    rows += [font(escape(note), 9, TEXT) for note in notes]
    cells = "".join(f'<TR><TD ALIGN="LEFT" CELLPADDING="2">{row}</TD></TR>' for row in rows)
    return f"<{table(cells)}>"


def _facts(scene: Scene) -> Iterator[str]:
    structure = scene.structure
    yield structure.family
    yield f"{len(structure) - len(scene.gone)} nodes"
    yield f"{len(structure.edges())} connections"
    if scene.dead:
        yield f"{len(scene.dead)} dead"
    yield f"attention: {structure.network.attention}"
    yield from gate_facts(structure)


def entries_of(scene: Scene) -> Iterator[str]:
    """Yields the entries of a picture's key, a sample and its meaning each; only what occurs."""
    lines = scene.lines
    for modality in scene.structure.modalities():
        yield entry(sample(STREAMS[modality].line), modality.value)
    if any(line.colour == MIXED.line for line in lines):
        yield entry(sample(MIXED.line), "several streams")
    widths = (pen_width(weight, compact=scene.compact) for weight in (0.1, 0.5, 1.0))
    yield entry("".join(sample(MIXED.line, width, 12) for width in widths), "weight 0.1, 0.5, 1")
    if any(line.below for line in lines):
        yield entry(sample(MIXED.line, 1.5, style="DASHED"), f"below {scene.threshold:g}")
    if scene.dead:
        yield entry(sample(DEAD.line), "dead, no effect")
    if scene.gates:
        dotted = sample(PEER.line, 1.5, style="DOTTED")
        yield entry(dotted, "peer attention" if scene.compact else f"{GATED}n gated by node n")
    yield from _gate_entries(scene)
    if any(old != new for old, new in scene.after.items()):
        yield entry(word("7→5"), "number before and after pruning")
    if any(new != old for new, old in scene.before.items()):
        yield entry(word("was 7"), "number before pruning")
    if scene.compact:
        return
    if any(len(scene.shares[line.edge.target]) > 1 for line in lines):
        streams = scene.structure.modalities()
        bar = "".join(sample(STREAMS[modality].line, 4, 11) for modality in streams)
        yield entry(bar, "streams in a block")
    weights = [line.weight for line in lines]
    if FREE in weights:
        yield entry(word("free"), "not learned yet")
    if None in weights:
        yield entry(word("always"), "coefficient 1")


def _gate_entries(scene: Scene) -> Iterator[str]:
    """What stands for temporal gates, as far as it occurs."""
    gated = [line for line in scene.lines if line.gated]
    if gated:
        mark = word(GATE) if scene.compact else sample(MIXED.line, 2, 14) + word(GATE)
        yield entry(mark, "connection with a temporal gate")
    if any(line.opened for line in scene.lines) and not scene.compact:
        yield entry(word(OPENED), "its gate is gone: always adds")
    blocks = dict(scene.structure.blocks())
    shown = {node for _, nodes in scene.columns for node in nodes} - scene.gone
    posts = {blocks[node].post for node in shown if node in blocks}
    yield from badge_entries(posts)
    if scene.open_rates:
        yield entry(word("63%"), "a gate is open for 63% of the val clips")


def badge_entries(posts: Collection[Post]) -> Iterator[str]:
    """Yields the entries for the badges of what follows blocks."""
    for post, meaning in POST_KEYS.items():
        if post in posts:
            yield entry(f'<TD ALIGN="LEFT">{badge(post)}</TD>', meaning)


def grid(entries: list[str], *, per_row: int) -> str:
    """Returns finished entries in rows."""
    rows = [entries[start : start + per_row] for start in range(0, len(entries), per_row)]
    return table("".join(f"<TR>{''.join(row)}</TR>" for row in rows))


def entry(samples: str, meaning: str) -> str:
    """Returns the cells of a sample and what it means."""
    text = f'<TD ALIGN="LEFT">{font(escape(meaning), 9, TEXT)}</TD>'
    drawn = f'<TD ALIGN="LEFT">{table(f"<TR>{samples}</TR>")}</TD>'
    return f'{drawn}<TD WIDTH="4"></TD>{text}<TD WIDTH="14"></TD>'


def word(text: str) -> str:
    """Returns a cell with a bold word."""
    return f'<TD ALIGN="LEFT">{font(f"<B>{escape(text)}</B>", 9, TEXT)}</TD>'


def sample(colour: str, width: float = 3.0, length: int = 24, style: str = "SOLID") -> str:
    """Returns a cell with a line at half its height."""
    line = (
        f'<TR><TD WIDTH="{length}" HEIGHT="6" FIXEDSIZE="TRUE" SIDES="B" BORDER="{round(width)}" '
        f'COLOR="{colour}" STYLE="{style}"></TD></TR><TR><TD HEIGHT="5"></TD></TR>'
    )
    return f'<TD ALIGN="LEFT" CELLPADDING="1">{table(line)}</TD>'
