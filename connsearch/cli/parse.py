"""Command line -> settings. tyro reads the words, pydantic judges them: all faults at once.

The models know nothing of the command line. Each is mirrored by a plain dataclass of texts: tyro
fills that, and what it was given goes to the model in one piece.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import textwrap
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import partial
from typing import Any, TypeVar, cast

import tyro
from pydantic import BaseModel, ValidationError

from connsearch.cli.command import Command
from connsearch.cli.mirror import Option, flag_of, is_basic, mirror, options_of, values_of
from connsearch.errors import SettingsError
from connsearch.evolution.study.address import without_secrets
from connsearch.files.text import visible
from connsearch.settings.faults import explained
from connsearch.settings.nesting import Path, group_of, merged, model_at, usual_values
from connsearch.view.console import Console

C = TypeVar("C", bound=Command)

_Values = Mapping[str, Any]

_HELP, _ALL = ("-h", "--help"), "--help-all"

_PAGE = re.compile(r"docs/\w+\.md")
"""A page about a group of options, in its docstring."""

_SHORT = 26
"""Of a command with no more options ``--help`` shows all of them."""

_WIDEST = 100
"""Columns that a text is wrapped to on a wide terminal."""


def parse(command: type[C], arguments: Sequence[str], *, program: str) -> C:
    """Returns the settings of a command: its defaults, what is recorded, then the flags.

    Raises:
        SettingsError: values that cannot be read, are out of range, or contradict each other; all
            are named.
        SystemExit: an unknown or a missing option (2), or ``--help`` or ``--help-all`` (0).
    """
    if _ALL in arguments or any(word in _HELP for word in arguments):
        show_help(command, program=program, everything=_ALL in arguments)
        raise SystemExit(0)
    values = _read(command, arguments, program, {})
    recorded = command.recorded(values)
    if recorded:
        # What a file says is judged before any of it becomes the default of a flag.
        where = f"{values.get('config') or 'recorded settings'}: "
        judged = _recorded(command, values, recorded, where=where)
        values = _read(command, arguments, program, _like(recorded, judged.model_dump()))
    return _judged(command, values)


def show_help(command: type[Command], *, program: str, everything: bool = False) -> None:
    """Prints the help page of a command.

    Args:
        command: whose page it is.
        program: what its line begins with, such as ``connsearch search``.
        everything: show every option, by group; otherwise those that people need, and how many
            more there are.
    """
    known = options_of(command)
    shown = known
    if not everything and len(known) > _SHORT:
        shown = [option for option in known if is_basic(command, option)]
    page = _Page()
    with suppress(SystemExit), redirect_stdout(page):
        _filled(mirror(command, shown, {}, told=len(shown) == len(known)), ["--help"], program)
    usage, _, options = page.getvalue().partition("\n\n")
    print(f"{usage}\n\n{_wrapped(command.about())}\n\n{options.strip()}")
    more = len(known) - len(shown)
    if more:
        for line in _explained_elsewhere(command, known, shown):
            print(_wrapped(line))
        print(_wrapped(f"{more} more options; `{program} {_ALL}` shows all of them."))


def _explained_elsewhere(
    command: type[Command], known: Sequence[Option], shown: Sequence[Option]
) -> Iterator[str]:
    """Yields a line for every group that a short page has nothing of, and that has a page in docs.

    Such a group says in its docstring which page that is.
    """
    groups: dict[Path, list[Option]] = {}
    for option in known:
        groups.setdefault(option.path[:-1], []).append(option)
    for path, options in groups.items():
        model = model_at(command, path)
        page = _PAGE.search(model.__doc__ or "")
        if path and page is not None and not any(option in shown for option in options):
            names = ", ".join(option_name(command, option.path) for option in options)
            yield f"{model.model_config.get('title') or path[-1]}: {names} (--help-all, {page[0]})"


class _Page(io.StringIO):
    """What tyro writes, as if it wrote it to where it will go: with colours on a terminal."""

    encoding = getattr(sys.__stdout__, "encoding", "") or "utf-8"

    def isatty(self) -> bool:
        return sys.__stdout__ is not None and sys.__stdout__.isatty()


def _wrapped(text: str) -> str:
    """A text in lines that fit the terminal; its paragraphs stay."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    parts = text.split("\n\n")
    return "\n\n".join(
        textwrap.fill(" ".join(part.split()), width, break_on_hyphens=False) for part in parts
    )


def _filled(kind: type[Any], words: Sequence[str], program: str) -> Any:
    """The dataclass as tyro fills it from the words of a line."""
    return tyro.cli(
        kind,
        prog=program,
        description="",
        args=list(words),
        config=(tyro.conf.OmitArgPrefixes,),
    )


def _read(
    command: type[Command], arguments: Sequence[str], program: str, start: Mapping[str, Any]
) -> dict[str, Any]:
    """The values by name, as deep as the groups are, still as texts."""
    options = options_of(command)
    with _repeated_visibly(arguments):
        filled = _filled(mirror(command, options, start), arguments, program)
    return values_of(filled, options)


@contextmanager
def _repeated_visibly(arguments: Sequence[str]) -> Generator[None]:
    """Shows what the parser says about words in which a terminal would obey something, or URLs.

    It repeats them as they are, so it is heard here first; other words it may print itself.
    """
    if all(visible(without_secrets(word)) == word for word in arguments):
        yield
        return
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            yield
    finally:
        for line in said.getvalue().splitlines():
            Console().print(line, soft_wrap=True)


def _recorded(command: type[C], values: _Values, recorded: _Values, *, where: str) -> C:
    """The settings of a line with all that is recorded, or of what is recorded alone.

    Where they cannot be used together, the fault is the record's only if it has it alone;
    otherwise the line has it, which is judged next, and whole.

    Raises:
        SettingsError: what is recorded cannot be used.
    """
    try:
        return command.model_validate(merged(values, recorded))
    except ValidationError:
        needed = {
            option.name: values[option.name]
            for option in options_of(command)
            if option.field.is_required() and option.name in values
        }
        alone = merged({**usual_values(command), **needed}, recorded)
        return _judged(command, alone, where=where)


def _judged(command: type[C], values: Mapping[str, Any], *, where: str = "") -> C:
    try:
        return command.model_validate(values)
    except ValidationError as error:
        raise SettingsError(
            where + explained(command, error, partial(option_name, command))
        ) from None


def _like(names: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Only those of the values that ``names`` has; what was a mapping may be a text by now."""
    return {
        name: _like(cast(_Values, part), values[name])
        if isinstance(part, Mapping) and isinstance(values[name], Mapping)
        else values[name]
        for name, part in names.items()
    }


def option_name(command: type[BaseModel], path: Sequence[str | int]) -> str:
    """Returns how a person spells a setting: ``--frames`` for ("data", "clips", "frames")."""
    model: type[BaseModel] | None = command
    name = "settings"
    for part in path:
        if model is None or part not in model.model_fields:
            break
        field = model.model_fields[str(part)]
        flag = flag_of(field)
        model = group_of(model, str(part))
        if model is not None:
            name = f"{model.model_config.get('title') or part} settings"
        elif flag.positional:
            name = str(part).upper()
        else:
            name = "--" + (flag.name or str(part)).replace("_", "-")
    return name
