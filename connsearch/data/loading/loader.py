"""Who reads the clips of a data set, and what becomes of those that cannot be read."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from types import MappingProxyType, TracebackType

from connsearch.data.clips.class_turns import ClassTurns
from connsearch.data.clips.dataset import ClipDataset
from connsearch.data.loading.batches import Batch, BatchPlan, epoch_plan, make_batch
from connsearch.data.loading.workers import WorkerPool


class Loader:
    """Makes batches of a data set, in this process or by worker processes that it owns.

    The batches depend on the data set and the arguments only, not on workers. Files that timed out
    or killed their reader are not tried again by the same loader; two loaders of one data set are
    independent.

    >>> with Loader(clips, workers=2) as loader:  # doctest: +SKIP
    ...     for epoch in range(3):
    ...         for batch in loader.batches(epoch=epoch, shuffle=True, augment=True):
    ...             learn(batch.streams["rgb"], batch.labels)

    Without workers there is nothing to close.

    Args:
        dataset: the clips.
        workers: processes that decode; 0: this one; None: as the options of the data set say.

    Attributes:
        dataset: the clips.
        workers: processes that decode.
    """

    def __init__(self, dataset: ClipDataset, *, workers: int | None = None) -> None:
        self.dataset = dataset
        self.workers = dataset.loading.workers if workers is None else workers
        self._faults = dict(dataset.unusable)
        self._quarantined = dict(self._faults)
        self._pools: list[WorkerPool] = []
        self._closed = False

    def __enter__(self) -> Loader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self.close()

    @property
    def faults(self) -> Mapping[int, str]:
        """Index -> reason, of clips that are not tried (again).

        They were unusable from the start, timed out, or killed their reader.
        """
        return MappingProxyType(self._faults)

    @property
    def quarantined(self) -> Mapping[int, str]:
        """Index -> reason, of every clip that could not be read so far, in the order met."""
        return MappingProxyType(self._quarantined)

    def leave_out(self, faults: Mapping[int, str]) -> None:
        """Adds the findings of another loader: index -> reason, of clips not to be tried.

        They take effect with the next epoch.
        """
        self._faults.update(faults)
        self._end_workers([pool for pool in self._pools if not pool.busy])

    def batches(
        self,
        *,
        batch_size: int | None = None,
        seed: int = 0,
        epoch: int = 0,
        shuffle: bool = False,
        augment: bool = False,
        views: int | None = None,
        turns: ClassTurns | None = None,
        start: int = 0,
    ) -> Iterator[Batch]:
        """Yields the batches of one epoch, from number ``start`` on; those before are not decoded.

        See :func:`~connsearch.data.loading.batches.epoch_plan` for what decides them (the batch
        size is by default that of the options) and :meth:`planned` for how they are made.
        """
        plan = epoch_plan(
            self.dataset,
            batch_size=batch_size or self.dataset.loading.batch_size,
            seed=seed,
            epoch=epoch,
            shuffle=shuffle,
            augment=augment,
            views=views,
            turns=turns,
        )
        return self.planned(plan[start:])

    def planned(self, plan: Sequence[BatchPlan]) -> Iterator[Batch]:
        """Yields the batches of a plan.

        Clips that cannot be read are named in ``Batch.faults`` and kept in :attr:`quarantined`,
        replaced or left out as the plan says; lasting ones are not tried again.

        Raises:
            DataError: no stand-in could be read either.
            Failure: the reading processes die repeatedly.
            ValueError: the loader was closed.
        """
        self._refuse_closed()
        with closing(self._made(plan)) as made:
            for batch in made:
                for fault in batch.faults:
                    self._quarantined.setdefault(fault.index, fault.reason)
                    if fault.lasting:
                        self._faults[fault.index] = fault.reason
                yield batch
                self._refuse_closed()

    def close(self) -> None:
        """Ends the workers; nothing more can be read. Closing it again does nothing."""
        self._closed = True
        self._end_workers(list(self._pools))

    def _made(self, plan: Sequence[BatchPlan]) -> Generator[Batch]:
        if self.workers == 0 or not plan:
            for part in plan:
                yield make_batch(self.dataset, part, faults=self._faults)
            return
        known = next((pool for pool in self._pools if not pool.busy), None)
        pool = known or WorkerPool(self.dataset, self._faults, self.workers)
        if known is None:
            self._pools.append(pool)
        try:
            yield from pool.run(plan)
        finally:
            if len(self._pools) > 1:  # two epochs were made at once: one pool is enough again
                self._end_workers([pool])

    def _end_workers(self, pools: Sequence[WorkerPool]) -> None:
        for pool in pools:
            pool.close()
            self._pools.remove(pool)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise ValueError(
                "this loader is closed: its workers have ended; cure: read inside its `with`"
            )


class SplitLoaders:
    """A loader for every split of a data set, closed together.

    >>> with SplitLoaders(data.parts()) as loaders:  # doctest: +SKIP
    ...     for batch in loaders["val"].batches():
    ...         look(batch)

    Args:
        parts: the name of each split, and its clips.
    """

    def __init__(self, parts: Iterable[tuple[str, ClipDataset]]) -> None:
        self._loaders = {name: Loader(dataset) for name, dataset in parts}

    def __getitem__(self, split: str) -> Loader:
        return self._loaders[split]

    def __iter__(self) -> Iterator[tuple[str, Loader]]:
        """Yields (name of the split, its loader), in the order they were given."""
        return iter(self._loaders.items())

    def __enter__(self) -> SplitLoaders:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers of all of them."""
        for loader in self._loaders.values():
            loader.close()
