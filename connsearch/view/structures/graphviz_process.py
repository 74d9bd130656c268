"""Graphviz in a process of its own: a source comes in, a picture with all its lines goes out.

The only file that knows pygraphviz, which carries Graphviz in its wheel. Graphviz gives up on a
line that it cannot route (between two record-shaped nodes of one rank, for example), says so among
its own chatter, and returns a picture without it. So the lines in the picture are counted.
"""

from __future__ import annotations

import html
import re
import sys
from collections import Counter
from typing import Any

_LINE = re.compile(rb'<g id="[^"]*" class="edge[ "][^>]*>\s*<title>([^<]*)</title>')


def main() -> int:
    """Returns the exit status: 0 with the picture, 3 where a line is not in it."""
    import pygraphviz

    graph: Any = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode("utf-8"))
    asked = Counter(
        f"{edge[0]}->{edge[1]}" for edge in graph.edges() if edge.attr["style"] != "invis"
    )
    picture, drawn = laid_out(graph, sys.argv[1])
    graph.close()
    lost = asked - drawn
    if lost:
        shown = ", ".join(sorted(lost)[:5])
        print(f"{lost.total()} of {asked.total()} lines were lost: {shown}", file=sys.stderr)
        return 3
    sys.stdout.buffer.write(picture)
    return 0


def laid_out(graph: Any, suffix: str) -> tuple[bytes, Counter[str]]:
    """Returns the picture of a graph, and the lines in it."""
    from pygraphviz import graphviz

    context = graphviz.gvContextWithBuiltins()
    if graphviz.gvLayout(context, graph.handle, b"dot"):
        raise ValueError("Graphviz could not lay the picture out")
    try:
        svg = _rendered(context, graph, b"svg")
        picture = svg if suffix == "svg" else _rendered(context, graph, suffix.encode())
    finally:
        graphviz.gvFreeLayout(context, graph.handle)
        graphviz.gvFreeContext(context)
    titles = (html.unescape(title.decode()) for title in _LINE.findall(svg))
    return picture, Counter(_without_ports(title) for title in titles)


def _without_ports(title: str) -> str:
    """A line's ends without the places at them: ``2:o:e->5:i2:w`` is ``2->5``."""
    return "->".join(end.partition(":")[0] for end in title.split("->"))


def _rendered(context: Any, graph: Any, suffix: bytes) -> bytes:
    from pygraphviz import graphviz

    status, picture = graphviz.gvRenderData(context, graph.handle, suffix)
    if status:
        raise ValueError(f"Graphviz could not write {suffix.decode()}: status {status}")
    return picture


if __name__ == "__main__":
    sys.exit(main())
