"""How far networks and blocks of ours are off golden numbers, as the files' README measures it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tests.golden.srtg.rule import signed

Arrays = Mapping[str, np.ndarray]
FLOAT32_PROVES_NOTHING = 1e-3
"""Where the reference itself is off by more in float32, only float64 is compared."""


class Measure(NamedTuple):
    """One comparison: where, and the error and what is allowed in the same unit."""

    where: str
    error: float
    allowed: float


@dataclass
class Subject:
    """One of our modules in the place of a published one.

    Attributes:
        module: what is run and differentiated.
        run: an input to the output.
        names: published name -> ours, of every parameter and statistic.
        places: golden place -> the module whose output it is; of one with several outputs by name,
            the one that the place ends with.
        gradients: of the output with respect to the input first, then as asked for; by name.
    """

    module: nn.Module
    run: Callable[[Tensor], Tensor]
    names: Mapping[str, str]
    places: Mapping[str, nn.Module] = field(default_factory=dict[str, nn.Module])
    seen: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def load(self, values: Mapping[str, Tensor], dtype: torch.dtype) -> None:
        """Puts published tensors into the module; every one of both sides is used, or it fails."""
        state = {self.names[name]: value for name, value in values.items()}
        counters = {n for n in self.module.state_dict() if n.endswith("num_batches_tracked")}
        found = self.module.load_state_dict(state, strict=False)
        assert not found.unexpected_keys, f"nothing takes {found.unexpected_keys}"
        assert set(found.missing_keys) <= counters, f"nothing sets {found.missing_keys}"
        self.module.to(dtype)

    def watch(self) -> None:
        """Keeps what the modules at golden places give out from now on."""

        def keep(place: str, output: Any) -> None:
            one = output if isinstance(output, Tensor) else getattr(output, place.split("_")[-1])
            self.seen[place] = one.detach()

        for place, module in self.places.items():
            module.register_forward_hook(lambda _m, _i, out, place=place: keep(place, out))

    def tensor(self, name: str) -> Tensor:
        """Returns the tensor of ours with a published name."""
        return self.module.state_dict()[self.names[name]].double()

    def gradient(self, name: str) -> Tensor:
        """Returns the gradient of ours for a published name."""
        grad = self.module.get_parameter(self.names[name]).grad
        assert grad is not None, f"{name} has no gradient"
        return grad.double()


def label(mode: str, dtype: torch.dtype) -> str:
    """Returns what arrays of a mode and a precision begin with."""
    return mode if dtype is torch.float32 else f"{mode}64"


def component(subject: Subject, arrays: Arrays, mode: str, dtype: torch.dtype) -> Iterator[Measure]:
    """Yields every comparison of a component file: output, statistics, gradients in float64."""
    at, allowed = label(mode, dtype), 1e-5 if dtype is torch.float32 else 1e-10
    subject.module.train(mode == "train")
    x = torch.from_numpy(arrays["input/x"]).to(dtype).requires_grad_()
    out = subject.run(x)
    yield relative(f"{at}/out", out, arrays[f"{at}/out"], allowed)
    for key in (k for k in arrays if k.startswith(f"{at}/after/")):
        name = key.removeprefix(f"{at}/after/")
        yield relative(key, subject.tensor(name), arrays[key], allowed)
    golden = {k: a for k, a in arrays.items() if k.startswith(f"{at}/grad")}
    if not golden:
        return
    (out * torch.from_numpy(arrays["grad_vector"]).to(dtype)).sum().backward()
    largest = max(float(np.abs(a).max()) for a in golden.values())
    assert x.grad is not None
    for key, array in golden.items():
        grad = x.grad if key.endswith("grad_input/x") else subject.gradient(key.split("/", 2)[2])
        yield Measure(key, float(np.abs(grad.double().numpy() - array).max()) / largest, allowed)


def network(
    subject: Subject, entry: Mapping[str, Any], arrays: Arrays, mode: str, x: Tensor
) -> Iterator[Measure]:
    """Yields every comparison of a network file in one mode, in the precision of the input."""
    at = label(mode, x.dtype)
    allowed = _Allowed(entry, mode, x.dtype)
    subject.module.train(mode == "train")
    subject.watch()
    x = x.requires_grad_()
    out = subject.run(x)
    if allowed.says("out"):
        yield relative(f"{at}/out", out, arrays[f"{at}/out"], allowed.of("out"))
    if allowed.says("inter"):
        yield from _places(subject, arrays, at, allowed.of("inter"))
    if f"{at}/after_sum" in arrays and allowed.says("after"):
        yield from _statistics(subject, entry, arrays, at, allowed.of("after"))
    vector = torch.from_numpy(signed("grad_vector", tuple(out.shape), entry["seed"])).to(x.dtype)
    (out * vector).sum().backward()
    yield from _gradients(subject, entry, arrays, at, x, allowed)


class _Allowed:
    """What the README allows in a mode and precision, of each kind of number."""

    def __init__(self, entry: Mapping[str, Any], mode: str, dtype: torch.dtype) -> None:
        self._errors, self._mode, self._dtype = entry["float32_errors"], mode, dtype

    def says(self, kind: str) -> bool:
        """Returns whether such numbers say anything in this precision."""
        error = self._errors.get(f"{self._mode}_{kind}", 0.0)
        return self._dtype is torch.float64 or error <= FLOAT32_PROVES_NOTHING

    def of(self, kind: str) -> float:
        """Returns the largest relative error."""
        if self._dtype is torch.float64:
            return 1e-7 if kind.startswith("g") else 1e-9 if self._mode == "train" else 1e-10
        return max(1e-5, 10 * self._errors[f"{self._mode}_{kind}"])


def _places(subject: Subject, arrays: Arrays, at: str, allowed: float) -> Iterator[Measure]:
    start = f"{at}/inter/"
    places = sorted({k.split("/")[2] for k in arrays if k.startswith(start)})
    assert set(places) == set(subject.places), f"golden places {places}, ours {set(subject.places)}"
    for place in places:
        t = subject.seen[place].double().numpy()
        t = t.reshape(tuple(arrays[f"{start}{place}/shape"]))
        corner = (1, 4, 2, 3, 3) if t.ndim > 2 else (2, t.size)
        mine = {
            "mean_std": np.array([t.mean(), t.std()]),
            "full": t,
            "channel_mean": t.mean((0, *range(2, t.ndim))),
            "head": t[tuple(slice(None, n) for n in corner[: t.ndim])],
            "tail": t[tuple(slice(-n, None) for n in corner[: t.ndim])],
        }
        for part, ours in mine.items():
            key = f"{start}{place}/{part}"
            if key in arrays:
                error = float(np.abs(ours - arrays[key]).max() / np.abs(t).max())
                yield Measure(key, error, allowed)
        total = np.abs(t).sum()
        sums = np.array([t.sum(), total, (t**2).sum(), t.min(), t.max()])
        scale = np.array([total, total, (t**2).sum(), np.abs(t).max(), np.abs(t).max()])
        key = f"{start}{place}/sums"
        yield Measure(key, float((np.abs(sums - arrays[key]) / scale).max()), allowed)


def _statistics(
    subject: Subject, entry: Mapping[str, Any], arrays: Arrays, at: str, allowed: float
) -> Iterator[Measure]:
    for place, name in enumerate(entry["statistics"]):
        t = subject.tensor(name).numpy()
        scale = np.abs(t).sum()
        dot = (t * signed(f"dot/{name}", t.shape, 0)).sum()
        for key, ours in ((f"{at}/after_sum", t.sum()), (f"{at}/after_dot", dot)):
            error = abs(float(ours - arrays[key][place])) / scale
            yield Measure(f"{key} of {name}", error, allowed)


def _gradients(
    subject: Subject,
    entry: Mapping[str, Any],
    arrays: Arrays,
    at: str,
    x: Tensor,
    allowed: _Allowed,
) -> Iterator[Measure]:
    norms, dots = arrays[f"{at}/grad_norm"], arrays[f"{at}/grad_dot"]
    assert x.grad is not None
    floor = 1e-6 * norms.max()
    for place, name in enumerate(("input/x", *entry["parameters"])):
        grad = (x.grad.double() if not place else subject.gradient(name)).numpy()
        norm, dot = np.linalg.norm(grad), (grad * signed(f"dot/{name}", grad.shape, 0)).sum()
        if norms[place] == 0:
            assert norm == 0, f"{name}: a gradient of norm {norm}, golden exactly 0"
            continue
        scale = max(norms[place], floor)
        for kind, key, ours, golden in (
            ("gnorm", f"{at}/grad_norm", norm, norms[place]),
            ("gdot", f"{at}/grad_dot", dot, dots[place]),
        ):
            if allowed.says(kind):
                error = abs(float(ours - golden)) / scale
                yield Measure(f"{key} of {name}", error, allowed.of(kind))


def relative(where: str, ours: Tensor, golden: np.ndarray, allowed: float) -> Measure:
    """Returns the error relative to the largest golden entry."""
    result = ours.detach().double().numpy()
    assert result.shape == golden.shape, f"{where}: {result.shape}, golden {golden.shape}"
    largest = max(float(np.abs(golden).max()), 1e-12)
    return Measure(where, float(np.abs(result - golden).max()) / largest, allowed)
