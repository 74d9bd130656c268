r"""How text that others chose (file names, labels, messages of libraries) is written out.

On a terminal and in pages :func:`visible` displays what a terminal would execute or hide. In CSV
files :func:`cell` does the same and loses nothing: :func:`from_cell` gives the text back. Both
write ``\x1b`` for a control character, ``\xe9`` for a byte of a name that is not UTF-8 (which
Python holds as a lone surrogate), and ``\u202e`` for everything else.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from typing import Any

_CONTROL = "\\x00-\\x1f\\x7f-\\x9f"
_ORDER = "\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069"
"""Line separators, and what changes the direction of writing."""
_SURROGATE = "\\ud800-\\udfff"

_HIDDEN = re.compile(f"[{_CONTROL}{_ORDER}{_SURROGATE}]")
_BREAKS = re.compile(f"\\n(?! |$)|(?!\\n)[{_CONTROL}{_ORDER}{_SURROGATE}]")
"""As hidden, but a line break before a blank stays: so our own messages go on."""

_UNSAFE = re.compile(f"(?![\\t\\n])[{_CONTROL}{_ORDER}{_SURROGATE}]")
"""What a cell does not hold as it is. Line breaks and tabs are plain text in a CSV file; a carriage
return is not: the writer of the standard library leaves it without quotes, its reader ends the row
there."""
_WRITTEN = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4}))")

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet would run, or one that was kept from that."""
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def visible(text: str) -> str:
    r"""Returns one line that a terminal displays without executing anything.

    >>> print(visible("\x1b[31mred\nnext \udce9"))
    \x1b[31mred\x0anext \xe9
    """
    return _HIDDEN.sub(_escape, text)


def visible_lines(text: str) -> str:
    r"""Returns a message of several lines that a terminal displays without executing anything.

    A line break stays where a blank follows, as in our own messages: a name cannot begin a line
    that looks like one of ours.

    >>> print(visible_lines("a.mp4\x07: damaged\n  cure: none\nerror: no"))
    a.mp4\x07: damaged
      cure: none\x0aerror: no
    """
    return _BREAKS.sub(_escape, text)


def named(message: str, *names: object) -> str:
    r"""Returns a message in which each of those names stands on one line.

    To be used while a name is known; later its line breaks cannot be distinguished from ours.

    >>> print(named("a\n  cure: b.mp4: damaged\n  cure: repair it", "a\n  cure: b.mp4"))
    a\x0a  cure: b.mp4: damaged
      cure: repair it
    """
    for name in map(str, names):
        if "\n" in name:
            message = message.replace(name, name.replace("\n", r"\x0a"))
    return message


def as_utf8(text: str) -> bytes:
    r"""Returns UTF-8 for a file, without control characters that a terminal would execute.

    Line breaks and tabs stay.

    >>> as_utf8("caf\udce9\x1b\n")
    b'caf\\xe9\\x1b\n'
    """
    return _UNSAFE.sub(_escape, text).encode()


def raw_bytes(text: str) -> bytes:
    """Returns bytes that differ for any two texts; valid UTF-8 if the text allows it."""
    return text.encode("utf-8", "surrogatepass")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"


def _character(found: re.Match[str]) -> str:
    r"""Returns the character of an escape; an unknown one is kept as it is."""
    code = int(found[1] or found[2], 16)
    if found[0] == r"\x5c":
        return "\\"
    character = chr(0xDC00 + code if found[1] and code >= 0x80 else code)
    known = _UNSAFE.fullmatch(character) is not None
    return character if known and _escape_of(character) == found[0] else found[0]


def _escape_of(character: str) -> str:
    return _HIDDEN.sub(_escape, character)


def _doubled(found: re.Match[str]) -> str:
    r"""Returns an escape that stands in the text itself, so that it is read as such."""
    return rf"\x5c{found[0][1:]}" if _character(found) != found[0] else found[0]


def cell(value: Any) -> Any:
    r"""Returns a value as a CSV file holds it: numbers as they are, and no text is ever run.

    A text that a spreadsheet would run as a formula gets ``'`` before it.

    >>> cell(-1.5), cell("-1.5"), cell("=1+1"), cell("caf\udce9")
    (-1.5, '-1.5', "'=1+1", 'caf\\xe9')
    """
    if value is None or isinstance(value, Number):
        return value
    text = _WRITTEN.sub(_doubled, str(value))
    text = _UNSAFE.sub(_escape, text)
    runs = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if runs else text


def from_cell(text: str) -> str:
    r"""Returns the text that :func:`cell` made a cell of.

    >>> from_cell("'=1+1"), from_cell("caf\\xe9"), from_cell("'tis"), from_cell("\\x41")
    ('=1+1', 'caf\udce9', "'tis", '\\x41')
    """
    if text[:1] == "'" and _FORMULA.match(text):
        text = text[1:]
    return _WRITTEN.sub(_character, text)


def csv_text(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, header: bool = True
) -> str:
    """Returns rows as CSV with commas; every value is written by :func:`cell`.

    Args:
        columns: what is written of each row, in this order; a value that is missing stays empty.
        rows: column -> value; further columns are ignored.
        header: begin with the names of the columns.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(map(cell, columns))
    writer.writerows([cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()
