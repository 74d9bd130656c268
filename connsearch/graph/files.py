"""Structure files: found by name or path, read with every fault named, written atomically."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from connsearch.errors import Fault, StructureError, UnknownNameError
from connsearch.files.disk import (
    atomic_write_bytes,
    atomic_write_text,
    cure_for,
    is_plain,
    read_plain,
    reason,
)
from connsearch.graph.checks import show
from connsearch.graph.document import from_json, to_json
from connsearch.graph.rules import validate
from connsearch.graph.spec import Structure
from connsearch.registry import suggest

__all__ = [
    "atomic_write_bytes",
    "atomic_write_text",
    "from_json",
    "load_structure",
    "read_structure",
    "structure_names",
    "to_json",
    "write_structure",
]


def load_structure(name_or_path: str | Path) -> Structure:
    """Returns a structure by its name in ``structures/`` or by the path of its file.

    A text that is exactly a known name is that name; anything that ends in ``.json`` or exists
    as a file is a path.

    Raises:
        UnknownNameError: neither; the message names the nearest and the known.
        StructureError: the file cannot be used.

    >>> load_structure("starter").family
    'assemblenet_plus'
    """
    known = _known_files()
    if isinstance(name_or_path, str) and name_or_path in known:
        return read_structure(known[name_or_path])
    path = Path(name_or_path)
    if path.suffix == ".json" or is_plain(path):
        return read_structure(path)
    raise UnknownNameError(suggest("structure", str(name_or_path), sorted(known)))


def structure_names() -> list[str]:
    """Returns the names of the structures that come with connsearch."""
    return sorted(_known_files())


def read_structure(path: str | Path) -> Structure:
    """Returns the structure in a JSON file.

    Raises:
        StructureError: it cannot be read, is not UTF-8, not JSON, or breaks a rule; all faults
            that can be found at once are listed.
    """
    path = Path(path)
    name = path.stem if path.stem.isprintable() and path.stem else "structure"
    try:
        text = read_plain(path).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        _refuse(path, error)
    found: list[Fault] = []
    data = _parse(path, text, found)
    try:
        structure = from_json(data, name=name)
    except StructureError as error:
        found += error.faults
    else:
        if not found:
            return structure
    raise StructureError(str(path), found)


def write_structure(structure: Structure, path: str | Path, *, model: bool = False) -> None:
    """Writes a valid structure to a JSON file, one node per line, atomically.

    Args:
        structure: what is written.
        path: of the file.
        model: also write the kind of model, as the document of a run does.

    Raises:
        StructureError: the structure breaks a rule, or its provenance is not JSON.
    """
    document = {**({"kind": "structure"} if model else {}), **to_json(validate(structure))}
    try:
        text = _text(document)
    except (TypeError, ValueError, RecursionError) as error:
        fault = Fault(
            "provenance", f"provenance is not JSON: {error}", cure="use plain JSON values"
        )
        raise StructureError(structure.name, [fault]) from None
    atomic_write_text(path, text)


def _known_files() -> dict[str, Path]:
    """The included structure files: in the installed package, else in the repository."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "structures", package.parent / "structures"):
        found = {path.stem: path for path in sorted(folder.glob("*.json"))}
        if found:
            return found
    return {}


def _refuse(path: Path, error: OSError | ValueError) -> NoReturn:
    """Raises what is wrong with a file that could not be turned into text."""
    if isinstance(error, FileNotFoundError):
        fault = Fault("file", "no such file", cure="give the path of a structure file")
    elif isinstance(error, UnicodeDecodeError):
        message = f"not UTF-8: byte {error.object[error.start]:#04x} at position {error.start}"
        fault = Fault("encoding", message, cure="save the file as UTF-8")
    else:
        fault = Fault("file", f"cannot be read: {reason(error)}", cure=cure_for(error))
    raise StructureError(show(str(path)), [fault]) from None


def _parse(path: Path, text: str, found: list[Fault]) -> object:
    """The JSON value of a text; keys written twice and constants JSON lacks are added to found."""

    def constant(name: str) -> float:
        found.append(
            Fault("json-constant", f"{name} is not a JSON number", cure="write a number or null")
        )
        return float(name.replace("Infinity", "inf"))

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            twice = sorted(key for key, count in counts.items() if count > 1)[:8]
            message = f"keys written twice: {', '.join(map(show, twice))}"
            found.append(Fault("json-duplicate", message, cure="keep one of them"))
        return result

    try:
        return json.loads(text, parse_constant=constant, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        cure = "write it again, or fetch it again: it may have been cut off"
        fault = Fault(
            "json", message, cure=cure if _ends_early(text, error) else "correct it there"
        )
    except RecursionError:
        fault = Fault(
            "nesting",
            "lists or objects are nested too deep to be read",
            cure="store only a few plain facts",
        )
    except ValueError as error:  # an integer of thousands of digits
        fault = Fault("json", f"not readable: {error}", cure="write shorter numbers")
    raise StructureError(show(str(path)), [fault]) from None


def _ends_early(text: str, error: json.JSONDecodeError) -> bool:
    """Returns whether nothing but the end of a text is wrong, as if its writing was interrupted."""
    return not text[error.pos :].strip() or error.msg.startswith("Unterminated string")


def _text(document: Mapping[str, Any]) -> str:
    """The document as JSON: one line per node, setting and entry of every object."""
    parts = [f" {json.dumps(key)}: {_lines(value)}" for key, value in document.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(value: object) -> str:
    if isinstance(value, dict) and value:
        entries = cast(dict[str, Any], value).items()
        inner = [f"  {json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in entries]
        return "{\n" + ",\n".join(inner) + "\n }"
    if isinstance(value, list) and value:
        rows = [f"  {json.dumps(row, allow_nan=False)}" for row in cast(list[Any], value)]
        return "[\n" + ",\n".join(rows) + "\n ]"
    return json.dumps(value, allow_nan=False)
