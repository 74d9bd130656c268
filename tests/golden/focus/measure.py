"""How far we are off golden numbers of focus models, as the files' README measures it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from connsearch.models.key_map import KeyMap
from tests.golden.cupboard import Check
from tests.golden.focus.rule import signed, weight

Arrays = Mapping[str, NDArray[np.generic]]
FLOOR = 1e-4
"""Share of the largest norm of a file; what is smaller is compared relative to the largest."""


class Measure(NamedTuple):
    """One comparison: the kind of number, where, and the error and what is allowed in one unit."""

    kind: str
    where: str
    error: float
    allowed: float


def judged(name: str, measures: Callable[[], Iterable[Measure]]) -> Check:
    """Returns the check that all comparisons are within what is allowed, and that there are any."""

    def run() -> None:
        found = list(measures())
        assert found, "the file holds nothing to compare"
        wrong = [m for m in found if not m.error <= m.allowed]
        lines = (f"{m.kind}, {m.where}: {m.error:.2g}, allowed {m.allowed:.0e}" for m in wrong)
        assert not wrong, "\n".join(lines)

    return Check(name, run)


def both(name: str, measures: Callable[[torch.dtype], Iterable[Measure]]) -> Iterator[Check]:
    """Yields a check of a case in each precision."""
    for dtype in (torch.float64, torch.float32):
        label = str(dtype).removeprefix("torch.")
        yield judged(f"{name}-{label}", partial(measures, dtype))


def relative(
    kind: str, where: str, ours: Tensor, golden: NDArray[np.generic], allowed: float
) -> Measure:
    """Returns the error relative to the largest golden entry; shapes may differ in their axes."""
    result, wanted = ours.detach().double().numpy(), golden.astype(np.float64)
    assert result.size == wanted.size, f"{where}: {result.shape}, golden {wanted.shape}"
    largest = max(float(np.abs(wanted).max()), 1e-12)
    error = float(np.abs(result.reshape(wanted.shape) - wanted).max()) / largest
    return Measure(kind, where, error, allowed)


def probed(
    kind: str,
    ours: Mapping[str, Tensor],
    norms: NDArray[np.generic],
    probes: NDArray[np.generic],
    seed: int,
    allowed: float,
) -> Iterator[Measure]:
    """Yields norms and probes against golden ones, relative to each norm or to the largest.

    Args:
        kind: of the numbers.
        ours: by published name, in the order of the golden ones.
        norms: golden.
        probes: golden.
        seed: of the case.
        allowed: relative error.
    """
    largest = float(norms.max())
    for (name, tensor), norm, probe in zip(ours.items(), norms, probes, strict=True):
        values = tensor.detach().double().numpy()
        inner = (values * signed(f"probe/{name}", values.shape, seed)).sum()
        scale = float(norm) if norm >= FLOOR * largest else largest
        yield Measure(kind, name, abs(float(np.linalg.norm(values)) - float(norm)) / scale, allowed)
        yield Measure(kind, f"{name} (probe)", abs(float(inner - probe)) / scale, allowed)


def filled(
    module: nn.Module,
    names: KeyMap,
    seed: int,
    *,
    inside: str = "",
    stored: Mapping[str, NDArray[np.generic]] | None = None,
) -> nn.Module:
    """Returns a module in float64 after every entry got what the rule has for its published name.

    Args:
        module: of ours.
        names: ours and the published ones.
        seed: of the case.
        inside: what our names of its entries would begin with in a focus model: ``policy.``.
        stored: values by published name, in place of the rule's.
    """
    state: dict[str, Tensor] = {}
    for name, entry in module.state_dict().items():
        theirs = names.published(inside + name)
        assert theirs is not None, f"{inside}{name} has no published name"
        known = (stored or {}).get(theirs)
        values = weight(theirs, tuple(entry.shape), seed) if known is None else known
        state[name] = torch.from_numpy(np.asarray(values)).to(entry.dtype)
        if entry.is_floating_point():
            state[name] = torch.from_numpy(np.asarray(values, dtype=np.float64))
    module.double()
    module.load_state_dict(state)
    return module


def published(
    tensors: Iterable[tuple[str, Tensor]], names: KeyMap, *, inside: str = ""
) -> dict[str, Tensor]:
    """Returns tensors of ours by their published names."""
    found = {names.published(inside + name) or "": tensor for name, tensor in tensors}
    assert "" not in found, "an entry has no published name"
    return found


def component(
    module: nn.Module,
    run: Callable[[Tensor], Tensor],
    names: KeyMap,
    inside: str,
    out: str,
    seed: int,
    arrays: Arrays,
    features: NDArray[np.float64],
    vector: NDArray[np.float64],
) -> Iterator[Measure]:
    """Yields every comparison of a file about one part: answers, gradients, statistics.

    Args:
        module: of ours, with its weights, in the precision that is compared.
        run: features to the answers.
        names: ours and the published ones.
        inside: what our names begin with in a focus model.
        out: what the answers are called.
        seed: of the case.
        arrays: golden.
        features: what goes in.
        vector: by which the answers are multiplied before the gradient is taken.
    """
    dtype = next(module.parameters()).dtype
    allowed = 1e-11 if dtype is torch.float64 else 1e-5
    label = str(dtype).removeprefix("torch.")
    for mode in ("eval", "train"):
        module.train(mode == "train")
        module.zero_grad(set_to_none=True)
        x = torch.from_numpy(features).to(dtype).requires_grad_()
        found = run(x)
        yield relative(f"{mode} answers, {label}", out, found, arrays[f"{mode}/{out}"], allowed)
        (found.flatten() * torch.from_numpy(vector).to(dtype).flatten()).sum().backward()
        after = published(module.state_dict().items(), names, inside=inside)
        for key in (k for k in arrays if k.startswith(f"{mode}/after/")):
            theirs = key.removeprefix(f"{mode}/after/")
            yield relative(f"{mode} statistics, {label}", key, after[theirs], arrays[key], allowed)
        assert x.grad is not None
        yield from _gradients(module, names, inside, seed, arrays, mode, x.grad, allowed, label)


def _gradients(
    module: nn.Module,
    names: KeyMap,
    inside: str,
    seed: int,
    arrays: Arrays,
    mode: str,
    of_features: Tensor,
    allowed: float,
    label: str,
) -> Iterator[Measure]:
    grads = [(n, p.grad) for n, p in module.named_parameters() if p.grad is not None]
    by_name = published(grads, names, inside=inside)
    listed: Sequence[str] = [str(name) for name in arrays["names"]]
    assert set(listed) == set(by_name)
    ours, kind = {name: by_name[name] for name in listed}, f"{mode} gradients, {label}"
    yield from probed(
        kind, ours, arrays[f"{mode}/grad_norm"], arrays[f"{mode}/grad_probe"], seed, allowed
    )
    whole = {k: a for k, a in arrays.items() if k.startswith(f"{mode}/grad/")}
    largest = max((float(np.abs(a).max()) for a in whole.values()), default=1.0)
    for key, array in whole.items():
        name = key.removeprefix(f"{mode}/grad/")
        mine = of_features if name == "features" else by_name[name]
        error = float(np.abs(mine.double().numpy().reshape(array.shape) - array).max()) / largest
        yield Measure(kind, key, error, allowed)
    if f"{mode}/grad_features_norm" in arrays:
        yield from probed(
            kind,
            {"features": of_features},
            arrays[f"{mode}/grad_features_norm"][None],
            arrays[f"{mode}/grad_features_probe"][None],
            seed,
            allowed,
        )
