"""Golden files of the public AssembleNet code: components and whole networks, channels last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from connsearch.graph.files import load_structure
from connsearch.graph.spec import Attention
from connsearch.models.structure import Network
from connsearch.nn import flow
from connsearch.nn.connection import ConnectionFusion
from tests.golden.assemblenet.compare import load, measure
from tests.golden.assemblenet.layout import Case
from tests.golden.assemblenet.names import FLOW_PREFIX, flow_constants, inputs_of
from tests.golden.assemblenet.subjects import build
from tests.golden.cupboard import FORMATS, Check
from tests.golden.folder import Folder

DTYPES = {"float64": torch.float64, "float32": torch.float32}
COUNTS = "_parameter_counts"
COUNTED = {
    "assemblenet-50": "assemblenet-50",
    "assemblenet-101": "assemblenet-101",
    "assemblenet_plus-50 (151 object classes)": "assemblenet_plus-50",
    "assemblenet_plus_lite": "assemblenet_plus_lite",
}
"""What the table of parameter counts calls them -> our structures."""


class AssembleNet:
    """Cases are named by what they hold: 1 flow, 2 stems, 3 fusion, 4 blocks ... 7 models."""

    known_by = f"named as 2a_rgb_stem, with 'what' and no 'kind'; or the table {COUNTS}"

    def owns(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Returns whether it is named as such a case and says so itself."""
        case = re.match(r"[1-7][a-z]_", name) and "what" in entry and "kind" not in entry
        return name == COUNTS or bool(case)

    def checks(self, folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
        """Returns both precisions, constants and weights of a case; or the counts one by one."""
        if name == COUNTS:
            for counted, number in entry.items():
                if counted != "note":
                    yield Check(f"counts {counted}", partial(counts, counted, number))
            return

        def case() -> Case:
            return Case(name, entry, folder.arrays(name))

        for label, dtype in DTYPES.items():
            yield Check(f"{name}-{label}", lambda dtype=dtype: numbers(case(), dtype))
        if name[0] in "17":
            yield Check(f"{name}-constants", lambda: constants(case()))
        if entry.get("edge_weights") or "[[" in entry["what"]:
            yield Check(f"{name}-fixed", lambda: coefficients(case()))


FORMATS.register("assemblenet")(AssembleNet())


def numbers(case: Case, dtype: torch.dtype) -> None:
    """Every number of the file is ours as well."""
    measures = list(measure(case, dtype))
    assert measures, "the file holds nothing to compare"
    wrong = [m for m in measures if not m.error <= m.tolerance]
    lines = (f"{m.where}: {m.error:.2g}, allowed {m.tolerance:.0e}" for m in wrong)
    assert not wrong, "\n".join(lines)


def constants(case: Case) -> None:
    """Taps and numbers of the published flow are those that our slices stand for."""
    weights = case.group("weight")
    given = {k.removeprefix(FLOW_PREFIX): a for k, a in weights.items() if FLOW_PREFIX in k}
    ours = {"theta": flow.THETA, "lambda": flow.LAMBDA, "tau": flow.TAU}
    taps = flow_constants()
    for name, array in given.items():
        if name in ours:
            assert array == np.float32(ours[name])
        elif name in taps:  # one diagonal kernel: channels do not mix
            width = array.shape[-1]
            np.testing.assert_array_equal(array, taps[name][..., None, None] * np.eye(width))


def coefficients(case: Case) -> None:
    """Published weights start a search at their logits; fixed, they give the same output."""
    subject = build(case)
    start = {k: v.clone() for k, v in subject.module.state_dict().items() if k.endswith("logits")}
    load(subject, case)
    output = subject.run(inputs_of(case, torch.float32))
    fusions = [m for m in subject.module.modules() if isinstance(m, ConnectionFusion)]
    for name, logits in subject.module.state_dict().items():
        if name.endswith("fusion.logits") or name == "logits":
            torch.testing.assert_close(start[name], logits, rtol=1e-5, atol=1e-5)
    for fusion in fusions:
        fix(fusion)
    again = subject.run(inputs_of(case, torch.float32))
    torch.testing.assert_close(again, output, rtol=1e-6, atol=1e-6)


def fix(fusion: ConnectionFusion) -> None:
    """Turns a fusion's learned weights into coefficients, as a network built to be trained has."""
    if fusion.logits is not None:
        fusion.coefficients = fusion.logits.detach().sigmoid()
        fusion.fixed, fusion.learned, fusion.logits = fusion.learned, [], None


def counts(counted: str, number: int) -> None:
    """A published network has as many parameters with us."""
    name, _, mode = counted.partition(", attention ")
    assert name in COUNTED, f"{counted}: counted, but of no structure we know: {list(COUNTED)}"
    structure = load_structure(COUNTED[name]).with_settings(attention=Attention(mode))
    with torch.device("meta"):
        network = Network(structure, 157)
    assert sum(trained(network)) == number


def trained(network: nn.Module) -> Iterator[int]:
    """Yields the sizes of the parameters that learn."""
    return (p.numel() for p in network.parameters() if p.requires_grad)
