"""A small network for pictures and sounds that learns which of the two its task hangs on.

    python examples/image_audio.py [--task image|audio|both] [--steps 300]

Everything is made here: pictures of stripes (their slope is one bit) and tones of a quarter of a
second (low or high, the other bit). ``image`` asks for the first bit, ``audio`` for the
second, ``both`` for the two, which neither branch can answer alone. So the right weights are known:
those of the branch that does not matter should fall.

There is much noise, on purpose: where everything is easily told apart, nothing pushes a useless
branch down.

The picture branch is two-dimensional and the sound branch one-dimensional. The sound gates the
channels of the pictures (``PeerGate``), and four vectors, an early and a late one of each branch,
meet in one ``StreamFusion``. About ten seconds on one core.
"""

from __future__ import annotations

import argparse
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from connsearch.nn.modules import PeerGate, StreamFusion, parameter_groups

TASKS = ("image", "audio", "both")
SIDE, SAMPLES, RATE = 16, 1024, 4096
Clips = tuple[Tensor, Tensor, Tensor]


def draw(task: str, clips: int, generator: torch.Generator) -> Clips:
    """Returns pictures ``(B, 1, H, W)``, sounds ``(B, 1, T)`` and classes ``(B,)``."""
    slope, high = (torch.randint(2, (clips,), generator=generator) for _ in range(2))

    def noise(*shape: int) -> Tensor:
        return torch.randn(clips, 1, *shape, generator=generator)

    def uniform(least: float, most: float) -> Tensor:
        return torch.rand(clips, 1, 1, generator=generator) * (most - least) + least

    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    across = x + (1 - 2 * slope.view(-1, 1, 1)) * y
    pictures = torch.sin(across / uniform(1.2, 1.8) + uniform(0, 2 * math.pi))
    pitch = uniform(300, 450) * (1 + 0.5 * high.view(-1, 1, 1))
    t = torch.arange(SAMPLES) / RATE
    sounds = torch.sin(2 * math.pi * pitch * t + uniform(0, 2 * math.pi))
    classes = {"image": slope, "audio": high, "both": 2 * slope + high}[task]
    return pictures[:, None] + 2.5 * noise(SIDE, SIDE), sounds + 3.5 * noise(SAMPLES), classes


class ImageAudio(nn.Module):
    """Two branches of two stages each; a gate between them, one fusion at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(1, 16, 5, 2, 2), nn.BatchNorm2d(16), nn.ReLU())
        self.look_more = nn.Sequential(nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU())
        self.hear = nn.Sequential(nn.Conv1d(1, 16, 65, 16, 32), nn.BatchNorm1d(16), nn.ReLU())
        self.hear_more = nn.Sequential(nn.Conv1d(16, 32, 9, 4, 4), nn.BatchNorm1d(32), nn.ReLU())
        self.gate = PeerGate(16, {"image": 16, "audio": 16})
        widths = {"image early": 16, "image late": 32, "audio early": 16, "audio late": 32}
        self.fusion = StreamFusion(widths, 32)
        self.norms = nn.ModuleDict({n: nn.BatchNorm1d(w, affine=False) for n, w in widths.items()})
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, pictures: Tensor, sounds: Tensor) -> Tensor:
        """Maps pictures ``(B, 1, H, W)`` and sounds ``(B, 1, T)`` to logits ``(B, 4)``."""
        image, audio = self.look(pictures), self.hear(sounds)
        image = self.gate(image, {"image": image, "audio": audio})
        late_image, late_audio = self.look_more(image), self.hear_more(audio)
        streams = {
            "image early": image.mean((2, 3)),
            "image late": late_image.mean((2, 3)),
            "audio early": audio.mean(2),
            "audio late": late_audio.mean(2),
        }
        # All of one size, or the scale of a stream could do what its weight should.
        return self.head(self.fusion({n: self.norms[n](x) for n, x in streams.items()}))


def main(task: str = "image", *, steps: int = 300, seed: int = 0) -> dict[str, float]:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = ImageAudio()
    optimiser = torch.optim.AdamW(parameter_groups(network, lr=0.003, connection_lr=0.03))
    for _ in range(steps):
        pictures, sounds, classes = draw(task, 64, generator)
        loss = F.cross_entropy(network(pictures, sounds), classes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()
    pictures, sounds, classes = draw(task, 1000, generator)
    with torch.no_grad():
        hits = (network(pictures, sounds).argmax(1) == classes).float().mean().item()
    weights = {name: w.item() for name, w in network.fusion.weights().items()}
    print(f"{task}: {hits:.3f} of 1000 new ones right after {steps} steps; all began at 0.50")
    print("  " + ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items()))
    return weights


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--task", choices=TASKS, help="default: all, one after the other")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for each in [given.task] if given.task else TASKS:
        main(each, steps=given.steps, seed=given.seed)
