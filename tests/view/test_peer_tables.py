"""Tables of peer attention say every connection and every block."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from connsearch.oneshot.peers import peer_report
from connsearch.view.structures.peer_tables import peer_blocks_table, peer_mixtures_table
from tests.oneshot.test_peers import attending, everybody


def printed(table: Any) -> str:
    file = io.StringIO()
    Console(file=file, width=80, force_terminal=False).print(table)
    return file.getvalue()


def test_every_connection_and_block_stands_in_the_tables() -> None:
    structure = attending(everybody(attending({}), 4))
    report = peer_report(structure)
    mixtures = printed(peer_mixtures_table(report))
    for edge in structure.edges():
        assert f"{edge.source}->{edge.target} " in mixtures
    assert "4:0.97" in mixtures
    assert "and 8 more" in mixtures
    blocks = printed(peer_blocks_table(report))
    assert blocks.count("collapsed onto one peer") == len(report.blocks) == 7
    assert "3 of 3" in blocks


def test_undecided_blocks_are_not_called_collapsed() -> None:
    blocks = printed(peer_blocks_table(peer_report(attending({}))))
    assert "collapsed" not in blocks
    assert "all the same" in blocks
