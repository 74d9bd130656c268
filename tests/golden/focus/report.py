"""Prints the golden cases of focus models and the worst error of each kind of number, as tables.

Run it from the root: ``python -m tests.golden.focus.report DIR``. What has no error that could be
measured (orders, indices, names: equal or not) is said to hold, or not.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from tests.golden.focus.measure import Measure
from tests.golden.folder import HERE, Folder
from tests.golden.formats.focus import FORMATS, module_of

DTYPES = (torch.float64, torch.float32)


def measured(folder: Folder, name: str) -> list[Measure]:
    """Returns all comparisons of a case in numbers; none where it is equal or not."""
    found = getattr(module_of(name), "measures", None)
    return [] if found is None else list(_called(found, folder, name))


def _called(
    measures: Callable[..., Iterator[Measure]], folder: Folder, name: str
) -> Iterator[Measure]:
    """In each precision, where the module asks for one."""
    entry = folder.index[name]
    if "dtype" in inspect.signature(measures).parameters:
        for dtype in DTYPES:
            yield from measures(folder, name, entry, dtype)
    else:
        yield from measures(folder, name, entry)


def held(folder: Folder, name: str) -> tuple[int, list[str]]:
    """Returns how many checks of a case hold, and the names of those that fail."""
    good, failed = 0, list[str]()
    for check in FORMATS["focus"].checks(folder, name, folder.index[name]):
        try:
            check.run()
            good += 1
        except AssertionError:
            failed.append(check.name)
    return good, failed


def main() -> None:
    """Prints one row a case, and the worst error of every kind of number."""
    folder = Folder.read(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "focus")
    worst: dict[str, tuple[float, float, str]] = {}
    print("| case | numbers compared | worst error | as a share of the allowed | checks |")
    print("|---|---|---|---|---|")
    for name in folder.index:
        good, failed = held(folder, name)
        said = f"{good} hold" if good else "none"
        said += f", FAIL: {', '.join(failed)}" if failed else ""
        found = measured(folder, name)
        cells = ["", "", ""]
        if found:
            share = max(m.error / m.allowed if m.allowed else m.error for m in found)
            cells = [str(len(found)), f"{max(m.error for m in found):.1e}", f"{share:.3f}"]
        for m in found:
            if m.error >= worst.get(m.kind, (-1.0,))[0]:
                worst[m.kind] = (m.error, m.allowed, f"{name}, {m.where}")
        print(f"| {name} | {' | '.join(cells)} | {said} |", flush=True)
    print("\nWorst of all cases (allowed in brackets):\n")
    for kind, (error, allowed, where) in sorted(worst.items()):
        print(f"* {kind}: {error:.1e} ({allowed:.0e}) in {where}")


if __name__ == "__main__":
    main()
