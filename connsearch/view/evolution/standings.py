"""The population of an evolution as a table that is cheap enough to be drawn after every child."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from connsearch.evolution.history import History
from connsearch.evolution.objectives import OBJECTIVES
from connsearch.view.evolution.story import worth
from connsearch.view.structures.tables import short


def standings_table(
    history: History, objectives: Sequence[str], *, most: int | None = None
) -> Table:
    """Returns one row a member of the population, the best first; ``most`` rows at most."""
    members = history.population.members
    left = 0 if most is None else max(0, len(members) - most)
    title = f"population: {len(members)} of {history.population.size}"
    table = Table(title=f"{title}, {left} more not shown" if left else title)
    for name in ("child", *objectives, "judged", "connections", "MACs", "made by"):
        table.add_column(name, justify="left" if name == "made by" else "right")
    for member in members[:most]:
        facts, judged = history.births[member.number], history.judged[member.number]
        table.add_row(
            str(member.number),
            *(worth(name, value) for name, value in zip(objectives, judged.mean, strict=True)),
            f"{member.evaluations}x",
            str(sum(len(row[1]) for row in facts["nodes"] if len(row) > 2)),
            short(facts["macs"]),
            made(facts["parents"], [operator for operator, _ in facts["steps"]]),
        )
    return table


def made(parents: Iterable[int], operators: Iterable[str]) -> str:
    """Returns how a child was made, for people.

    >>> made((7,), ["guided", "split"]), made((), ["initial"])
    ('guided, split of 7', 'initial')
    """
    text = ", ".join(operators)
    numbers = ", ".join(map(str, parents))
    return f"{text} of {numbers}" if numbers else text


def valued(objective: str, value: float) -> str:
    """Returns a value of an objective with its name or unit.

    >>> valued("accuracy", 0.73251), valued("macs", 1234567.0), valued("latency", 12.31)
    ('accuracy .733', '1.23 M MACs', '12.3 ms')
    """
    bare = worth(objective, value)
    found = OBJECTIVES[objective]
    if found.style == "share":
        return f"{objective} {bare}"
    return f"{bare} {found.unit}" if found.style == "count" else bare
