"""A folder is the list of its members: a registry imports its package on the first look-up."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import pkgutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from connsearch.errors import UnknownNameError

T = TypeVar("T")


MANY = 40
"""Names; of more than these a message repeats the nearest only."""
NEAREST = 8


def suggest(kind: str, name: str, known: list[str]) -> str:
    """Returns the sentence for a name that is not known; capitals do not count for the nearest.

    >>> suggest("criterion", "treshold", ["threshold", "top_k"])
    "no criterion named 'treshold', did you mean 'threshold'? Known: threshold, top_k"
    >>> suggest("model", "MTNet_L", ["mtnet_l", "mtnet_l_g8"])
    "no model named 'MTNet_L', did you mean 'mtnet_l'? Known: mtnet_l, mtnet_l_g8"
    """
    near = nearest(name, known)
    hint = f", did you mean {near[0]!r}?" if near else "."
    shown = known
    if len(known) > MANY:
        some = nearest(name, known, most=NEAREST, any_at_all=True)
        shown = [*some, f"and {len(known) - len(some)} more"]
    return f"no {kind} named {name!r}{hint} Known: {', '.join(shown) or 'none'}"


def nearest(name: str, known: list[str], *, most: int = 1, any_at_all: bool = False) -> list[str]:
    """Returns the names that are spelled most like one, best first; capitals do not count.

    Args:
        name: that is not known.
        known: all names.
        most: so many at most.
        any_at_all: also names that are hardly like it.

    >>> nearest("SRTG_R3D_81", ["r3d_18", "srtg_r3d_18"])
    ['srtg_r3d_18']
    """
    small = {one.lower(): one for one in reversed(known)}
    cutoff = 0.0 if any_at_all else 0.6
    found = difflib.get_close_matches(name.lower(), list(small)[::-1], n=most, cutoff=cutoff)
    return [small[one] for one in found]


def names_in(package: str, registry: str) -> list[str]:
    """Returns the names that the files of a cupboard register, sorted; none of them is imported.

    For help pages, which import nothing that takes long. Only names that stand there as texts,
    ``REGISTRY.register("name")``, are found.

    Args:
        package: of the cupboard.
        registry: the variable that its files call.

    >>> names_in("connsearch.pruning.criteria", "CRITERIA")[:2]
    ['random', 'rank']
    """
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations or []) if spec is not None else []
    files = [file for folder in folders for file in sorted(Path(folder).glob("*.py"))]
    found: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == f"{registry}.register"
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(str(node.args[0].value))
    return sorted(found)


class Registry(Generic[T]):
    """Names to members of one cupboard.

    >>> colours: Registry[str] = Registry("colour")
    >>> colours.register("red")("#f00")
    '#f00'
    >>> colours["red"], list(colours)
    ('#f00', ['red'])

    Raises:
        ValueError: two members register under one name.
        UnknownNameError: a name nobody registered, with the nearest and the known.
    """

    def __init__(self, kind: str, package: str | None = None) -> None:
        self.kind = kind
        self._package = package
        self._complete = package is None
        self._loading = threading.RLock()
        self._members: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Returns a decorator that files its argument under ``name``."""

        def file(member: T) -> T:
            if name in self._members:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._members[name] = member
            return member

        return file

    def __getitem__(self, name: str) -> T:
        self._load()
        if name not in self._members:
            raise UnknownNameError(suggest(self.kind, name, sorted(self._members)))
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._members))

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._members

    def _load(self) -> None:
        """Imports every module of the package once; each registers its own members.

        Another thread waits meanwhile; a module that asks while it is imported sees what there is.
        """
        if self._complete:
            return
        with self._loading:
            package, self._package = self._package, None
            if package is None:
                return
            path = importlib.import_module(package).__path__
            for module in pkgutil.iter_modules(path):
                importlib.import_module(f"{package}.{module.name}")
            self._complete = True
