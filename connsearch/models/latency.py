"""How long a network takes on this device, measured: multiply-accumulates do not tell.

Times vary with whatever else the machine does, so a time is a median with its spread. Networks to
compare are measured in turn, pass by pass: a busy moment then falls on all of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from connsearch.models.exactness import random_streams
from connsearch.models.structure import Network
from connsearch.nn.precision import Precision, autocast

NOISY = 0.05
"""Above this spread a time is flagged."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long one forward pass takes.

    Attributes:
        seconds: median of the passes.
        spread: interquartile range of the passes as a share of the median.
        passes: how many were timed; warm-up is not among them.
        clip: frames, height and width.
        batch: clips in one pass.
        device: where it was measured.
        threads: CPU threads.
        precision: ``fp32``, ``bf16`` or ``fp16`` (autocast).
    """

    seconds: float
    spread: float
    passes: int
    clip: tuple[int, int, int]
    batch: int
    device: str
    threads: int
    precision: str

    @property
    def noisy(self) -> bool:
        """Whether the passes differ by more than 5 %: the machine does something else, too."""
        return self.spread > NOISY

    def to_json(self) -> dict[str, Any]:
        """Returns the numbers as JSON values."""
        return {**asdict(self), "noisy": self.noisy}

    def __str__(self) -> str:
        flag = ", noisy" if self.noisy else ""
        return f"{self.seconds * 1e3:.3g} ms (spread {self.spread:.0%}{flag})"


def summarise_times(times: Sequence[float]) -> tuple[float, float]:
    """Returns the median, and the interquartile range as a share of it; one time has no spread.

    >>> summarise_times([1.0, 2.0, 3.0, 4.0, 5.0])
    (3.0, 0.6666666666666666)
    """
    middle = statistics.median(times)
    if len(times) < 2:
        return middle, 0.0
    low, _, high = statistics.quantiles(times, n=4, method="inclusive")
    return middle, (high - low) / middle


def latencies(
    networks: Sequence[Network],
    *,
    clip: tuple[int, int, int],
    passes: int = 20,
    warm_up: int = 3,
    batch: int = 1,
    precision: Precision = "fp32",
) -> list[Latency]:
    """Returns what a forward pass of each network takes, all of them measured in turn.

    Args:
        networks: on the device to measure; their modes stay as they are.
        clip: frames, height and width.
        passes: timed passes of each network, 20 by default.
        warm_up: passes of each network before, not timed.
        batch: clips in a pass, 1 by default.
        precision: the number format of convolutions.
    """
    times = timed_rounds(
        networks, clip=clip, rounds=passes, warm_up=warm_up, batch=batch, precision=precision
    )
    by_network = list(zip(*times, strict=True))
    return [
        Latency(
            *summarise_times(found),
            passes=passes,
            clip=clip,
            batch=batch,
            device=_device(network).type,
            threads=torch.get_num_threads(),
            precision=precision,
        )
        for network, found in zip(networks, by_network, strict=True)
    ]


def timed_rounds(
    networks: Sequence[Network],
    *,
    clip: tuple[int, int, int],
    rounds: int,
    warm_up: int = 3,
    batch: int = 1,
    precision: Precision = "fp32",
) -> Iterator[list[float]]:
    """Yields the seconds of one pass of each network, round by round; each begins with another.

    Before its timed pass a network has one that is not: the one before it has filled the caches.
    """
    clips = [random_streams(n, clip=clip, batch=batch, seed=0) for n in networks]
    placed = [
        {name: x.to(_device(network)) for name, x in streams.items()}
        for network, streams in zip(networks, clips, strict=True)
    ]
    pairs = list(zip(networks, placed, strict=True))
    for network, streams in pairs:
        for _ in range(warm_up):
            _pass(network, streams, precision)
    for number in range(rounds):
        times = [0.0] * len(pairs)
        for place in range(len(pairs)):
            one = (place + number) % len(pairs)
            _pass(*pairs[one], precision)
            times[one] = _pass(*pairs[one], precision)
        yield times


def _pass(network: Network, streams: Mapping[str, Tensor], precision: Precision) -> float:
    """Seconds of one forward pass in evaluation mode, everything the device has begun included."""
    device = _device(network)
    training = network.training
    network.eval()
    try:
        with torch.inference_mode(), autocast(device.type, precision):
            _finish(device)
            begin = time.perf_counter()
            network(streams)
            _finish(device)
            return time.perf_counter() - begin
    finally:
        network.train(training)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _device(network: Network) -> torch.device:
    return next(network.parameters()).device
