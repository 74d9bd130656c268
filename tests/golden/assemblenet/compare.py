"""Runs a golden case through our module and measures how far off it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from connsearch.models.structure import Network
from connsearch.nn.connection import ConnectionFusion
from connsearch.nn.flow import representation_flow
from tests.golden.assemblenet.layout import Case, from_ours, to_clip, to_parameter
from tests.golden.assemblenet.names import Slot, Subject, ignorable, inputs_of
from tests.golden.assemblenet.subjects import build

TOLERANCES = {
    "output": 1e-5,
    "model output": 1e-4,
    "intermediate": 1e-4,
    "statistics": 1e-5,
    "flow": 1e-4,
    "gradient": 1e-4,
}
"""As the golden files' README suggests: outputs, intermediates and statistics relative to the
largest entry, flow relative to max(|flow|, 1), gradients relative to the largest of the file."""

GRADIENT_FLOAT32 = 1e-3
"""A ReLU or max-pool flip may move single stem gradients in float32."""


@dataclass(frozen=True)
class Measure:
    """One comparison: its kind (a key of TOLERANCES), where, and the error in that kind's unit."""

    kind: str
    where: str
    error: float
    tolerance: float


def measure(case: Case, dtype: torch.dtype) -> Iterator[Measure]:
    """Yields every comparison that a case allows, in float64 or float32."""
    if case.kind == "1" and not case.modes:
        yield from _measure_flow(case, dtype)
        return
    if not any(k.startswith("weight/") for k in case.arrays) and case.name.startswith("2c"):
        yield from _measure_object_stem(case, dtype)
        return
    for mode in case.modes:
        yield from _measure_mode(case, mode, dtype)


def load(subject: Subject, case: Case) -> None:
    """Puts a case's weights into our module; every one of both sides is used, or it fails."""
    state = subject.module.state_dict()
    wanted = {
        (name, row)
        for name, tensor in state.items()
        if tensor.numel() and not name.endswith("num_batches_tracked")
        for row in (range(len(tensor)) if name.endswith("attention.logits") else (None,))
    }
    unused: list[str] = []
    for name, array in case.group("weight").items():
        slot = subject.slot(name)
        if slot is None:
            unused.append(name)
            continue
        target = state[slot.state] if slot.row is None else state[slot.state][slot.row]
        target.copy_(to_parameter(array, target.shape))
        wanted.remove((slot.state, slot.row))
    assert all(ignorable(case, name) for name in unused), f"nothing takes {unused}"
    assert not wanted, f"nothing sets {sorted(map(str, wanted))}"


def _measure_mode(case: Case, mode: str, dtype: torch.dtype) -> Iterator[Measure]:
    subject = build(case)
    load(subject, case)
    subject.module.to(dtype).train(mode == "train")
    seen = _Seen(subject)
    inputs = {k: v.requires_grad_(case.kind != "7") for k, v in inputs_of(case, dtype).items()}
    output = subject.run(inputs)
    kind = "model output" if case.kind == "7" else "output"
    yield _relative(kind, f"{mode}/out", output, case.arrays[f"{mode}/out"])
    yield from _measure_intermediates(case, mode, seen.tensors)
    if mode == "train":
        yield from _measure_statistics(case, subject)
    yield from _measure_gradients(case, mode, subject, inputs, output)


