"""Tables of peer attention for people: every connection's mixture, and what a block agrees on."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from connsearch.oneshot.alarms import UNIFORM
from connsearch.oneshot.peers import BlockPeers, Mixture, PeerReport
from connsearch.pruning.scores import name_edges

TOP = 3
"""Peers shown of each connection."""


def peer_mixtures_table(report: PeerReport) -> Table:
    """Returns one row a connection: entropy share, effective number of peers, strongest peers."""
    caption = f"entropy: share of the largest, above {UNIFORM} near-uniform (dim)"
    table = _table("peer mixtures", caption)
    for heading in ("connection", "entropy", "effective"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("strongest peers (node:coefficient)")
    for mixture in report.mixtures:
        table.add_row(*_mixture(mixture))
    return table


def peer_blocks_table(report: PeerReport) -> Table:
    """Returns one row a block: its connections, the peer most of them put first, how many do."""
    table = _table("peers of blocks", None)
    for heading in ("block", "connections", "peer", "agree"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for block in report.blocks:
        counts = (str(block.node), str(block.mixtures), str(block.top))
        table.add_row(*counts, f"{block.agreeing} of {block.mixtures}", _verdict(block))
    return table


def _mixture(mixture: Mixture) -> Iterator[Text]:
    style = "dim" if mixture.uniform else ""
    shown = " ".join(f"{peer.node}:{peer.coefficient:.2f}" for peer in mixture.peers[:TOP])
    rest = len(mixture.peers) - TOP
    yield Text(name_edges([mixture.edge]), style)
    yield Text(f"{mixture.entropy_share:.3f}", style)
    yield Text(f"{mixture.effective:.2f} of {len(mixture.peers)}", style)
    yield Text(f"{shown} and {rest} more" if rest > 0 else shown, style)


def _verdict(block: BlockPeers) -> str:
    if block.collapsed:
        return "collapsed onto one peer"
    return "all the same" if block.agree and block.mixtures > 1 else ""


def _table(title: str, caption: str | None) -> Table:
    return Table(
        box=SIMPLE_HEAD,
        title=Text(title),
        caption=None if caption is None else Text(caption),
        title_justify="left",
        caption_justify="left",
        pad_edge=False,
    )
