"""Prints modules, residual blocks and networks of squeeze-and-recursion with their worst errors.

Run it from the root: ``python -m tests.golden.srtg.report [DIR]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.golden.folder import Folder
from tests.golden.formats.srtg import DTYPES
from tests.golden.srtg.gates import recursion
from tests.golden.srtg.measure import Measure
from tests.golden.srtg.mtnet import mtnet_measures
from tests.golden.srtg.networks import block_measures, network_measures
from tests.golden.srtg.rule import HERE

KINDS = {
    "out": "output",
    "inter": "places inside",
    "after": "statistics",
    "grad": "gradients",
}
"""What a comparison's name has after its mode -> what it is called."""


def kind_of(measure: Measure) -> str:
    """Returns mode and kind of a comparison, such as ``train gradients``.

    >>> kind_of(Measure("train64/grad_norm of fc.bias", 0.0, 0.0))
    'train gradients'
    """
    mode, rest = measure.where.split("/", 1)
    found = next(name for start, name in KINDS.items() if rest.startswith(start))
    return f"{mode.removesuffix('64')} {found}"


def main() -> None:
    """Prints one row a case: the worst errors, and those of float32 beside what is allowed."""
    folder = Folder.read(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
    runs = {
        "sr": recursion,
        "block": block_measures,
        "net": network_measures,
        "mtnet": mtnet_measures,
    }
    worst: dict[tuple[str, str, str], tuple[float, str]] = {}
    print("| case | comparisons | worst, float64 | worst, float32, as a share of the allowed |")
    print("|---|---|---|---|")
    for name, entry in folder.index.items():
        if entry["kind"] not in runs:
            continue
        found = {label: list(runs[entry["kind"]](folder, name, t)) for label, t in DTYPES.items()}
        for label, measures in found.items():
            for m in measures:
                key = entry["kind"], label, kind_of(m)
                worst[key] = max(worst.get(key, (0.0, "")), (m.error, name))
        number = sum(map(len, found.values()))
        exact = max(m.error for m in found["float64"])
        share = max(m.error / m.allowed for m in found["float32"] if m.allowed)
        print(f"| {name} | {number} | {exact:.1e} | {share:.2f} |", flush=True)
    print("\nWorst of all cases:\n")
    for (kind, label, what), (error, name) in sorted(worst.items()):
        print(f"* {kind}, {label}, {what}: {error:.1e} in {name}")


if __name__ == "__main__":
    main()
