"""What hand features reach on the same split: logistic regression on pictures and on flow."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import Loader
from connsearch.nn.flow import representation_flow
from connsearch.runs.metrics import summarise

SIDE = 24
DECAYS = (1e-1, 1e-2, 1e-3, 1e-4)
BINS = 8


def features(streams_BCTHW: Tensor) -> dict[str, Tensor]:
    """Returns the hand features ``(B, n)`` of grey clips, by name."""
    grey_BTHW = streams_BCTHW.mean(1)
    small = F.interpolate(grey_BTHW, size=(SIDE, SIDE), mode="area")
    flow_B2THW = representation_flow(streams_BCTHW, iterations=20)
    thirds = torch.cat([histogram(part) for part in flow_B2THW.chunk(3, 2)], 1)
    whole = histogram(flow_B2THW)
    mean = small.mean(1).flatten(1)
    return {
        "one frame": small[:, small.shape[1] // 2].flatten(1),
        "mean image": mean,
        "flow histogram": whole,
        "flow histograms of thirds": thirds,
        "mean image and flow": torch.cat([mean, thirds], 1),
    }


def histogram(flow_B2THW: Tensor) -> Tensor:
    """Returns flow summed by direction ``(B, bins + 2)``, its mean size and how that varies."""
    x, y = flow_B2THW.unbind(1)
    size = torch.hypot(x, y)
    index = ((torch.atan2(y, x) / (2 * torch.pi) + 0.5) * BINS).long().clamp(0, BINS - 1)
    bins = [(size * (index == b)).mean((1, 2, 3)) for b in range(BINS)]
    by_frame = size.mean((2, 3))
    return torch.stack([*bins, by_frame.mean(1), by_frame.std(1)], 1)


def collect(dataset: ClipDataset) -> tuple[dict[str, Tensor], Tensor]:
    """Returns the features and labels of a whole split."""
    parts: list[dict[str, Tensor]] = []
    labels: list[Tensor] = []
    for batch in Loader(dataset).batches(batch_size=32):
        parts.append(features(batch.streams["rgb"]))
        labels.append(batch.labels)
    return {name: torch.cat([p[name] for p in parts]) for name in parts[0]}, torch.cat(labels)


def fit_logistic(x: Tensor, y: Tensor, classes: int, decay: float) -> Tensor:
    """Returns the weights ``(n + 1, classes)`` of a ridge-penalised logistic regression."""
    weights = torch.zeros(x.shape[1], classes, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(x @ weights, y) + decay * weights.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)  # pyright: ignore[reportArgumentType]
    return weights.detach()


def floors(data: DataSplits) -> dict[str, Any]:
    """Returns test and balanced accuracy of every feature; val chooses the penalty."""
    sets = {name: collect(dataset) for name, dataset in data}
    found: dict[str, Any] = {}
    for name in sets["train"][0]:
        mean, spread = sets["train"][0][name].mean(0), sets["train"][0][name].std(0) + 1e-6
        x = {
            split: F.pad((values[name] - mean) / spread, (0, 1), value=1.0)
            for split, (values, _) in sets.items()
        }
        y = {split: labels for split, (_, labels) in sets.items()}
        fits = [fit_logistic(x["train"], y["train"], len(data.classes), d) for d in DECAYS]
        right = [float(((x["val"] @ w).argmax(1) == y["val"]).float().mean()) for w in fits]
        answers = (x["test"] @ fits[right.index(max(right))]).argmax(1)
        metrics = summarise(y["test"].tolist(), answers.tolist(), classes=data.classes)
        found[name] = {"accuracy": metrics.accuracy, "balanced": metrics.balanced_accuracy}
    return found
