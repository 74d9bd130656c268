"""Prints the AssembleNet cases and the worst error of each kind as a markdown table.

Run it from the root: ``python -m tests.golden.report [DIR]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.golden.assemblenet.compare import TOLERANCES, measure
from tests.golden.assemblenet.layout import Case
from tests.golden.folder import HERE, Folder
from tests.golden.formats.assemblenet import COUNTS, DTYPES


def worst_of(folder: Folder, name: str) -> dict[str, dict[str, float]]:
    """Returns dtype -> kind -> worst error of one case."""
    case = Case(name, folder.index[name], folder.arrays(name))
    found: dict[str, dict[str, float]] = {}
    for label, dtype in DTYPES.items():
        worst = found.setdefault(label, {})
        for m in measure(case, dtype):
            worst[m.kind] = max(worst.get(m.kind, 0.0), m.error)
    return found


def main() -> None:
    """Prints one row a case: float64 / float32 errors, in the units of ``compare.TOLERANCES``."""
    folder = Folder.read(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
    kinds = list(TOLERANCES)
    print(f"| case | {' | '.join(kinds)} |")
    print("|---|" + "---|" * len(kinds))
    overall: dict[str, tuple[float, str]] = {}
    for name in (n for n in folder.index if n != COUNTS):
        errors = worst_of(folder, name)
        cells: list[str] = []
        for kind in kinds:
            pair = [errors[label].get(kind) for label in DTYPES]
            cells.append(" / ".join("" if e is None else f"{e:.1e}" for e in pair).strip(" /"))
            for label in errors:
                if kind in errors[label]:
                    key = f"{kind}, {label}"
                    overall[key] = max(overall.get(key, (0.0, "")), (errors[label][kind], name))
        print(f"| {name} | {' | '.join(cells)} |")
    print("\nWorst of all cases (float64 / float32 above; tolerances of the README in brackets):\n")
    for key, (error, name) in overall.items():
        print(f"* {key}: {error:.1e} in {name} ({TOLERANCES[key.split(',')[0]]:.0e})")


if __name__ == "__main__":
    main()
