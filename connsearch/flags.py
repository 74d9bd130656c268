"""How a setting appears where people name it, if that is not plain from its name and type."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """The form of a setting on a command line.

    Attributes:
        name: of the option, without dashes; None takes the setting's name.
        positional: an argument without a name.
        metavar: what stands for its value in the help; None takes the type.
        switch: a yes/no setting without a ``--no-`` twin.
        short: a one-letter name, such as ``-o``.
        repeats: an option that may be given several times, one value each.
        bare: what the option means without a value; None: it needs one.
        rare: few people need it; a long help page leaves it to ``--help-all``.
    """

    name: str | None = None
    positional: bool = False
    metavar: str | None = None
    switch: bool = False
    short: str | None = None
    repeats: bool = False
    bare: str | None = None
    rare: bool = False


def flag(name: str) -> str:
    """Returns a setting as an option of the command line.

    >>> flag("batch_size")
    '--batch-size'
    """
    return f"--{name.replace('_', '-')}"
