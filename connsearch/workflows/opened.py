"""A run as a value that people go on with: what a run holds, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connsearch.runs.record import RunRecord, open_run
from connsearch.training.predicted import PredictedVideos
from connsearch.workflows.given import Place
from connsearch.workflows.listening import Progress

if TYPE_CHECKING:
    from torch import nn


class OpenedRun(RunRecord):
    """The directory of a run or of a pruned network: its record, and its network at work."""

    def predict(
        self,
        videos: Place | Sequence[Place],
        *,
        network: nn.Module | None = None,
        progress: Progress = True,
        **settings: Any,
    ) -> PredictedVideos:
        """Returns what the network says about videos, which need no labels.

        See :func:`~connsearch.workflows.predict.predict`.

        Args:
            videos: videos, stores of frames, folders of frames, or folders with any of these.
            network: a module of one's own, to put the weights into.
            progress: True shows a bar, False none; a function hears every event.
            settings: any option of ``connsearch predict`` by its name: ``timeline=True``.

        Raises:
            UserError: as for that function.
        """
        from connsearch.workflows.predict import predict

        return predict(self, videos, network=network, progress=progress, **settings)


def opened(directory: str | Path) -> OpenedRun:
    """Returns the run, or the pruned network, in a directory, without touching it.

    Raises:
        RunError: there is none, or it is damaged or incomplete.
        StructureError: its structure breaks a rule.
    """
    return OpenedRun(open_run(directory).directory)
