"""How well a network does on a split, after its batch-norm statistics were set right."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from connsearch.data.loading.batches import Batch, UnreadClip
from connsearch.data.loading.loader import Loader
from connsearch.data.records import listed
from connsearch.errors import DataError
from connsearch.models.model import Predictions, as_predictions
from connsearch.runs.formats.config import LossName
from connsearch.runs.formats.metrics import Metrics
from connsearch.seeds import derive
from connsearch.training.losses import choose_loss
from connsearch.training.predictions import Answers, PooledPredictions
from connsearch.training.recalibrate import recalibrate


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and how a network computes: ``device``, and ``bf16`` autocast or not."""

    device: str = "cpu"
    bf16: bool = False

    def predictions(self, network: nn.Module, batch: Batch) -> Predictions:
        """Returns the output of a model for a batch, in float32."""
        streams = {n: x.to(self.device, non_blocking=True) for n, x in batch.streams.items()}
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
            found = as_predictions(network(streams))
        return Predictions(found.logits.float(), tuple(x.float() for x in found.auxiliary))

    def logits(self, network: nn.Module, batch: Batch) -> Tensor:
        """Returns the logits ``(B, K)`` of a batch, in float32."""
        return self.predictions(network, batch).logits


def evaluate(
    network: nn.Module,
    loader: Loader,
    *,
    classes: Sequence[str],
    compute: Compute | None = None,
    loss: LossName = "auto",
    all_views: bool = False,
    hear: Callable[[UnreadClip], object] | None = None,
) -> Metrics:
    """Returns how the network does on every clip of a split that can be read, untouched.

    One view is the centre; several are pooled by ``predictions.PooledPredictions``. A view that
    cannot be read is missing from its pool; a clip without any is left out, and counted.

    Args:
        network: is put into evaluation mode for as long as this takes.
        loader: of the split; the options of its data set give the batch size and the views.
        classes: class names; labels index them.
        compute: device and precision; the CPU in float32 by default.
        loss: of the training; it converts logits to probabilities.
        all_views: pool the clips and crops that the options ask for; otherwise the centre alone.
        hear: called for every view that cannot be read.

    Raises:
        DataError: the split has no clip, or none that can be read.
    """
    metrics, _ = judged(
        network,
        loader,
        classes=classes,
        compute=compute,
        loss=loss,
        all_views=all_views,
        hear=hear,
    )
    return metrics


def judged(
    network: nn.Module,
    loader: Loader,
    *,
    classes: Sequence[str],
    compute: Compute | None = None,
    loss: LossName = "auto",
    all_views: bool = False,
    hear: Callable[[UnreadClip], object] | None = None,
) -> tuple[Metrics, Answers]:
    """Returns what :func:`evaluate` returns, and the answer to every clip.

    Raises:
        DataError: the split has no clip, or none that can be read.
    """
    dataset = loader.dataset
    if not len(dataset):
        raise DataError(
            "this split is empty, so there is no clip to evaluate on; give it a share above "
            "0 (--val-share, --test-share)"
        )
    compute, options = compute or Compute(), dataset.clips
    views = options.clips_per_video * options.crops_per_clip if all_views else 1
    judge = choose_loss(loss, multi_label=dataset.num_classes > 0)
    sheet = PooledPredictions(judge, views=views, pool=options.pool_views)
    reasons: dict[int, str] = {}
    seconds = 0.0
    with evaluating(network), torch.inference_mode():
        for batch in loader.batches(views=views if views > 1 else None):
            for fault in batch.faults:
                reasons[fault.index] = fault.reason
                if hear is not None:
                    hear(fault)
            if batch.streams:
                begin = time.perf_counter()
                logits = compute.logits(network, batch).cpu()
                seconds += time.perf_counter() - begin
                sheet.add(batch, logits)
    if not len(sheet):
        raise DataError(
            f"none of {len(dataset)} clips to evaluate on can be read\n"
            f"{listed(list(reasons.values()))}"
        )
    left_out = len(dataset) - len(sheet)
    return sheet.metrics(classes, seconds=seconds, left_out=left_out), sheet.answers()


def recalibrate_on(
    network: nn.Module,
    loader: Loader,
    *,
    clips: int,
    seed: int,
    compute: Compute | None = None,
) -> int:
    """Returns the number of layers whose statistics it set from about ``clips`` training clips.

    Which clips, and their order, depend on the seed alone; they are not augmented. Those that
    cannot be read are passed over.
    """
    compute = compute or Compute()
    dataset = loader.dataset
    chosen = loader.batches(seed=derive(seed, "recalibrate"), shuffle=True)
    count = -(-min(clips, len(dataset)) // dataset.loading.batch_size)
    readable = islice((batch for batch in chosen if batch.streams), count)
    return recalibrate(network, readable, lambda batch: compute.logits(network, batch))


@contextmanager
def evaluating(network: nn.Module) -> Generator[None]:
    """Evaluation mode inside, and outside what it was."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)
