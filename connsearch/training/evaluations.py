"""The evaluations of a training: its batch norms set right, a split judged, the numbers logged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import SplitLoaders
from connsearch.models.model import Model
from connsearch.runs.events import EvaluationEvent
from connsearch.runs.logs import evaluation_row
from connsearch.runs.names import METRICS
from connsearch.runs.run import Run
from connsearch.training.best import KeepBest
from connsearch.training.evaluate import Compute, evaluate, recalibrate_on
from connsearch.training.gates import GateStart
from connsearch.training.hooks import Hook
from connsearch.training.options import TrainOptions
from connsearch.training.rates import Frozen
from connsearch.training.scores import Scores
from connsearch.training.speed import Laps


class Evaluations:
    """Evaluates a network between its steps and after them.

    Args:
        network: in training.
        data: the splits.
        loaders: of the data.
        options: how it is trained.
        run: where the numbers go.
        compute: device and precision.
        laps: measures reading and forward passes.
        frozen: what does not learn.
        best: keeps the best state; None: nothing does.
        scores: the tables of epochs; None: there are none.
        hooks: they are told before the statistics of batch norms are set right.
        gates: log how often the temporal gates of the network are open; None: it has none.
    """

    def __init__(
        self,
        network: Model,
        data: DataSplits,
        loaders: SplitLoaders,
        options: TrainOptions,
        run: Run,
        compute: Compute,
        *,
        laps: Laps,
        frozen: Frozen,
        best: KeepBest | None,
        scores: Scores | None,
        hooks: Sequence[Hook] = (),
        gates: GateStart | None = None,
    ) -> None:
        self._network, self._data, self._loaders = network, data, loaders
        self._options, self._run, self._compute = options, run, compute
        self._laps, self._frozen, self._best, self._scores = laps, frozen, best, scores
        self._hooks, self._gates = hooks, gates

    def recalibrate(self) -> None:
        """Sets the statistics of batch norms right, but of those that are frozen.

        It comes before every look.
        """
        for hook in self._hooks:
            hook.pause()
        if self._options.logging.recalibrate_clips:
            recalibrate_on(
                self._network,
                self._loaders["train"],
                clips=self._options.logging.recalibrate_clips,
                seed=self._options.seed,
                compute=self._compute,
                kept=self._frozen.norms,
            )

    def look(
        self, split: str, epoch: int, step: int, *, over: bool, last: bool = False
    ) -> Iterator[EvaluationEvent]:
        """Yields the evaluation of a split that has clips: the last of a run with all views.

        Those along the way have all views, too, if the options ask for it. Where the best is kept,
        the looks at ``val`` are logged, and not what was chosen once more.

        Args:
            split: its name.
            epoch: after which it is, from 0.
            step: steps of the network by now.
            over: whether the epoch is.
            last: whether the training is, and the network is the one that is kept.
        """
        loader = self._loaders[split]
        if not len(loader.dataset):
            return
        self._laps.begin(measured=True)
        metrics = evaluate(
            self._network,
            loader,
            classes=self._data.classes,
            compute=self._compute,
            loss=self._options.loss.loss,
            all_views=last or self._options.logging.eval_all_views,
            laps=self._laps,
        )
        speeds = self._laps.speeds()
        if self._best is None or not last:
            self._run.log(METRICS, evaluation_row(step, epoch, split, metrics, speeds))
            if self._gates is not None and metrics.gates is not None:
                self._gates.judged(self._run, step, epoch, split, metrics.gates)
            if self._scores is not None and over:
                self._scores.evaluated(self._run, split, epoch, metrics)
        if self._best is not None and split == "val" and not last:
            self._best.looked(step, metrics)
        yield EvaluationEvent(epoch, split, metrics, step, speeds)
