"""How pictures and tables show temporal gates: the mark of a connection, the badge of a block.

Words and shapes carry the meaning, no colour does: a picture tells the same in print.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import lru_cache

from connsearch.graph.families import block_kind
from connsearch.graph.gates import post_gate_name
from connsearch.graph.kinds import BlockKind, BlockModule
from connsearch.graph.layers import Gate
from connsearch.graph.spec import Block, Post, Structure
from connsearch.view.structures.palette import PAPER, TEXT

GATE = "⋈"
"""Stands beside the weight of a connection that has a temporal gate: the sign of a valve."""

OPENED = f"no {GATE}"
"""Stands beside the weight of a connection that has lost its gate in pruning."""

POSTS: dict[Post, str] = {Post.SR: "SR", Post.SRTG: "SRTG"}
"""What a badge says of what follows a block."""

POST_KEYS: dict[Post, str] = {
    Post.SR: "squeeze and recursion",
    Post.SRTG: "squeeze and recursion with a temporal gate",
}
"""What the key says of a badge."""

_MEANINGS: dict[Post, str] = {
    Post.SR: "squeeze and recursion follow",
    Post.SRTG: "squeeze and recursion behind a temporal gate follow",
}


def rate_text(rate: float) -> str:
    """Returns an open rate in whole percent; what is not quite none or all says so.

    >>> rate_text(0.634), rate_text(0.0), rate_text(0.002), rate_text(0.999), rate_text(1.0)
    ('63%', '0%', '<1%', '>99%', '100%')
    """
    if 0.0 < rate < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= rate < 1.0 else f"{100 * rate:.0f}%"


def gate_mark(*, gated: bool, open_rate: float | None = None, opened: bool = False) -> str:
    """Returns the mark beside the weight of a connection; empty where it has no gate.

    >>> gate_mark(gated=True), gate_mark(gated=True, open_rate=0.634), gate_mark(gated=False)
    ('⋈', '⋈63%', '')
    """
    if not gated:
        return OPENED if opened else ""
    return GATE if open_rate is None else f"{GATE}{rate_text(open_rate)}"


def gate_words(*, gated: bool, open_rate: float | None, opened: bool = False) -> str:
    """Returns what is said of the temporal gate of a connection; empty where it has none.

    >>> gate_words(gated=True, open_rate=0.634)
    'with a temporal gate, open for 63% of the clips'
    """
    if opened:
        return "its temporal gate is gone: it always adds"
    if not gated:
        return ""
    rate = "" if open_rate is None else f", open for {rate_text(open_rate)} of the clips"
    return f"with a temporal gate{rate}"


def post_words(block: Block, open_rate: float | None = None) -> str:
    """Returns what is said of what follows a block; empty where nothing does.

    >>> post_words(Block(0, (), 8, post=Post.SRTG), 0.5)
    'squeeze and recursion behind a temporal gate follow, open for 50% of the clips'
    """
    rate = "" if open_rate is None else f", open for {rate_text(open_rate)} of the clips"
    told = _MEANINGS.get(block.post, "")
    return told + rate if told else ""


def badge(post: Post, open_rate: float | None = None) -> str:
    """Returns the badge of what follows a block, as a finished table: dark where it has a gate.

    Its open rate stands in it where it is known.
    """
    word, dark = POSTS[post], post is Post.SRTG
    word += "" if open_rate is None else f" {rate_text(open_rate)}"
    base = 'BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" STYLE="ROUNDED"'
    paint = f'COLOR="{TEXT}" BGCOLOR="{TEXT if dark else PAPER}"'
    ink, width = (PAPER if dark else TEXT), 6 * len(word) + 12
    outer, inner = (f'FIXEDSIZE="TRUE" WIDTH="{width - n}" HEIGHT="{14 - n}"' for n in (0, 2))
    words = f'<FONT POINT-SIZE="8" COLOR="{ink}"><B>{html.escape(word)}</B></FONT>'
    return f"<TABLE {base} {paint} {outer}><TR><TD {inner}>{words}</TD></TR></TABLE>"


def with_badge(text: str, post: Post, open_rate: float | None = None, *, below: bool = True) -> str:
    """Returns marked-up ``text`` with the badge of what follows a block, below or behind it.

    Where nothing follows, that is the text itself. With a badge it is a table, and has to be all
    that its cell holds.
    """
    if post is Post.NONE:
        return text
    mark = badge(post, open_rate)
    rows = f'<TR><TD>{text}</TD><TD WIDTH="5"></TD><TD>{mark}</TD></TR>'
    if below:
        rows = f'<TR><TD VALIGN="BOTTOM">{text}</TD></TR>'
        rows += f'<TR><TD VALIGN="TOP" CELLPADDING="3">{mark}</TD></TR>'
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}</TABLE>'


def gate_facts(structure: Structure) -> list[str]:
    """Returns what the head of a picture says of gates: how many, and whether they decide.

    >>> from connsearch.graph.files import load_structure
    >>> gate_facts(load_structure("starter"))
    []
    """
    posts = [block.post for _, block in structure.blocks() if block.post is not Post.NONE]
    gated = sum(connection.gated for _, connection in structure.connections())
    found = [f"{posts.count(post)} {word}" for post, word in POSTS.items() if posts.count(post)]
    inner = sum(inner_gates(structure, block) for _, block in structure.blocks())
    if inner:
        found.append(f"{inner} block{'' if inner == 1 else 's'} with gates inside")
    if gated:
        found.append(f"{gated} gated connection{'' if gated == 1 else 's'}")
    if gated or inner or Post.SRTG in posts:
        found.append("gates decide" if structure.gates_decide else "gates always open")
    return found


def inner_gates(structure: Structure, block: Block) -> bool:
    """Returns whether the modules of a block have temporal gates of their own, as its kind says."""
    return _has_gates(block_kind(structure, block), structure.network.blocks[block.level])


@lru_cache(maxsize=256)
def _has_gates(kind: BlockKind, modules: int) -> bool:
    filters = kind.filters.numbers(kind.filters.filled(4))
    width = kind.out_width(filters)
    found = (BlockModule(width, filters, 4, step=step) for step, _ in kind.steps(modules))
    return any(isinstance(layer, Gate) for module in found for layer in kind.layers(module))


def inner_rates_text(open_rates: Mapping[str, float], node: int) -> str:
    """Returns how often the gates inside a block are open, over its modules; empty: not known.

    >>> inner_rates_text({"node 8, module 0": 0.25, "node 8, module 1": 0.5}, 8)
    'gates open 25% to 50%'
    """
    inside = f"{post_gate_name(node)}, "
    rates = sorted(rate for name, rate in open_rates.items() if name.startswith(inside))
    ends = dict.fromkeys(map(rate_text, rates[:1] + rates[-1:]))
    return f"gates open {' to '.join(ends)}" if ends else ""
