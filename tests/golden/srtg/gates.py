"""Squeeze-and-recursion modules, and gate decisions of the definition, against ours."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from connsearch.nn.cycle_consistency import GateTest, consistent
from connsearch.nn.temporal_gate import TemporalGate
from tests.golden.cupboard import Check
from tests.golden.folder import Folder
from tests.golden.srtg.measure import Measure, Subject, component

KINDS = ("sr", "gate")
"""Of the entries that are looked at here."""


def checks(folder: Folder, name: str) -> Iterator[Check]:
    """Yields a check of an entry in each precision."""
    for dtype in (torch.float64, torch.float32):
        run = partial(_judge, folder, name, dtype)
        if folder.index[name]["kind"] == "gate":
            run = partial(decisions, folder, name, dtype)
        yield Check(f"{name}-{str(dtype).removeprefix('torch.')}", run)


def _judge(folder: Folder, name: str, dtype: torch.dtype) -> None:
    measures = recursion(folder, name, dtype)
    wrong = [f"{m.where}: {m.error:.2g}" for m in measures if not m.error <= m.allowed]
    assert measures, "the file holds nothing to compare"
    assert not wrong, "\n".join(wrong)


def recursion(folder: Folder, name: str, dtype: torch.dtype) -> list[Measure]:
    """Returns how far a module is off: its output, and in float64 its gradients."""
    entry, arrays = folder.index[name], folder.arrays(name)
    module = TemporalGate(entry["channels"], layers=entry["layers"])
    names = {weight: weight.replace("lstm.", "recursion.") for weight in entry["weights"]}
    subject = Subject(module, module, names)
    subject.load({n: torch.from_numpy(arrays[f"weight/{n}"]) for n in names}, dtype)
    return [m for mode in entry["modes"] for m in component(subject, arrays, mode, dtype)]


def decisions(folder: Folder, name: str, dtype: torch.dtype) -> None:
    """Every case is decided as by the definition, all frames and any share of them."""
    entry, arrays = folder.index[name], folder.arrays(name)
    cases = sorted({key.split("/")[0] for key in arrays})
    assert len(cases) == entry["cases"]
    for case in cases:
        found = {k.split("/")[1]: a for k, a in arrays.items() if k.startswith(f"{case}/")}
        wrong = list(_wrong(entry["flags"], found, dtype))
        assert not wrong, f"{case}: {wrong}"


def _wrong(flags: list[str], case: dict[str, np.ndarray], dtype: torch.dtype) -> list[str]:
    u, s = (torch.from_numpy(case[side]).to(dtype).T[None] for side in ("u", "s"))
    golden = dict(zip(flags, case["flags"], strict=True))
    temperature = float(case["tau"])
    wrong: list[str] = []

    def compare(what: str, ours: torch.Tensor, theirs: object) -> None:
        if bool(ours) != bool(theirs):
            wrong.append(f"{what}: {bool(ours)}, golden {bool(theirs)}")

    for test, kind in (("cycle", "r"), ("align", "n")):
        frames = np.arange(u.shape[2])
        shares = [(case[f"{kind}_{way}"] == frames).mean() for way in ("us", "su")]
        for both, share in (("and", min(shares)), ("or", max(shares))):
            settings: Any = {"test": test, "both": both, "temperature": temperature}
            what, asked = f"{test} {both}", GateTest(**settings)
            compare(what, consistent(u, s, asked), golden[f"{test}_{both}"])
            compare(f"{what}, swapped", consistent(s, u, asked), share == 1)
            if share > 0:
                just = GateTest(**settings, min_fraction=share)
                compare(f"{what} from {share}", consistent(u, s, just), True)
            if share < 1:
                more = GateTest(**settings, min_fraction=share + 0.5 / len(frames))
                compare(f"{what} above {share}", consistent(u, s, more), False)
    return wrong
