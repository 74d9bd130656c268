"""Mean average precision against golden numbers, from logits and classes to what is reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch

from connsearch.data.loading.batches import Batch
from connsearch.training.losses import NO_LABEL, CrossEntropy
from connsearch.training.predictions import PooledPredictions
from tests.golden.cupboard import Check
from tests.golden.focus.measure import Measure, judged, relative
from tests.golden.folder import Folder

ALLOWED = 1e-12


def checks(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
    """Returns the check of all its cases."""
    return [judged(name, partial(measures, folder, name, entry))]


def measures(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterator[Measure]:
    """Yields every comparison; classes without a clip have no precision, and are counted."""
    arrays = folder.arrays(name)
    for case in sorted({key.split("/")[0] for key in arrays}):
        logits = torch.from_numpy(arrays[f"{case}/logits"])
        labels = torch.from_numpy(arrays[f"{case}/labels"])
        clips, classes = logits.shape
        targets = torch.zeros(clips, classes + 1)
        targets.scatter_(1, labels.masked_fill(labels == NO_LABEL, classes), 1.0)
        batch = Batch({}, labels[:, 0], torch.arange(clips), targets[:, :classes])
        sheet = PooledPredictions(CrossEntropy(), views=1, pool="mean")
        sheet.add(batch, logits)
        found = sheet.metrics([str(k) for k in range(classes)], seconds=0.0, left_out=0)
        known = [torch.nan if one is None else one for one in found.average_precisions.values()]
        ours, golden = torch.tensor(known, dtype=torch.float64), arrays[f"{case}/ap"]
        absent = torch.isnan(ours).numpy()
        assert (absent == (golden != golden)).all(), case
        assert found.absent == arrays[f"{case}/absent"], case
        kind = "average precision"
        yield relative(kind, case, ours[~absent], golden[~absent], ALLOWED)
        whole = torch.tensor(100 * (found.mAP or 0.0), dtype=torch.float64)
        yield relative(kind, f"{case}, mean", whole, arrays[f"{case}/map"], ALLOWED)
