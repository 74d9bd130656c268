"""What a network took of weights, and of which file, as a run records it."""

from __future__ import annotations

import os

from connsearch.models.taken import TakenWeights
from connsearch.models.weight_file import WeightFile
from connsearch.runs.formats.conversion import OtherShapeRecord, SourceFileRecord, TakenRecord


def source_record(file: WeightFile) -> SourceFileRecord:
    """Returns what is recorded of a file that weights come from."""
    return SourceFileRecord(
        path=file.path,
        bytes=os.stat(file.path).st_size,
        sha256=file.sha256,
        entry=file.entry,
        prefix=file.prefix,
    )


def taken_record(found: TakenWeights) -> TakenRecord:
    """Returns what is recorded of the weights that a network took."""
    return TakenRecord(
        loaded=len(found.loaded),
        elements=found.elements,
        of=found.of,
        skipped_by_name=list(found.other_name),
        skipped_by_shape=[
            OtherShapeRecord(name=one.theirs, read=one.read, here=one.here)
            for one in found.other_shape
        ],
        missing=list(found.missing),
        left_out=list(found.left_out),
        counters=len(found.counters),
        **({"unused": list(found.unused)} if found.unused else {}),
    )
