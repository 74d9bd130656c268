"""Prints the golden cases and the worst error of each kind as a markdown table.

Run it from the root: ``python -m tests.golden.report [DIR]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from tests.golden.compare import TOLERANCES, measure
from tests.golden.layout import HERE, case_names, read_case, read_index


def worst_of(path: Path, name: str) -> dict[str, dict[str, float]]:
    """Returns dtype -> kind -> worst error of one case."""
    case = read_case(path, name, read_index(path)[name])
    found: dict[str, dict[str, float]] = {}
    for label, dtype in (("float64", torch.float64), ("float32", torch.float32)):
        worst = found.setdefault(label, {})
        for m in measure(case, dtype):
            worst[m.kind] = max(worst.get(m.kind, 0.0), m.error)
    return found


def main() -> None:
    """Prints one row a case: float64 / float32 errors, in the units of ``compare.TOLERANCES``."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    kinds = list(TOLERANCES)
    print(f"| case | {' | '.join(kinds)} |")
    print("|---|" + "---|" * len(kinds))
    overall: dict[str, tuple[float, str]] = {}
    for name in case_names(path):
        errors = worst_of(path, name)
        cells: list[str] = []
        for kind in kinds:
            pair = [errors[label].get(kind) for label in ("float64", "float32")]
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
