"""How well a network does on a split, after its batch-norm statistics were set right."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from connsearch.data.batches import Batch, batches
from connsearch.data.clips import ClipDataset
from connsearch.errors import DataError
from connsearch.train.metrics import Metrics, summarise
from connsearch.train.recalibrate import recalibrate
from connsearch.train.seeds import derive


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and how a network computes: ``device``, and ``bf16`` autocast or not."""

    device: str = "cpu"
    bf16: bool = False

    def logits(self, network: nn.Module, batch: Batch) -> Tensor:
        """Returns the logits ``(B, K)`` of a batch, in float32."""
        streams = {n: x.to(self.device, non_blocking=True) for n, x in batch.streams.items()}
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
            return network(streams).float()


def evaluate(
    network: nn.Module,
    dataset: ClipDataset,
    *,
    classes: Sequence[str],
    compute: Compute | None = None,
) -> Metrics:
    """Returns how the network does on every clip of a split, centre crop, untouched.

    Args:
        network: is put into evaluation mode for as long as this takes.
        dataset: the split; its options say the batch size and the decoding processes.
        classes: class names; labels index them.
        compute: device and precision; the CPU in float32 by default.

    Raises:
        DataError: the split has no clip.
    """
    if not len(dataset):
        raise DataError("there is no clip to evaluate on; give this split a share above 0")
    compute = compute or Compute()
    options = dataset.options
    labels: list[int] = []
    answers: list[int] = []
    loss = seconds = 0.0
    with _evaluation_mode(network), torch.inference_mode():
        for batch in batches(dataset, batch_size=options.batch_size, workers=options.workers):
            begin = time.perf_counter()
            logits = compute.logits(network, batch).cpu()
            seconds += time.perf_counter() - begin
            loss += F.cross_entropy(logits, batch.labels, reduction="sum").item()
            labels += batch.labels.tolist()
            answers += logits.argmax(1).tolist()
    return summarise(labels, answers, classes=classes, loss=loss / len(labels), seconds=seconds)


def recalibrate_on(
    network: nn.Module,
    dataset: ClipDataset,
    *,
    clips: int,
    seed: int,
    compute: Compute | None = None,
) -> int:
    """Returns the number of layers whose statistics it set from about ``clips`` training clips.

    Which clips, and their order, depend on the seed alone; they are not augmented.
    """
    compute = compute or Compute()
    options = dataset.options
    chosen = batches(
        dataset,
        batch_size=options.batch_size,
        seed=derive(seed, "recalibrate"),
        shuffle=True,
        workers=options.workers,
    )
    count = -(-min(clips, len(dataset)) // options.batch_size)
    return recalibrate(network, islice(chosen, count), lambda batch: compute.logits(network, batch))


@contextmanager
def _evaluation_mode(network: nn.Module) -> Generator[None]:
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)
