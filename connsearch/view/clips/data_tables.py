"""Tables about a data set: its classes on three lists, and its files."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from connsearch.data.records import SPLITS
from connsearch.data.tools.suggest import Suggestion
from connsearch.data.tools.summary import SplitSummary, Spread, Summary
from connsearch.files.text import visible
from connsearch.flags import flag

MOST = 6
"""How many different values a line lists before it only counts the rest."""


def classes_table(summary: Summary) -> Table:
    """Returns one row a class: clips on each list and altogether; below them totals and spreads."""
    caption = Text("frames and seconds: smallest .. middle .. largest")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("class")
    for heading in (*SPLITS, "all"):
        table.add_column(heading, justify="right", no_wrap=True)
    lists = [summary.splits[split] for split in SPLITS]
    for label, name in enumerate(summary.classes):
        counts = [found.classes[label] for found in lists]
        table.add_row(
            Text(visible(name)), *(str(n) if n else "-" for n in counts), str(sum(counts))
        )
    if any(found.unlabelled for found in lists):
        counts = [found.unlabelled for found in lists]
        table.add_row(Text("no class", style="dim"), *map(str, counts), str(sum(counts)))
    table.add_section()
    clips = [found.clips for found in lists]
    table.add_row("clips", *map(str, clips), str(sum(clips)))
    if any(found.groups for found in lists):
        table.add_row("groups", *(str(found.groups) for found in lists), "")
    for name, texts in (
        ("frames", [_range(found.frames) for found in lists]),
        ("seconds", [_range(found.seconds) for found in lists]),
        ("hours", [f"{found.hours:.2f}" for found in lists]),
    ):
        table.add_row(name, *texts, "" if name != "hours" else _hours(lists))
    return table


def _hours(lists: list[SplitSummary]) -> str:
    return f"{sum(found.hours for found in lists):.2f}"


def _range(spread: Spread | None) -> str:
    """Returns smallest .. middle .. largest.

    >>> _range(Spread(1.0, 2.25, 30.0)), _range(Spread(8, 8, 8)), _range(None)
    ('1 .. 2.25 .. 30', '8', '-')
    """
    if spread is None:
        return "-"
    if spread.low == spread.high:
        return f"{spread.low:.4g}"
    return f"{spread.low:.4g} .. {spread.middle:.4g} .. {spread.high:.4g}"


def files_table(summary: Summary) -> Table:
    """Returns two columns, name and value: media, sizes, rates, object maps, bytes, faults."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 1))
    table.add_column(no_wrap=True)
    table.add_column()
    rates = [_listed(summary.rates, "constant at {}")] if summary.rates else []
    if summary.variable is not None:
        low, high, count = summary.variable
        rates.append(f"variable, {low:.3g} to {high:.3g} on average ({count})")
    if summary.unclocked:
        rates.append(f"not stated ({summary.unclocked})")
    maps = "none"
    if summary.with_objects:
        maps = f"{summary.with_objects} clips, {summary.object_classes} classes"
    rows = [
        ("data", summary.name),
        ("stored as", _listed(summary.media)),
        ("width x height", _listed(summary.sizes)),
        ("frames a second", "; ".join(rates) or "-"),
        ("object maps", maps),
        ("on disk", f"{summary.bytes_on_disk / 1e6:,.1f} MB"),
        ("unreadable", str(len(summary.faults)) if summary.faults else "none"),
    ]
    if summary.windows:
        rows.insert(2, ("parts of videos", str(summary.windows)))
    for name, value in rows:
        table.add_row(Text(name, style="bold"), Text(visible(value)))
    return table


def suggestion_table(found: Suggestion) -> Table:
    """Returns one row a suggested option: the option with its value, and its reason."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 1))
    table.add_column(no_wrap=True)
    table.add_column()
    for choice in found.choices:
        table.add_row(
            Text(f"{flag(choice.option)} {choice.value:g}", style="bold"), Text(choice.reason)
        )
    return table


def _listed(counts: Mapping[str, int], form: str = "{}") -> str:
    """Returns values with how often they occur, most frequent first.

    >>> _listed({"30": 5, "25": 2}, "at {}")
    'at 30 (5), 25 (2)'
    """
    few = [f"{value} ({count})" for value, count in list(counts.items())[:MOST]]
    if len(counts) > MOST:
        few.append(f"and {len(counts) - MOST} more")
    return form.format(", ".join(few)) if few else "-"
