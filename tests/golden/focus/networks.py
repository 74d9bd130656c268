"""Whole focus models against golden numbers: evaluation, losses, gradients, statistics, a step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from connsearch.data.loading.batches import Batch
from connsearch.models.features import Features, require_features
from connsearch.models.focus.by_frame import FocusByFrame
from connsearch.models.focus.streams import resized_streams
from connsearch.models.key_map import KeyMap
from connsearch.models.model import Predictions
from connsearch.models.weights import PUBLICATIONS
from connsearch.models.zoo import MODELS
from connsearch.training.losses import CrossEntropy
from connsearch.training.optimisers import Optimisers
from connsearch.training.options import OptimiserOptions, RateOptions, ScheduleOptions
from connsearch.training.rates import factors_in, rate_groups
from connsearch.training.terms import losses_of
from tests.golden.cupboard import Check
from tests.golden.focus.measure import Measure, filled, judged, probed, published, relative
from tests.golden.focus.rule import image
from tests.golden.folder import Folder

PARTS = {
    "mbv2": {"glance": "mobilenet_v2", "local": "resnet50"},
    "res50": {"glance": "resnet50", "local": "resnet50", "glance_size": 96},
}
"""By name they do not normalise colours: the frames of the files are what the parts read."""
OURS = {
    "global_CNN": "glance",
    "global_CNN_fc": "glance_head",
    "policy_stn": "policy",
    "local_CNN": "local",
    "local_CNN_fc": "local_head",
    "classifier": "running_max",
}
"""What the tables call our parts."""
TERMS = {
    "policy/logits": "policy",
    "policy/local_logits": "policy local",
    "random/logits": "random",
    "random/local_logits": "random local",
    "glance_logits": "glance",
}
UNUSED = (".classifier.", ".fc.")
"""In names: heads of ImageNet, which have no gradient there and are not here."""
EVALUATED, TRAINED, GRADIENT = 1e-10, 1e-7, 1e-6


def checks(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
    """Returns a check of everything in float64, and one of the evaluation in float32."""
    yield judged(f"{name}-float64", partial(measures, folder, name, entry, torch.float64))
    yield judged(f"{name}-float32", partial(measures, folder, name, entry, torch.float32))


def measures(
    folder: Folder, name: str, entry: Mapping[str, Any], dtype: torch.dtype
) -> Iterator[Measure]:
    """Yields every comparison of a case in one precision; in float32 those of an evaluation."""
    case = Case(folder, name, entry, dtype)
    yield from case.evaluation()
    if dtype is torch.float64:
        yield from case.training()


class Case:
    """A file, and our model with its weights."""

    def __init__(
        self, folder: Folder, name: str, entry: Mapping[str, Any], dtype: torch.dtype
    ) -> None:
        self.entry, self.arrays, self.dtype = entry, folder.arrays(name), dtype
        self.label = str(dtype).removeprefix("torch.")
        self.model = model_of(entry).to(dtype)
        self.names = PUBLICATIONS["adafocus"].key_map(self.model.describe().settings)
        shape = (entry["batch"], entry["frames"], 3, entry["S"], entry["S"])
        frames = image("frames", shape, entry["seed"])
        np.testing.assert_allclose(
            frames[..., :3, :3], self.arrays["frames/head"], rtol=0, atol=1e-15
        )
        self.frames = torch.from_numpy(frames).to(dtype).transpose(1, 2)
        labels = torch.from_numpy(self.arrays["labels"])
        self.batch = Batch({"rgb": self.frames}, labels, torch.arange(len(labels)), None)
        self.looked: list[Tensor] = []
        self.model.local_head.register_forward_pre_hook(lambda _, x: self.looked.append(x[0]))

    def evaluation(self) -> Iterator[Measure]:
        """Yields the comparisons of a forward pass in evaluation."""
        model, arrays = self.model.eval(), self.arrays
        allowed = EVALUATED if self.dtype is torch.float64 else 1e-3
        with torch.no_grad():
            seen = self.seen()
            places = model.policy(seen.map.transpose(1, 2))[0]
            found = model.learned(self.frames, seen, {"policy": places})
            told = model({"rgb": self.frames}).per_step
        ours = {
            "actions": places,
            "logits": told,
            "glance_logits": found.terms[0].logits,
            "local_logits": found.terms[2].logits,
            "glance_feature": seen.vector,
            "local_feature": self.looked.pop(),
            "map_first": seen.map[0, :, 0],
        }
        for key, tensor in ours.items():
            assert tensor is not None
            kind = f"eval {key}, {self.label}"
            yield relative(kind, key, tensor, arrays[f"eval/{key}"], allowed)

    def seen(self) -> Features:
        """What the glance network has seen."""
        streams = resized_streams({"rgb": self.frames}, self.model.settings.glance_size)
        return require_features(self.model.glance, "glance").features(streams)

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
            "policy/local_feature": self.looked[0],
            "random/local_feature": self.looked[1],
            "loss_terms": terms,
            "loss_passes": passes,
            "loss": total[None],
        }
        for key, tensor in ours.items():
            yield relative(
                "train losses and features", key, tensor, arrays[f"train/{key}"], TRAINED
            )
        yield from self.statistics()
        if "train/grad_table" in arrays:
            yield from self.table([by_name[term][1] for term in TERMS.values()])
        model.zero_grad(set_to_none=True)
        total.backward()
        yield from self.gradients()
        if "step/delta_norm" in arrays:
            yield from self.step(total)

    def both_passes(self) -> tuple[Tensor, Features, Predictions]:
        """Places of the policy, what the glance network saw, and what is learned from."""
        model, entry = self.model, self.entry
        seen = self.seen()
        places = model.policy(seen.map.detach().transpose(1, 2))[0]
        drawn = torch.from_numpy(self.arrays["random_actions"]).to(self.dtype)
        random = drawn.unflatten(0, (entry["batch"], entry["frames"]))
        return places, seen, model.learned(self.frames, seen, {"policy": places, "random": random})

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

    def table(self, terms: Sequence[Tensor]) -> Iterator[Measure]:
        """Yields the norm of the gradient of each term on each part, and whether it gets there."""
        arrays = self.arrays
        parts = {
            part: list(self.model.get_submodule(OURS[part]).parameters())
            for part in self.entry["table_columns"]
        }
        everything = [p for own in parts.values() for p in own]
        rows: list[list[float]] = []
        reached: list[list[bool]] = []
        for term in terms:
            grads = torch.autograd.grad(term, everything, retain_graph=True, allow_unused=True)
            found: list[Tensor | None] = list(grads)  # torch does not say that some may be None
            by_parameter = dict(zip(everything, found, strict=True))
            own = [[by_parameter[p] for p in parts[part]] for part in parts]
            reached.append([any(g is not None for g in column) for column in own])
            norms = [[g.norm() for g in column if g is not None] for column in own]
            rows.append([float(torch.stack(n).norm()) if n else 0.0 for n in norms])
        assert reached == arrays["train/grad_reached"].tolist()
        golden = arrays["train/grad_table"]
        yield relative("train gradient table", "terms", torch.tensor(rows), golden, GRADIENT)

    def gradients(self) -> Iterator[Measure]:
        """Yields the gradient of the loss by every parameter; unused heads have none there."""
        arrays = self.arrays
        has = dict(zip(map(str, arrays["names/parameters"]), arrays["train/has_grad"], strict=True))
        assert all(grad == (not unused(name)) for name, grad in has.items())
        grads = {n: p.grad for n, p in self.model.named_parameters() if p.grad is not None}
        assert len(grads) == len(list(self.model.parameters()))
        yield from self._probed("train gradients", grads, "train/grad", GRADIENT)

    def step(self, before: Tensor) -> Iterator[Measure]:
        """Yields the change of every parameter in one step of SGD, and the loss after it."""
        entry, model = self.entry, self.model
        was = {n: p.detach().clone() for n, p in model.named_parameters()}
        options = OptimiserOptions(
            optimiser="sgd",
            lr=entry["lr"],
            momentum=entry["momentum"],
            nesterov=False,
            weight_decay=entry["weight_decay"],
            decay_all=True,
            grad_clip=None,
        )
        groups = rate_groups(model, RateOptions())
        shares = {OURS[part]: share for part, share in entry["lr_mult"].items() if share != 1}
        assert {group.name: group.factor for group in groups if group.name != "rest"} == shares
        schedule = ScheduleOptions(schedule="constant", warmup=0.0)
        optimisers = Optimisers(model, options, schedule, factors=factors_in(groups))
        optimisers.step(0, total_steps=10)
        change = {n: p.detach() - was[n] for n, p in model.named_parameters()}
        yield from self._probed("change by a step", change, "step/delta", GRADIENT)
        with torch.no_grad():
            _, _, found = self.both_passes()
            losses = losses_of(found.terms, self.loss)
        pairs = zip(losses, found.terms, strict=True)
        after = torch.stack([x * term.weight for x, term in pairs]).sum()
        told = torch.stack([before.detach(), after])
        yield relative("loss after a step", "loss", told, self.arrays["step/losses"], GRADIENT)

    def _probed(
        self, kind: str, ours: Mapping[str, Tensor], at: str, allowed: float
    ) -> Iterator[Measure]:
        arrays, by_name = self.arrays, published(ours.items(), self.names)
        names = [str(n) for n in arrays["names/parameters"]]
        used = [place for place, name in enumerate(names) if not unused(name)]
        listed = {names[place]: by_name.pop(names[place]) for place in used}
        assert not by_name, f"nothing golden is about {list(by_name)}"
        norms, probes = arrays[f"{at}_norm"][used], arrays[f"{at}_probe"][used]
        yield from probed(kind, listed, norms, probes, self.entry["seed"], allowed)


def unused(name: str) -> bool:
    """Returns whether a published name is that of a head of ImageNet.

    >>> unused("local_CNN.fc.weight"), unused("policy_stn.fc.0.weight")
    (True, False)
    """
    network, _, rest = name.partition(".")
    return network in ("global_CNN", "local_CNN") and f".{rest}".startswith(UNUSED)


def model_of(entry: Mapping[str, Any]) -> FocusByFrame:
    """Returns our model of a case in float64, with the weights of the rule."""
    model = MODELS["adafocus"].build(
        entry["classes"],
        seed=0,
        frames=entry["frames"],
        size=entry["S"],
        patch=entry["P"],
        policy_hidden=entry["policy_hidden"],
        neurons=entry["neurons"],
        dropout=entry["dropout"],
        order="time",
        **PARTS[entry["glance"]],
    )
    assert isinstance(model, FocusByFrame)
    names: KeyMap = PUBLICATIONS["adafocus"].key_map(model.describe().settings)
    filled(model, names, entry["seed"])
    return model
