"""``connsearch COMMAND``: finds the command, runs it, and turns what goes wrong into exit codes.

0: done. 1: a failure. 2: a mistake in what was asked. 128 + N: ended by signal N (130 Ctrl-C, 143
SIGTERM, 129 its terminal has gone); the same command resumes.
A command may say otherwise (``Command.exit_code``, ``Command.FAILURE``), as ``diff`` does.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from connsearch import __version__
from connsearch.cli.output import OutputError, complain, flushed, nobody_reads, open_streams, shown
from connsearch.errors import ConnsearchError, StructureError, UnknownNameError, UserError
from connsearch.evolution.study.address import without_secrets
from connsearch.files.disk import cure_for, disk_full, reason
from connsearch.files.stopping import handle_signals
from connsearch.registry import suggest
from connsearch.view.console import visible_output

if TYPE_CHECKING:
    from connsearch.cli.command import Command

COMMANDS: Mapping[str, str] = {
    "search": "find out which blocks of a structure should be connected",
    "prune": "cut a searched network down to the connections that matter",
    "gap": "show what is lost between a searched network and a pruned one, stage by stage",
    "curve": "show what accuracy costs: prunings of a searched network, judged and timed",
    "train": "train a pruned network further, or any structure or model from scratch",
    "evaluate": "judge a trained network on the test split, once",
    "early-exit": "let clips stop early: thresholds for a mean cost, and what that changes",
    "predict": "say what is in videos without labels, whole or part by part",
    "focus show": "show where a focus model looks in its clips, and when it stops",
    "compare": "is the found wiring better than random ones? trained alike, with an interval",
    "stability": "do several short searches find the same connections?",
    "rank-correlation": "does the supernet rank sub-networks as training them alone does?",
    "evolve": "let the blocks of a structure evolve, on as many machines as there are",
    "evolve report": "write pictures, tables and one HTML file about an evolution",
    "evolve plan": "estimate what an evolution takes on 1, 8 or 64 workers",
    "evolve serve": "share the study of an evolution with other machines",
    "lineage": "draw where a child comes from; trace a connection through its ancestors",
    "report": "write one HTML file about a run and all that was found out about it",
    "export": "write a network as ONNX, as a torch program, or as published lists",
    "weights convert": "make a network of ours of a file of published weights",
    "models": "list the networks there are by name, with what they cost",
    "draw": "draw a structure, a run or a checkpoint as SVG, PNG or PDF",
    "inspect": "show the nodes, shapes, parameters, MACs and faults of a structure",
    "diff": "show what differs between two structures; exit code 0 equal, 1 different",
    "animate": "show the connection weights of a search over time as GIF, MP4 or a page",
    "data show": "draw a contact sheet of the clips, before and after augmentation",
    "data stats": "show classes, lengths, sizes, rates and splits of a data set",
    "data check": "read every clip of a data set once and write a report of the faults",
    "data pack": "store the frames of a data set as JPEG, one SQLite file a video",
    "data extract": "store the frames of a data set as folders of JPEGs, with their lists",
    "data objects": "make object maps beside the clips: by a network, or from what there is",
}
"""Each command is the class of its name in the module of its name: ``data show`` is ``DataShow``
in ``cli/commands/data_show.py``."""

_LISTED = 1000
"""So many faults of a structure are told to scripts, beside how many there are."""

_RESUMING = frozenset(
    [
        *"search train prune gap curve compare stability rank-correlation evolve".split(),
        "early-exit",
        "data pack",
    ]
)
"""Commands that resume where they were stopped when they are rerun."""

_REPEATED = frozenset(["focus show"])
"""Commands of several files that make all of them when they are rerun."""

_HELP = ("-h", "--help", "--version")

DONE, FAILED, MISTAKE = 0, 1, 2

_MISTAKEN_PATH = frozenset(
    {
        *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENXIO),
        *(errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG),
    }
)
"""What the system says to a place that cannot be used; a full disk is no mistake of the user's."""

_LONGEST = 80
"""Characters that are shown of a path that is too long."""

_EXAMPLES = """\
a first tour, on built-in data:
  connsearch search                           # writes runs/search-starter
  connsearch prune runs/search-starter        # writes runs/search-starter/pruned
  connsearch train runs/search-starter/pruned
  connsearch report runs/search-starter       # one HTML file about all of it
  connsearch inspect assemblenet-50 --num-classes 157
  connsearch draw assemblenet-50 --output assemblenet-50.svg

`connsearch COMMAND --help` shows the settings of a command."""


