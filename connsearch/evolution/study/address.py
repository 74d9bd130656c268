"""The address of a study's storage, as text: what it may contain, and what of it may be shown.

Users, passwords and the values of a query are secret: :func:`hidden` and :func:`scrubbed` remove
them from everything that is printed or written.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from connsearch.errors import SettingsError

MEMORY = "memory"
"""A storage that ends with the process: for simulations and tests."""

JOURNAL = "study.journal"
"""The study of a directory, where no other storage is named."""

SECRET = "***"

ALLOWED = (
    "a journal file, sqlite:///FILE, postgresql+psycopg://USER@HOST/NAME, mysql+pymysql://..., "
    "grpc://HOST:PORT"
)

QUERY_KEYS: Mapping[str, tuple[str, ...]] = {
    "postgresql": (
        "application_name",
        "connect_timeout",
        "host",
        "password",
        "port",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "user",
    ),
    "mysql": ("charset", "connect_timeout", "ssl_ca", "unix_socket"),
}
"""Keys a URL's query may have, by kind of database: where the server is, who asks, how long to
wait, and how its certificate is checked. No others, because drivers know keys that read other files
(``service``, ``passfile``, ``sslkey``, ``read_default_file``), let the server read files of this
machine (``local_infile``), run statements (``options``, ``init_command``) or load code
(``plugin``)."""

_OTHER_NAMES = {"postgres": "postgresql", "mariadb": "mysql"}
_KINDS = ("sqlite", "postgresql", "postgres", "mysql", "mariadb", "grpc", "redis", "oracle")
_SLIP = re.compile(rf"({'|'.join(_KINDS)})(\+\w+)?:", re.IGNORECASE)
_SLIP_INSIDE = re.compile(rf"\b({'|'.join(_KINDS)})(\+\w+)?:/?[^\s/]\S*@\S*", re.IGNORECASE)
_DSN = re.compile(r"\b(host|hostaddr|dbname|user|passw(?:or)?d|passfile|service|sslkey)\s*=", re.I)
_SETTING = re.compile(r"(\b\w+\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&;,)]+)")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)
_AFTER = ":,.;)"
"""Belongs to the sentence that a URL ends, not to the URL."""
_QUOTED_USER = re.compile(r"""\b((?:user|role|for)\s+)(["'])(?:(?!\2).)*\2""", re.IGNORECASE)


def hidden(place: str) -> str:
    """Returns a storage's place without its user, its password and the values of its query.

    >>> hidden("postgresql://me:secret@host/db?sslmode=require")
    'postgresql://***@host/db?sslmode=***'
    >>> hidden("sqlite:////data/study.db")
    'sqlite:////data/study.db'
    """
    kind, separator, rest = place.partition("://")
    if not separator:
        slip = _SLIP.match(place)
        if slip:
            return f"{slip[0]}{SECRET}"
        return _SETTING.sub(rf"\1{SECRET}", place) if _DSN.search(place) else place
    local = kind.lower().startswith("sqlite") and rest.startswith("/")
    if "@" in rest and not local:
        user, _, rest = rest.rpartition("@")
        if "?" in user:  # the parts are ambiguous
            return f"{kind}://{SECRET}"
        rest = f"{SECRET}@{rest}"
    address, mark, query = rest.partition("?")
    return f"{kind}://{address}{mark}{'&'.join(map(_keyed, query.split('&'))) if mark else ''}"


def scrubbed(text: str, place: str = "") -> str:
    """Returns a driver's message without the secrets that :func:`hidden` hides.

    Args:
        text: of an exception, for instance.
        place: its user, password and query values may occur in the text, encoded or not; empty if
            it is not known: then URLs, settings of a connection and quoted users are looked for.

    >>> scrubbed('connection failed: FATAL: role "me" does not exist')
    'connection failed: FATAL: role "***" does not exist'
    """
    for secret in sorted(set(_secrets(place)), key=len, reverse=True):
        begin = r"(?<!\w)" if re.match(r"\w", secret) else ""
        end = r"(?!\w)" if re.search(r"\w$", secret) else ""  # not inside longer words
        text = re.sub(begin + re.escape(secret) + end, SECRET, text)
    text = without_secrets(text)
    text = _SLIP_INSIDE.sub(lambda found: hidden(found[0]), text)
    text = _QUOTED_USER.sub(rf"\1\2{SECRET}\2", text)
    return _SETTING.sub(rf"\1{SECRET}", text) if _DSN.search(text) else text


def without_secrets(text: str) -> str:
    """Returns a text in which every URL is :func:`hidden`, whatever it is the address of.

    >>> without_secrets("https://me:secret@host/list.csv?token=1: no such folder")
    'https://***@host/list.csv?token=***: no such folder'
    """
    return _URL.sub(_hidden_in, text) if "://" in text else text


def _hidden_in(found: re.Match[str]) -> str:
    place = found[0].rstrip(_AFTER)
    return hidden(place) + found[0][len(place) :]


def checked(place: str) -> str:
    """Returns a place as it is, if it has the form of one and names no key that is not allowed.

    Raises:
        SettingsError: a driver's connection string, a slip in the URL, a key that is not allowed.
    """
    kind, separator, rest = place.partition("://")
    if not separator:
        if _SLIP.match(place) or _DSN.search(place):
            raise SettingsError(f"{hidden(place)}: is not a storage\n  allowed: {ALLOWED}")
        return place
    database = kind.partition("+")[0].lower()
    allowed = QUERY_KEYS.get(_OTHER_NAMES.get(database, database), ())
    for part in _query(rest):
        key = unquote_plus(part.partition("=")[0])
        if key not in allowed:
            raise SettingsError(
                f"{hidden(place)}: the query key {key[:60]!r} is not allowed\n"
                f"  allowed: {', '.join(allowed) or 'none'}\n"
                "  cure: set other options of the driver in its own environment variables or files"
            )
    return place


def absolute(place: str) -> str:
    """Returns a place whose path does not depend on the working directory."""
    if place == MEMORY:
        return place
    kind, separator, rest = place.partition("://")
    if not separator:
        return str(Path(place).absolute())
    if kind.startswith("sqlite") and rest.startswith("/") and rest[1:2] not in ("", "/", ":"):
        return f"{kind}:///{Path(rest[1:]).absolute()}"
    return place


def file_of(place: str) -> Path | None:
    """Returns the file a study is kept in, or None: a server, or memory.

    >>> file_of("sqlite:////data/study.db")
    PosixPath('/data/study.db')
    """
    if place == MEMORY:
        return None
    kind, separator, rest = place.partition("://")
    if not separator:
        return Path(place)
    path = rest.partition("?")[0][1:]
    if not kind.lower().startswith("sqlite") or not path or path == ":memory:":
        return None
    return Path(path)


def is_within(place: str, directory: Path) -> bool:
    """Returns whether a study is kept in a file of a directory, links followed."""
    file = file_of(place)
    return file is not None and _real(file).is_relative_to(_real(directory))


def is_same(a: str, b: str) -> bool:
    """Returns whether two places are the same, as far as can be seen without their secrets."""
    if hidden(absolute(a)) == hidden(absolute(b)):
        return True
    first, second = file_of(a), file_of(b)
    kinds = {place.partition("://")[1] for place in (a, b)}  # a journal is no database
    return (
        first is not None
        and second is not None
        and len(kinds) == 1
        and (_real(first) == _real(second))
    )


def in_url(host: str) -> str:
    """Returns a host as it is written before ``:PORT``.

    >>> in_url("::1"), in_url("localhost")
    ('[::1]', 'localhost')
    """
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def is_loopback(host: str) -> bool:
    """Returns whether only this machine reaches a host.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "", "node7")]
    [True, True, True, False, False, False]
    """
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in ("localhost", "ip6-localhost")


def reachable(host: str) -> str:
    """Returns the name by which other machines reach a host that is listened at.

    For "all addresses" this is the machine's name if it resolves to an address that others can
    reach, else that address; without a network it is the name.
    """
    try:
        everywhere = not host or ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        everywhere = False
    if not everywhere:
        return host
    name = socket.gethostname()
    with contextlib.suppress(OSError):
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(name, None)}
        if found and not any(map(is_loopback, found)):
            return name
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))  # sends nothing: only selects the route
        own = asked.getsockname()[0]
        return name if is_loopback(own) else own
    return name


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _query(rest: str) -> list[str]:
    """The parts of a URL's query; a question mark before the last @ belongs to a password."""
    after = rest if rest.startswith("/") else rest.rpartition("@")[2]
    return [part for part in after.partition("?")[2].split("&") if part]


def _keyed(part: str) -> str:
    key, equals, _ = part.partition("=")
    return f"{key}={SECRET}" if equals else SECRET if part else ""


def _secrets(place: str) -> Iterator[str]:
    """Every text that must not be seen, as it is written and as a driver may write it."""
    kind, separator, rest = place.partition("://")
    if not separator or (kind.lower().startswith("sqlite") and rest.startswith("/")):
        return
    found = [part.partition("=")[2] for part in _query(rest)]
    user = rest.rpartition("@")[0]
    found += [user, *user.partition(":")[::2]]
    for text in found:
        for form in {text, unquote(text), unquote_plus(text)}:
            yield from (one for one in {form, quote(form, safe=""), quote_plus(form)} if one)
