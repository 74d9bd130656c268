"""What all commands have in common: settings that a command line is made from, and how they run."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict

from connsearch.cli.terminal import Terminal

_Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Flag:
    """How a setting appears on the command line, where that is not plain from its name and type.

    Attributes:
        name: of the option, without dashes; None takes the setting's name.
        positional: an argument without a name.
        metavar: what stands for its value in the help; None takes the type.
        switch: a yes/no setting without a ``--no-`` twin.
        short: a one-letter name, such as ``-o``.
        repeats: an option that may be given several times, one value each.
        rare: few people need it; a long help page leaves it to ``--help-all``.
    """

    name: str | None = None
    positional: bool = False
    metavar: str | None = None
    switch: bool = False
    short: str | None = None
    repeats: bool = False
    rare: bool = False


class Command(BaseModel, ABC):
    """One command with its settings; a subclass's docstring is its help page's text."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    HIDDEN: ClassVar[frozenset[str]] = frozenset()
    """Settings (dotted) that no option of their own sets."""

    BASIC: ClassVar[frozenset[str]] = frozenset()
    """Options by name that ``--help`` shows; none named: the command's own that are not ``rare``,
    and those in groups that are marked (``settings.nesting.BASIC``)."""

    FAILURE: ClassVar[int] = 1
    """Exit code of work that went wrong; another one where 1 is an answer."""

    json_line: Annotated[bool, Flag(name="json", switch=True)] = False
    """Print one JSON object as the last line of standard output; everything else goes to standard
    error."""
    debug: Annotated[bool, Flag(switch=True, rare=True)] = False
    """Show the Python traceback of an error."""

    @classmethod
    def about(cls) -> str:
        """Returns the text of its help page: the docstring, unless there is more to list."""
        return inspect.getdoc(cls) or ""

    @abstractmethod
    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Does the work, shows it to people, and returns the JSON object for scripts."""

    def exit_code(self, report: Mapping[str, Any]) -> int:
        """Returns the exit code of work that is done, by what ``execute`` returned."""
        return 0

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the settings to start from before the flags are read; ``values`` holds both.

        A command that works on a run takes what the run recorded.
        """
        return {}


def merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings with those of ``over`` in their places, group by group.

    >>> merged({"seed": 0, "data": {"size": 32, "frames": 8}}, {"data": {"size": 64}})
    {'seed': 0, 'data': {'size': 64, 'frames': 8}}
    """
    found = dict(values)
    for name, value in over.items():
        below = found.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            value = merged(cast(_Settings, below), cast(_Settings, value))
        found[name] = value
    return found
