"""How well a network does on a split, after its batch-norm statistics were set right."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from connsearch.data.loading.batches import Batch, UnreadClip
from connsearch.data.loading.loader import Loader
from connsearch.data.records import listed
from connsearch.errors import DataError
from connsearch.models.early_exit import EarlyExitModel, Left, Stops, leave_early
from connsearch.models.gates import GateWatch, watched
from connsearch.models.model import Predictions, as_predictions
from connsearch.nn.precision import Precision, autocast
from connsearch.runs.formats.config import LossName
from connsearch.runs.formats.gates import GateCount, GateCounts
from connsearch.runs.formats.metrics import Metrics
from connsearch.seeds import derive
from connsearch.training.losses import choose_loss
from connsearch.training.predictions import Answers, PooledPredictions
from connsearch.training.recalibrate import recalibrate
from connsearch.training.speed import Laps

STILL = 0.5 / 127.5
"""Frames that differ by less than this on average, half a grey level of 255, are one picture."""


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and how a network computes: ``device``, and the number format ``precision``."""

    device: str = "cpu"
    precision: Precision = "fp32"

    def predictions(self, network: nn.Module, batch: Batch) -> Predictions:
        """Returns the output of a model for a batch, in float32."""
        streams = {n: x.to(self.device, non_blocking=True) for n, x in batch.streams.items()}
        with autocast(self.device, self.precision):
            return as_predictions(network(streams)).float()

    def logits(self, network: nn.Module, batch: Batch) -> Tensor:
        """Returns the logits ``(B, K)`` of a batch, in float32."""
        return self.predictions(network, batch).logits

    def left(self, network: EarlyExitModel, batch: Batch, stops: Stops) -> Left:
        """Returns the answers of a network whose clips stop early, in float32."""
        streams = {n: x.to(self.device, non_blocking=True) for n, x in batch.streams.items()}
        with autocast(self.device, self.precision):
            return leave_early(network, streams, stops.thresholds, kind=stops.kind)


def evaluate(
    network: nn.Module,
    loader: Loader,
    *,
    classes: Sequence[str],
    compute: Compute | None = None,
    loss: LossName = "auto",
    all_views: bool = False,
    hear: Callable[[UnreadClip], object] | None = None,
    laps: Laps | None = None,
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
        laps: counts what reading and forward passes take.

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
        laps=laps,
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
    laps: Laps | None = None,
) -> tuple[Metrics, Answers]:
    """Returns what :func:`evaluate` returns, and the answer to every clip.

    Where the network has temporal gates, they count how often they are open.

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
    seconds, still = 0.0, 0
    laps = laps or Laps()
    batches = laps.reading(loader.batches(views=views if views > 1 else None))
    with watched(network) as watch, closing(answered(network, batches, compute)) as answers:
        for batch, logits, spent in answers:
            seconds += spent
            laps.add("forward", spent)
            laps.clips += len(batch.labels)
            for fault in batch.faults:
                reasons[fault.index] = fault.reason
                if hear is not None:
                    hear(fault)
            if logits is not None:
                sheet.add(batch, logits)
                still += still_clips(batch) if watch.gates else 0
        gates = _counted(watch, still)
    if not len(sheet):
        raise DataError(
            f"none of {len(dataset)} clips to evaluate on can be read\n"
            f"{listed(list(reasons.values()))}"
        )
    left_out = len(dataset) - len(sheet)
    metrics = sheet.metrics(classes, seconds=seconds, left_out=left_out)
    if gates is not None:
        metrics = metrics.model_copy(update={"gates": gates})
    return metrics, sheet.answers()


def _counted(watch: GateWatch, still: int) -> GateCounts | None:
    """What the gates have counted; None: there is none."""
    counts = {
        name: GateCount(**gate.take_count()._asdict(), frames=watch.frames.get(name))
        for name, gate in watch.gates.items()
    }
    deciding = any(gate.gated for gate in watch.gates.values())
    return GateCounts(deciding=deciding, gates=counts, still=still) if counts else None


def still_clips(batch: Batch) -> int:
    """Returns how many clips of a batch are still: no frame differs from the first one.

    That is, by :data:`STILL` on average: frames of a still video rarely come out of a codec alike.
    A clip of one frame is not still.
    """
    rgb_BCTHW = batch.streams["rgb"]
    if rgb_BCTHW.shape[2] < 2:
        return 0
    apart_BT = (rgb_BCTHW[:, :, 1:] - rgb_BCTHW[:, :, :1]).abs().mean((1, 3, 4))
    return int((apart_BT.amax(1) < STILL).sum())


def answered(
    network: nn.Module, batches: Iterable[Batch], compute: Compute
) -> Generator[tuple[Batch, Tensor | None, float]]:
    """Yields every batch with its logits ``(B, K)``, on the CPU, and the seconds they took.

    None stands for the logits of a batch of which no clip could be read. The network is in
    evaluation mode for as long as this takes.
    """
    with evaluating(network):
        for batch in batches:
            if not batch.streams:
                yield batch, None, 0.0
                continue
            begin = time.perf_counter()
            with torch.inference_mode():
                logits = compute.logits(network, batch).cpu()
            yield batch, logits, time.perf_counter() - begin


def recalibrate_on(
    network: nn.Module,
    loader: Loader,
    *,
    clips: int,
    seed: int,
    compute: Compute | None = None,
    kept: Collection[nn.Module] = (),
) -> int:
    """Returns the number of layers whose statistics it set from about ``clips`` training clips.

    Which clips, and their order, depend on the seed alone; they are not augmented. Those that
    cannot be read are passed over, and so is a clip that is left alone in its batch where a network
    normalises vectors. The layers in ``kept`` keep the statistics they have.
    """
    compute = compute or Compute()
    dataset = loader.dataset
    chosen = loader.batches(seed=derive(seed, "recalibrate"), shuffle=True)
    count = -(-min(clips, len(dataset)) // dataset.loading.batch_size)
    vectors = any(isinstance(module, nn.BatchNorm1d) for module in network.modules())
    least = 2 if vectors and dataset.loading.batch_size > 1 else 1
    readable = islice((batch for batch in chosen if len(batch.labels) >= least), count)
    return recalibrate(network, readable, lambda batch: compute.logits(network, batch), kept=kept)


@contextmanager
def evaluating(network: nn.Module) -> Generator[None]:
    """Evaluation mode inside, and outside what it was."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)
