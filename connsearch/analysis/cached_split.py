"""A split that is looked at many times: decoded once, its optical flow computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from connsearch.analysis.searched_run import SearchedRun
from connsearch.data.loading.batches import Batch
from connsearch.errors import DataError
from connsearch.models.structure import Network
from connsearch.nn.streams import ready_streams
from connsearch.runs.formats.metrics import Metrics
from connsearch.training.evaluate import evaluating
from connsearch.training.losses import choose_loss
from connsearch.training.predictions import PooledPredictions


class CachedSplit:
    """The clips of a split in memory, in order, each by its centre.

    It judges as :meth:`SearchedRun.judge` does, to the last bit, without reading a file again.

    Args:
        searched: its data are used, and its network defines which streams are read.
        split: its name.

    Raises:
        DataError: the split has no clip that can be read.
    """

    def __init__(self, searched: SearchedRun, split: str = "val") -> None:
        loader = searched.loaders[split]
        dataset = loader.dataset
        self._searched = searched
        self._multi_label = dataset.num_classes > 0
        self._batches = [
            replace(batch, streams=self._ready(batch))
            for batch in loader.batches()
            if batch.streams
        ]
        self._left_out = len(dataset) - sum(len(batch.labels) for batch in self._batches)
        if not self._batches:
            raise DataError(
                f"the {split} split of {searched.data.name} has no clip that can be read\n"
                f"  cure: give this split a share above 0 (--{split}-share) in the search"
            )

    def judge(self, network: Network) -> Metrics:
        """Returns how a network does, in evaluation mode and as it is masked."""
        compute = self._searched.compute
        with evaluating(network), torch.inference_mode():
            return self._judge(lambda batch: compute.logits(network, batch).cpu())

    def judge_masked(self) -> Metrics:
        """Returns how a network does that answers nothing: all its logits are zero."""
        classes = len(self._searched.data.classes)
        return self._judge(lambda batch: torch.zeros(len(batch.labels), classes))

    def _judge(self, answer: Callable[[Batch], Tensor]) -> Metrics:
        loss = choose_loss(self._searched.options.loss.loss, multi_label=self._multi_label)
        sheet = PooledPredictions(loss, views=1, pool="mean")
        for batch in self._batches:
            sheet.add(batch, answer(batch))
        return sheet.metrics(self._searched.data.classes, seconds=0.0, left_out=self._left_out)

    def _ready(self, batch: Batch) -> dict[str, Tensor]:
        """The streams as the network would make them of the batch: flow is the dear one."""
        network, device = self._searched.network, self._searched.compute.device
        streams = {name: stream.to(device) for name, stream in batch.streams.items()}
        with torch.inference_mode():
            ready = ready_streams(streams, network.structure, network.memory_format)
        return {name: stream.cpu() for name, stream in ready.items()}