def main(arguments: Sequence[str] | None = None, *, program: str = "connsearch") -> int:
    """Returns the exit code of a command line, by default this process's own.

    ``program`` is what the help calls a command that has a script of its own.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    open_streams()
    try:
        with visible_output(), handle_signals():
            code = _answered(arguments, program)
    except KeyboardInterrupt as stop:  # while the end was being said
        return 128 + getattr(stop, "number", signal.SIGINT)
    except BrokenPipeError:
        code = FAILED
    except OutputError as error:
        complain(f"error: {error}")
        code = FAILED
    return flushed(code)


def _answered(arguments: Sequence[str], program: str) -> int:
    if not arguments or arguments[0] in _HELP:
        return _introduce(arguments)
    if _is_group(arguments[0]) and (len(arguments) == 1 or arguments[1] in _HELP):
        return _introduce(arguments[1:], group=arguments[0])
    name, rest = _named(arguments)
    wants_json, wants_trace = "--json" in rest, "--debug" in rest
    if name not in COMMANDS:
        unknown = UnknownNameError(suggest("command", name, list(COMMANDS)))
        _explain(unknown, MISTAKE, wants_json=wants_json, wants_trace=False)
        return MISTAKE
    from connsearch.cli.parse import parse  # pydantic and tyro: not for a list of the commands
    from connsearch.cli.terminal import Terminal

    program = f"{program} {name}" if program == "connsearch" else program
    failure = FAILED
    try:
        kind = command_class(name)
        failure = kind.FAILURE
        command = parse(kind, rest, program=program)
        report = command.execute(Terminal(json_line=command.json_line))
        if command.json_line:
            with shown(sys.stdout):
                print(json.dumps(report, allow_nan=False, default=str), flush=True)
        return command.exit_code(report)
    except SystemExit as stop:  # the parser has shown the help, or what it could not read
        if stop.code not in (None, 0) and wants_json:
            _print_error({"type": "UsageError", "message": "see the error stream"}, MISTAKE)
        return stop.code if isinstance(stop.code, int) else DONE
    except KeyboardInterrupt as stop:
        return _interrupted(name, getattr(stop, "number", signal.SIGINT), wants_json=wants_json)
    except BrokenPipeError:  # whoever read the output has seen enough
        return failure
    except Exception as error:
        mistake = isinstance(error, UserError) or getattr(error, "errno", None) in _MISTAKEN_PATH
        code = MISTAKE if mistake else failure
        _explain(error, code, wants_json=wants_json, wants_trace=wants_trace)
        return code


def _named(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Returns the command's name, which may be two words, and what stands after it."""
    name, *rest = arguments
    if rest and (_is_group(name) or f"{name} {rest[0]}" in COMMANDS):
        return f"{name} {rest[0]}", rest[1:]
    return name, rest


def _is_group(word: str) -> bool:
    """Returns whether it is the first of a command's two words, and no command by itself."""
    return word not in COMMANDS and any(command.startswith(f"{word} ") for command in COMMANDS)


def command_class(name: str) -> type[Command]:
    """Returns the class of a command: ``RankCorrelation`` of ``rank-correlation``."""
    words = name.replace("-", " ")
    module = importlib.import_module(f"connsearch.cli.commands.{words.replace(' ', '_')}")
    return getattr(module, words.title().replace(" ", ""))


def _introduce(arguments: Sequence[str], *, group: str = "") -> int:
    """Shows the version or what commands there are; no command at all is a mistake."""
    if "--version" in arguments:
        with shown(sys.stdout):
            print(f"connsearch {__version__}")
        return DONE
    found = {name: text for name, text in COMMANDS.items() if name.startswith(group)}
    commands = "\n".join(f"  {name:18}{text}" for name, text in found.items())
    text = (
        "usage: connsearch COMMAND [ARGUMENTS]\n\n"
        "Finds out which blocks of a multi-stream video network should be connected, and which\n"
        f"should attend to which.\n\ncommands:\n{commands}\n\n{_EXAMPLES}"
    )
    stream = sys.stdout if arguments else sys.stderr
    with shown(stream):
        print(text, file=stream)
    return DONE if arguments else MISTAKE


def _interrupted(command: str, number: int, *, wants_json: bool) -> int:
    resumes = command in _RESUMING
    how = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    cure = ": rerun the same command to resume" if resumes else ""
    cure = ": rerun the same command, it makes everything" if command in _REPEATED else cure
    complain(how + cure)
    if wants_json:
        _print_error({"type": "Interrupted", "message": how}, 128 + number)
    return 128 + number


def _explain(error: Exception, code: int, *, wants_json: bool, wants_trace: bool) -> None:
    """Says what went wrong, in the words of whoever raised it."""
    known = isinstance(error, ConnsearchError | OSError | MemoryError)
    if wants_trace or not known:
        for line in "".join(traceback.format_exception(error)).splitlines():
            complain(line, style=None)
    message = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        message = f"out of memory: {message}\n  cure: a smaller batch, clip or structure"
    elif isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        place = str(error.filename)
        place = place if len(place) <= _LONGEST else f"{place[:_LONGEST]}..."
        message = f"{place}: {error.strerror}\n  cure: a shorter name or path"
    elif isinstance(error, OSError) and not isinstance(error, ConnsearchError):
        message = _system_error(error)
    elif not known:
        message = f"{type(error).__name__}: {message}\n  this is a bug in connsearch"
    message = without_secrets(message)
    for part in _parts(error, f"error: {message}"):
        complain(part)
    if wants_json:
        _print_error(_as_json(error, message), code)


def _parts(error: Exception, message: str) -> list[str]:
    """Returns a message in parts that each begin at the margin: the faults of a structure do."""
    faults = error.faults if isinstance(error, StructureError) else ()
    first = {str(fault).partition("\n")[0] for fault in faults}
    parts: list[str] = []
    for line in message.split("\n"):
        if not parts or line in first:
            parts.append(line)
        else:
            parts[-1] += f"\n{line}"
    return parts


def _system_error(error: OSError) -> str:
    """What the system has refused, where, and the usual cure."""
    place = error.filename
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return str(disk_full("a file" if place is None else os.fsdecode(place), error))
    cure = cure_for(error)
    said = reason(error) + (f"\n  cure: {cure}" if cure else "")
    return said if place is None else f"{place}: {said}"


def _as_json(error: Exception, message: str) -> dict[str, Any]:
    found: dict[str, Any] = {"type": type(error).__name__, "message": message}
    if isinstance(error, StructureError):
        found["faults"] = [
            {"rule": f.rule, "message": f.message, "node": f.node, "row": f.row, "cure": f.cure}
            for f in error.faults[:_LISTED]
        ]
        found["fault_count"] = len(error.faults)
    return found


def _print_error(error: Mapping[str, Any], code: int) -> None:
    try:
        print(json.dumps({"error": error, "exit": code}), flush=True)
    except OSError:  # it was said on the error stream
        nobody_reads(sys.stdout)
