"""A run's curve, gap and comparison as one page: what the commands left, not measured again.

connsearch search ...; connsearch curve RUN; connsearch gap RUN; connsearch compare RUN
python benchmarks/summaries.py RUN --title TITLE --markdown benchmarks/real_clips.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from page import table, write_markdown


def summary(run: Path, name: str) -> dict[str, Any]:
    """Returns what a command left in a run."""
    return json.loads((run / name / "summary.json").read_text())


def accuracy(row: dict[str, Any]) -> str:
    """Returns an accuracy with the interval of one evaluation."""
    return f"{row['accuracy']:.3f} [{row['low']:.2f}, {row['high']:.2f}]"


def curve(run: Path) -> list[str]:
    """Returns the table of accuracy over cost."""
    found = summary(run, "curve")
    whole = found["points"][0]
    rows = [
        (
            str(p["connections"]),
            f"{p['parameters'] / 1e3:.0f} k",
            f"{p['macs'] / 1e6:.1f} M ({p['macs'] / whole['macs']:.0%})",
            f"{p['latency_ms']:.1f} ms ({p['latency_ms'] / whole['latency_ms']:.0%})",
            f"{p['latency_spread']:.0%}",
            accuracy(p),
        )
        for p in found["points"]
    ]
    heads = ("connections", "parameters", "MACs", "latency of a clip", "spread", "val accuracy")
    return [*table(heads, rows), ""]


def gap(run: Path) -> list[str]:
    """Returns the table of what is lost, stage by stage."""
    found = summary(run, "gap")
    stages = list(dict.fromkeys(row["stage"] for row in found["rows"]))
    shares = list(dict.fromkeys(row["share"] for row in found["rows"]))
    rows = []
    for share in shares:
        by_stage = {row["stage"]: row for row in found["rows"] if row["share"] == share}
        last = by_stage[stages[-1]]
        cells = [f"{by_stage[stage]['accuracy']:.3f}" for stage in stages]
        size = (str(last["connections"]), f"{last['macs'] / 1e6:.1f} M", str(last["dead"]))
        rows.append((f"{share}", *cells, *size))
    return [*table(("threshold", *stages, "connections", "MACs", "dead nodes"), rows), ""]


def compared(run: Path) -> list[str]:
    """Returns the comparison with random wirings, and its verdict."""
    found = summary(run, "compare")
    rows = []
    for wiring, draw in dict.fromkeys((r["wiring"], r["draw"]) for r in found["rows"]):
        mine = [r for r in found["rows"] if (r["wiring"], r["draw"]) == (wiring, draw)]
        each = ", ".join(f"{r['accuracy']:.3f}" for r in mine)
        mean = sum(r["accuracy"] for r in mine) / len(mine)
        label = wiring if wiring == "found" else f"random {draw}"
        rows.append((label, f"{mean:.3f}", each, f"{mine[0]['macs'] / 1e6:.1f} M"))
    heads = ("wiring", "mean", f"{found['split']} accuracy, by seed", "MACs")
    return [*table(heads, rows), "", found["verdict"] + ".", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--title", default="A searched run")
    parser.add_argument("--command", default="", help="how the run was made")
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    lines = [
        "Accuracy over cost (`connsearch curve`; nothing is trained, batch norm set anew):",
        "",
        *curve(options.run),
        "The discretisation gap (`connsearch gap`; val accuracy by stage):",
        "",
        *gap(options.run),
        "Found against random wirings of the same nodes, connections and cost, all trained from "
        "scratch alike (`connsearch compare`):",
        "",
        *compared(options.run),
    ]
    print("\n".join(lines))
    if options.markdown is not None:
        write_markdown(options.markdown, options.title, options.command, lines)


if __name__ == "__main__":
    main()
