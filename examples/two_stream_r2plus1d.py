"""A two-stream R(2+1)D of one's own, with connections that learn and peer attention between.

    python examples/two_stream_r2plus1d.py [--attention peer] [--epochs 12] [--task mix]

RGB and motion (representation flow) run side by side. Before every stage each stream takes both,
by weights that learn together with the kernels; what the other stream shows also says which of its
channels are let through. On built-in clips whose class is colour and direction together; about a
minute on one core. Prints the learned weights, then drops what they say is not needed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.options import DataOptions
from connsearch.nn.flow import representation_flow
from connsearch.nn.modules import StreamFusion, parameter_groups

WIDTHS = {"rgb": (16, 24, 32), "flow": (12, 16, 24)}
"""Channels of each stream after its stem and after each stage but the last."""


def factorised(width_in: int, width: int, *, stride: int = 1) -> nn.Sequential:
    """Returns a 3x3 convolution of space, then one of three frames."""
    space = nn.Conv3d(width_in, width, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
    time = nn.Conv3d(width, width, (3, 1, 1), padding=(1, 0, 0), bias=False)
    return nn.Sequential(space, nn.BatchNorm3d(width), nn.ReLU(), time, nn.BatchNorm3d(width))


class Stage(nn.Module):
    """One residual R(2+1)D module that halves the picture."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            factorised(width_in, width, stride=2), nn.ReLU(), factorised(width, width)
        )
        self.skip = nn.Conv3d(width_in, width, 1, (1, 2, 2), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(B, C_in, T, H, W)`` to ``(B, C, T, H / 2, W / 2)``."""
        return torch.relu(self.inner(x) + self.skip(x))


class TwoStream(nn.Module):
    """RGB and flow, joined before every stage and once more before the classifier."""

    def __init__(self, classes: int, *, attention: str = "peer") -> None:
        super().__init__()
        self.stems = nn.ModuleDict(
            {
                "rgb": factorised(3, WIDTHS["rgb"][0], stride=2),
                "flow": factorised(2, WIDTHS["flow"][0], stride=2),
            }
        )
        self.fusions, self.stages = nn.ModuleList(), nn.ModuleList()
        for depth in range(2):
            here = {name: widths[depth] for name, widths in WIDTHS.items()}
            self.fusions.append(
                nn.ModuleDict({n: StreamFusion(here, here[n], attention=attention) for n in here})
            )
            self.stages.append(
                nn.ModuleDict({n: Stage(here[n], WIDTHS[n][depth + 1]) for n in here})
            )
        last = {name: widths[-1] for name, widths in WIDTHS.items()}
        self.last = StreamFusion(last, 32, attention=attention)
        self.head = nn.Linear(32, classes)

    def forward(self, rgb: Tensor) -> Tensor:
        """Maps clips ``(B, 3, T, H, W)`` to logits ``(B, classes)``."""
        streams = {"rgb": rgb, "flow": representation_flow(rgb, iterations=10)}
        x = {name: torch.relu(stem(streams[name])) for name, stem in self.stems.items()}
        for fusion, stage in zip(self.fusions, self.stages, strict=True):
            x = {name: stage[name](fusion[name](x)) for name in x}
        return self.head(self.last(x).mean((2, 3, 4)))

    def places(self) -> Iterator[tuple[str, StreamFusion]]:
        """Yields every fusion with the words for where it stands."""
        for depth, fusion in enumerate(self.fusions, start=1):
            for name, module in fusion.items():
                yield f"into stage {depth} of {name}", module
        yield "into the classifier", self.last


def accuracy(network: TwoStream, clips: ClipDataset) -> float:
    """Returns the share of clips that are recognised."""
    network.eval()
    with torch.no_grad():
        hits = [
            (network(b.streams["rgb"]).argmax(1) == b.labels).sum().item()
            for b in Loader(clips).batches(batch_size=32)
        ]
    return sum(hits) / len(clips)


def train(network: TwoStream, clips: ClipDataset, epochs: int) -> None:
    """Trains kernels and connections together, each at its own rate."""
    groups = parameter_groups(network, lr=0.004, connection_lr=0.02)
    optimiser = torch.optim.AdamW(groups)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    loader = Loader(clips)
    for epoch in range(epochs):
        network.train()
        losses: list[float] = []
        for batch in loader.batches(batch_size=16, epoch=epoch, shuffle=True):
            loss = nn.functional.cross_entropy(network(batch.streams["rgb"]), batch.labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        cosine.step()
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}", flush=True)


def show(network: TwoStream) -> None:
    """Prints what every connection has learned, and which peers it listens to."""
    for place, module in network.places():
        weights = {name: w.item() for name, w in module.weights().items()}
        print(f"{place:24}", "  ".join(f"{name} {w:.2f}" for name, w in weights.items()))
        if module.peers:
            for name, row in module.coefficients().items():
                heard = ", ".join(f"{peer} {c.item():.2f}" for peer, c in row.items())
                print(f"{'':24}   {name} is gated by {heard}")


def drop_last(network: TwoStream, clips: ClipDataset) -> None:
    """Drops the weaker stream of the last fusion, and shows that this is the masked network."""
    weakest, kept = sorted(network.last.weights(), key=lambda n: network.last.weights()[n].item())
    x = next(Loader(clips).batches(batch_size=4)).streams["rgb"]
    network.eval()
    with torch.no_grad():
        network.last.mask([kept])
        masked = network(x)
        network.last.mask(None)
        seen: list[dict[str, Tensor]] = []
        hook = network.last.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        network(x)
        hook.remove()
        small = network.last.keep([kept])
        peers = {n: seen[0][n] for n in small.peers if n != kept}
        alone = network.head(small({kept: seen[0][kept]}, peers).mean((2, 3, 4)))
    difference = (alone - masked).abs().max().item()
    print(f"without {weakest} in the classifier, against masking it there:")
    print(f"  largest difference of a logit: {difference}")


def main(*, attention: str = "peer", epochs: int = 12, clips: int = 64, task: str = "mix") -> float:
    torch.manual_seed(0)
    counts = {"train_clips": clips, "val_clips": min(clips, 24), "test_clips": 1}
    data = load_data(DataOptions.of(source=f"synthetic:{task}", **counts))
    network = TwoStream(len(data.classes), attention=attention)
    begin = time.perf_counter()
    train(network, data.train, epochs)
    print(f"trained in {time.perf_counter() - begin:.0f} s")
    share = accuracy(network, data.val)
    print(f"recognised: {share:.3f} of {len(data.val)} clips it was not trained on")
    show(network)
    drop_last(network, data.val)
    return share


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--attention", default="peer", help="none, static, self or peer")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--clips", type=int, default=64, help="training clips of a class")
    parser.add_argument("--task", default="mix", help="appearance, motion, object or mix")
    main(**vars(parser.parse_args()))