class _Seen:
    """Collects what modules give out while a subject runs, under golden positions."""

    def __init__(self, subject: Subject) -> None:
        self.tensors: dict[str, Tensor] = {}
        for where, module in subject.inter.items():
            module.register_forward_hook(self._keep(where))
        for prefix, fusion in subject.scaled.items():
            self._watch_gates(prefix, fusion)
        if isinstance(subject.module, Network):
            self._watch_flow(subject.module)

    def _keep(self, where: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            self.tensors[where] = output

        return hook

    def _watch_flow(self, network: Network) -> None:
        """Flow is no module of the network: what the first flow stem gets."""

        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self.tensors["rep_flow/out"] = inputs[0]

        stems = [n for n in network.nodes if getattr(n, "conv1", None) is not None]
        flow = next(n for n in stems if n.conv1.in_channels == 2)  # type: ignore[union-attr]
        flow.register_forward_pre_hook(hook)

    def _watch_gates(self, prefix: str, fusion: ConnectionFusion) -> None:
        """Gated inputs are never a tensor on their own here: scale times pooled input."""
        watched: Any = fusion
        scale_of = watched._scale

        def scale(source: int, x: Tensor, *rest: Any) -> Tensor | None:
            scale = scale_of(source, x, *rest)
            where = f"{prefix}attn_in{fusion.plan.sources.index(source)}/out"
            self.tensors[where] = x if scale is None else x * scale
            return scale

        watched._scale = scale


def _measure_intermediates(case: Case, mode: str, seen: Mapping[str, Tensor]) -> Iterator[Measure]:
    for where, parts in intermediates(case, mode).items():
        if where not in seen:
            assert ignorable(case, where), f"nothing gives {where}"
            continue
        shape = tuple(parts["shape"].astype(int))
        ours = from_ours(seen[where], len(shape))
        assert ours.shape == shape, f"{where}: {ours.shape}, golden {shape}"
        corner = (1, 2, 3, 3, 4) if ours.ndim == 5 else (2, 3, 3, 4)
        mine = {
            "full": ours,
            "mean_std": np.array([ours.mean(), ours.std()]),
            "channel_mean": ours.mean(tuple(range(ours.ndim - 1))),
        }
        if "head" in parts:
            mine["head"] = ours[tuple(slice(None, n) for n in corner)]
            mine["tail"] = ours[tuple(slice(-n, None) for n in corner)]
        largest = max(float(np.abs(ours).max()), 1e-12)
        kind = "flow" if where == "rep_flow/out" else "intermediate"
        if kind == "flow":
            largest = max(largest, 1.0)
        for part, array in parts.items():
            if part != "shape":
                error = float(np.abs(mine[part] - array).max()) / largest
                yield Measure(kind, f"{mode}/{where}/{part}", error, TOLERANCES[kind])


def intermediates(case: Case, mode: str) -> dict[str, dict[str, np.ndarray]]:
    """Returns what a case says about features inside: position to shape, mean_std, full ..."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, array in case.group(f"{mode}/inter").items():
        where, part = name.rsplit("/", 1)
        found.setdefault(where, {})[part] = array
    return found


def _measure_statistics(case: Case, subject: Subject) -> Iterator[Measure]:
    state = subject.module.state_dict()
    after = case.group("train/after")
    moving = {n for n in case.group("weight") if "/moving_" in n}
    assert set(after) == moving or case.kind == "1", f"not all statistics: {moving ^ set(after)}"
    for name, array in after.items():
        slot = subject.slot(name)
        assert slot is not None, name
        yield _relative("statistics", f"train/after/{name}", state[slot.state], array)


def _measure_gradients(
    case: Case, mode: str, subject: Subject, inputs: Mapping[str, Tensor], output: Tensor
) -> Iterator[Measure]:
    golden = case.group(f"{mode}/grad")
    if not golden:
        return
    vector = torch.from_numpy(case.arrays["grad_vector"]).to(output.dtype)
    if output.ndim == 5:
        vector = to_clip(case.arrays["grad_vector"], case.frames(), output.dtype)
    (output * vector).sum().backward()
    largest = max(float(np.abs(g).max()) for g in golden.values())
    tolerance = TOLERANCES["gradient"] if output.dtype is torch.float64 else GRADIENT_FLOAT32
    for name, array in golden.items():
        if name.startswith("input/"):
            grad = inputs[name.removeprefix("input/")].grad
            assert grad is not None, f"{name} has no gradient"
            error = np.abs(from_ours(grad, array.ndim) - array).max()
        elif (slot := subject.slot(name)) is not None:
            grad = _gradient(subject.module, slot)
            error = (grad - to_parameter(array, grad.shape)).abs().max()
        else:
            assert ignorable(case, name), f"nothing has a gradient {name}"
            continue
        yield Measure("gradient", f"{mode}/grad/{name}", float(error) / largest, tolerance)


def _gradient(module: nn.Module, slot: Slot) -> Tensor:
    grad = module.get_parameter(slot.state).grad
    assert grad is not None, f"{slot.state} has no gradient"
    return grad if slot.row is None else grad[slot.row]


def _measure_flow(case: Case, dtype: torch.dtype) -> Iterator[Measure]:
    for name, array in case.arrays.items():
        if not name.startswith("flow_iter"):
            continue
        iterations = name.removeprefix("flow_iter")
        clip = inputs_of(case, dtype)["x"]
        grad = case.arrays.get(f"grad_x_iter{iterations}")
        clip.requires_grad_(grad is not None)
        flow = representation_flow(clip, iterations=int(iterations), normalisation="batch")
        error = np.abs(from_ours(flow, array.ndim) - array).max() / max(np.abs(array).max(), 1.0)
        yield Measure("flow", name, float(error), TOLERANCES["flow"])
        if grad is not None:
            vector = to_clip(case.arrays["grad_vector"], case.frames(), dtype)
            (flow * vector).sum().backward()
            assert clip.grad is not None
            error = np.abs(from_ours(clip.grad, grad.ndim) - grad).max() / np.abs(grad).max()
            tolerance = TOLERANCES["gradient"] if dtype is torch.float64 else GRADIENT_FLOAT32
            yield Measure("gradient", f"grad_x_iter{iterations}", float(error), tolerance)


def _measure_object_stem(case: Case, dtype: torch.dtype) -> Iterator[Measure]:
    """Several clips in one file, and no weights."""
    from connsearch.graph.kinds import STEM_KINDS, StemModule
    from connsearch.graph.spec import Modality
    from connsearch.nn.layered import Layered

    for name, clip in inputs_of(case, dtype).items():
        classes = clip.shape[1]
        stem = Layered(STEM_KINDS["full"].traced(StemModule(Modality.OBJECT, classes, classes)))
        where = f"eval/out{name.removeprefix('x')}"
        yield _relative("output", where, stem(clip), case.arrays[where])


def _relative(kind: str, where: str, ours: Tensor, golden: np.ndarray) -> Measure:
    result = from_ours(ours, golden.ndim)
    assert result.shape == golden.shape, f"{where}: {result.shape}, golden {golden.shape}"
    error = np.abs(result - golden).max() / max(np.abs(golden).max(), 1e-12)
    return Measure(kind, where, float(error), TOLERANCES[kind])
