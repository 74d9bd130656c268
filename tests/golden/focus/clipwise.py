"""Temporal shift and the model with one window a clip, against golden numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from connsearch.data.loading.batches import Batch
from connsearch.models.features import Features, require_features
from connsearch.models.focus.by_clip import FocusByClip
from connsearch.models.model import Predictions
from connsearch.models.weights import PUBLICATIONS
from connsearch.models.zoo import MODELS
from connsearch.nn.temporal_shift import temporal_shift
from connsearch.training.losses import CrossEntropy
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import OptimiserOptions, RateOptions, ScheduleOptions
from connsearch.training.rates import factors_in, rate_groups
from connsearch.training.terms import losses_of
from tests.golden.cupboard import Check
from tests.golden.focus.measure import Measure, filled, judged, probed, published, relative
from tests.golden.focus.rule import image
from tests.golden.folder import Folder

OURS = {
    "global_CNN.base": "glance",
    "global_CNN.main": "joined.glance",
    "global_CNN.reg": "glance_head",
    "policy_stn": "policy",
    "local_CNN.base": "local",
    "local_CNN.main": "joined.local",
    "local_CNN.reg": "local_head",
}
"""What the tables call our parts."""
TERMS = {
    "random/output": "random",
    "random/local_reg": "random local",
    "policy/output": "policy",
    "policy/local_reg": "policy local",
    "glance_reg": "glance",
}
EVALUATED, TRAINED, GRADIENT = 1e-10, 1e-7, 1e-6


def checks(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
    """Returns a check of a shift, or of everything about a model, in each precision."""
    if name.startswith("e_shift"):
        yield judged(name, partial(shifts, folder, name, entry))
        return
    for dtype in (torch.float64, torch.float32):
        label = str(dtype).removeprefix("torch.")
        yield judged(f"{name}-{label}", partial(measures, folder, name, entry, dtype))


def measures(
    folder: Folder, name: str, entry: Mapping[str, Any], dtype: torch.dtype
) -> Iterator[Measure]:
    """Yields every comparison of a case in one precision; in float32 those of an evaluation."""
    if name.startswith("e_shift"):
        if dtype is torch.float64:
            yield from shifts(folder, name, entry)
        return
    case = Case(folder, name, entry, dtype)
    yield from case.evaluation()
    if dtype is torch.float64:
        yield from case.training()


def shifts(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterator[Measure]:
    """Yields a shift and its gradient, which are exact."""
    arrays = folder.arrays(name)
    x = torch.from_numpy(arrays["input/x"]).requires_grad_()
    found = temporal_shift(x, entry["frames"])
    (found * torch.from_numpy(arrays["grad_vector"])).sum().backward()
    assert x.grad is not None
    yield relative("shift", "out", found, arrays["out"], 0.0)
    yield relative("shift", "gradient", x.grad, arrays["grad/x"], 0.0)


class Case:
    """A file, and our model with its weights."""

    def __init__(
        self, folder: Folder, name: str, entry: Mapping[str, Any], dtype: torch.dtype
    ) -> None:
        self.entry, self.arrays, self.dtype = entry, folder.arrays(name), dtype
        self.label = str(dtype).removeprefix("torch.")
        self.model = model_of(entry).to(dtype)
        self.names = PUBLICATIONS["adafocus"].key_map(self.model.describe().settings)
        self.streams = {
            "rgb": self._frames("glance_frames", entry["frames"], entry["S"]),
            "focus": self._frames("focus_frames", entry["focus_frames"], entry["focus_S"]),
        }
        self.whole = {"rgb": self.streams["focus"]}
        labels = torch.from_numpy(self.arrays["labels"])
        self.batch = Batch(self.streams, labels, torch.arange(len(labels)), None)
        self.looked: list[Tensor] = []
        self.model.local_head.get_submodule("0").register_forward_pre_hook(
            lambda _, x: self.looked.append(x[0])
        )

    def _frames(self, name: str, frames: int, side: int) -> Tensor:
        entry = self.entry
        found = image(name, (entry["batch"], frames, 3, side, side), entry["seed"])
        golden = self.arrays[f"{name}/head"]
        np.testing.assert_allclose(found[..., :3, :3], golden, rtol=0, atol=1e-15)
        return torch.from_numpy(found).to(self.dtype).transpose(1, 2)

    def seen(self) -> Features:
        """What the glance network has seen."""
        part = require_features(self.model.glance, "glance")
        return part.features({"rgb": self.streams["rgb"]})

    def evaluation(self) -> Iterator[Measure]:
        """Yields the comparisons of a forward pass in evaluation."""
        model, arrays = self.model.eval(), self.arrays
        allowed = EVALUATED if self.dtype is torch.float64 else 1e-3
        with torch.no_grad():
            seen = self.seen()
            places = model.policy(seen.map)
            found = model.learned(self.whole, seen, {"policy": places})
        by_name = {term.name: term.logits for term in found.terms}
        ours = {
            "actions": places,
            "output": found.logits,
            "glance_reg": by_name["glance"],
            "local_reg": by_name["policy local"],
            "glance_feature": seen.vector,
            "local_feature": self.looked.pop(),
        }
        for key, tensor in ours.items():
            kind = f"eval {key}, {self.label}"
            yield relative(kind, key, tensor, arrays[f"eval/{key}"], allowed)

    def training(self) -> Iterator[Measure]:
        """Yields the comparisons of a forward pass in training, and of what follows it."""
        model, arrays = self.model.train(), self.arrays
        self.looked.clear()
        places, seen, found = self.both_passes()
        losses = losses_of(found.terms, self.loss)
        weights = [term.weight for term in found.terms]
        total = torch.stack([x * w for x, w in zip(losses, weights, strict=True)]).sum()
        by_name = {t.name: (t.logits, x) for t, x in zip(found.terms, losses, strict=True)}
        for key, term in TERMS.items():
            yield relative("train logits", key, by_name[term][0], arrays[f"train/{key}"], TRAINED)
        terms = torch.stack([by_name[term][1] for term in TERMS.values()])
        passes = torch.stack([terms[:2].sum() + terms[4], terms[2:4].sum() + terms[4]])
        ours = {
            "actions": places,
            "glance_feature": seen.vector,
            "random/local_feature": self.looked[0],
            "policy/local_feature": self.looked[1],
            "loss_terms": terms,
            "loss_passes": passes,
            "loss": total[None],
        }
        for key, tensor in ours.items():
            yield relative(
                "train losses and features", key, tensor, arrays[f"train/{key}"], TRAINED
            )
        yield from self.statistics()
        yield from self.table([by_name[term][1] for term in TERMS.values()])
        model.zero_grad(set_to_none=True)
        total.backward()
        grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        assert len(grads) == len(list(model.parameters()))
        yield from self._probed("train gradients", grads, "train/grad")
        yield from self.step(total)

    def both_passes(self) -> tuple[Tensor, Features, Predictions]:
        """Places of the policy, what the glance network saw, and what is learned from."""
        seen = self.seen()
        places = self.model.policy(seen.map.detach())
        random = torch.from_numpy(self.arrays["random_actions"]).to(self.dtype).unsqueeze(1)
        passes = {"random": random, "policy": places}
        return places, seen, self.model.learned(self.whole, seen, passes)

    def loss(self, logits_BK: Tensor) -> Tensor:
        """Cross entropy as a training has it."""
        return CrossEntropy().training(logits_BK, self.batch)

    def statistics(self) -> Iterator[Measure]:
        """Yields moving statistics and counts of batches after one forward pass."""
        arrays, seed = self.arrays, self.entry["seed"]
        state = published(self.model.state_dict().items(), self.names)
        ours = {str(n): state[str(n)] for n in arrays["names/statistics"]}
        norms, probes = arrays["train/after_norm"], arrays["train/after_probe"]
        yield from probed("train statistics", ours, norms, probes, seed, TRAINED)
        for key in (k for k in arrays if k.startswith("train/after/")):
            name = key.removeprefix("train/after/")
            yield relative("train statistics", key, state[name], arrays[key], TRAINED)
        counts = [int(state[str(n)]) for n in arrays["names/counters"]]
        assert counts == arrays["train/after_counters"].tolist()

    def table(self, terms: list[Tensor]) -> Iterator[Measure]:
        """Yields the norm of the gradient of each term on each part, and whether it gets there."""
        arrays = self.arrays
        parts = {
            part: list(self.model.get_submodule(OURS[part]).parameters())
            for part in self.entry["table_columns"]
        }
        everything = [p for own in parts.values() for p in own]
        norms, reached = list[list[float]](), list[list[bool]]()
        for term in terms:
            grads = torch.autograd.grad(term, everything, retain_graph=True, allow_unused=True)
            found: list[Tensor | None] = list(grads)  # torch does not say that some may be None
            of = dict(zip(everything, found, strict=True))
            own = [[g for p in parts[part] if (g := of[p]) is not None] for part in parts]
            reached.append([bool(column) for column in own])
            norms.append([float(sum(g.norm() ** 2 for g in column)) ** 0.5 for column in own])
        assert reached == arrays["train/grad_reached"].tolist()
        golden = arrays["train/grad_table"]
        yield relative("train gradient table", "terms", torch.tensor(norms), golden, GRADIENT)

    def step(self, before: Tensor) -> Iterator[Measure]:
        """Yields the change of every parameter in one clipped step, and the loss after it."""
        entry, model, arrays = self.entry, self.model, self.arrays
        was = {n: p.detach().clone() for n, p in model.named_parameters()}
        norm = torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm()
        yield relative("norm of all gradients", "norm", norm, arrays["train/total_norm"], GRADIENT)
        options = OptimiserOptions(
            optimiser="sgd",
            lr=entry["lr"],
            momentum=entry["momentum"],
            nesterov=False,
            weight_decay=entry["weight_decay"],
            decay_all=True,
            grad_clip=entry["clip_norm"],
        )
        groups = rate_groups(model, RateOptions())
        found = {ours: self._share(theirs) for theirs, ours in OURS.items()}
        shares = {ours: share for ours, share in found.items() if share != 1}
        assert {group.name: group.factor for group in groups if group.name != "rest"} == shares
        schedule = ScheduleOptions(schedule="constant", warmup=0.0)
        Optimisers(model, options, schedule, factors=factors_in(groups)).step(0, total_steps=10)
        change = {n: p.detach() - was[n] for n, p in model.named_parameters()}
        yield from self._probed("change by a step", change, "step/delta")
        with torch.no_grad():
            _, _, again = self.both_passes()
            losses = losses_of(again.terms, self.loss)
        pairs = zip(losses, again.terms, strict=True)
        after = torch.stack([x * term.weight for x, term in pairs]).sum()
        told = torch.stack([before.detach(), after])
        yield relative("loss after a step", "loss", told, arrays["step/losses"], GRADIENT)

    def _share(self, part: str) -> float:
        """What a part, and its heads, have of the rate."""
        return self.entry["lr_mult"][part.partition(".")[0]]

    def _probed(self, kind: str, ours: Mapping[str, Tensor], at: str) -> Iterator[Measure]:
        arrays, by_name = self.arrays, published(ours.items(), self.names)
        listed = {str(name): by_name.pop(str(name)) for name in arrays["names/parameters"]}
        assert not by_name, f"nothing golden is about {list(by_name)}"
        norms, probes = arrays[f"{at}_norm"], arrays[f"{at}_probe"]
        yield from probed(kind, listed, norms, probes, self.entry["seed"], GRADIENT)


def model_of(entry: Mapping[str, Any]) -> FocusByClip:
    """Returns our model of a case in float64, with the weights of the rule.

    By name its parts do not normalise colours: the frames of the file are what they read.
    """
    model = MODELS["adafocus-tsm"].build(
        entry["classes"],
        seed=0,
        glance="tsm_mobilenet_v2",
        local="tsm_resnet50",
        frames=entry["frames"],
        local_frames=entry["focus_frames"],
        size=entry["S"],
        patch=entry["P"],
        dropout=entry["dropout"],
    )
    assert isinstance(model, FocusByClip)
    names = PUBLICATIONS["adafocus"].key_map(model.describe().settings)
    filled(model, names, entry["seed"])
    return model
