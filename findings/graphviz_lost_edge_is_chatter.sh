#!/usr/bin/env bash
# pygraphviz 2.0.4 (Graphviz in its wheel): an edge that dot cannot route is left out, and drawing succeeds.
# Seen: two record-shaped nodes of one rank with an edge from a port to a port. draw() returns an SVG with 1
# of 2 edges; nothing is raised or warned; only the process's stderr has "Error: lost a b edge".
# It matters to whoever draws graphs unattended: a missing edge cannot be told from one that was never there.
# Count the edges in the picture, or use HTML-like labels, with which the same edge is drawn.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pygraphviz==2.0.4
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import warnings

import pygraphviz

warnings.simplefilter("error")
RECORD = """digraph { rankdir=LR; node [shape=record];
  {rank=same; a [label="<p> a|<q> b"]; b [label="<p> a|<q> b"]} a:p -> b:q; c -> a }"""
CELLS = '<<TABLE><TR><TD PORT="p">a</TD></TR><TR><TD PORT="q">b</TD></TR></TABLE>>'
HTML = f"""digraph {{ rankdir=LR; node [shape=plain];
  {{rank=same; a [label={CELLS}]; b [label={CELLS}]}} a:p -> b:q; c -> a }}"""
counts = []
for source in (RECORD, HTML):
    picture = pygraphviz.AGraph(string=source).draw(format="svg", prog="dot")
    counts.append(picture.count(b'class="edge"'))
print(f"edges drawn of 2: records {counts[0]}, HTML-like labels {counts[1]}")
sys.exit(0 if counts == [1, 2] else 1)
PY
