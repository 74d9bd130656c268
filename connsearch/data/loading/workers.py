"""Processes that make batches: kept from epoch to epoch, and replaced when a file kills one."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.loading.batches import Batch, BatchPlan, make_batch
from connsearch.errors import DataError, Failure
from connsearch.files.stopping import ignore_interrupts

_NOTHING = -1
"""Value of a beacon while no record is read."""

_CHANCES = 2
"""How often in a row workers may die without a file as the cause."""


class _ToMake(Sampler[BatchPlan]):
    """The batches the workers are to make next; changed between epochs, never during one."""

    def __init__(self) -> None:
        self.batches: Sequence[BatchPlan] = ()

    def __iter__(self) -> Iterator[BatchPlan]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class _Reading(Dataset["Batch | str"]):
    """What a worker does with the plan of one batch; a fault travels back as its message.

    Attributes:
        beacon: the record that the worker reads, in case that kills it; int64 (1,).
    """

    def __init__(self, dataset: ClipDataset, faults: dict[int, str]) -> None:
        self._dataset, self._faults = dataset, faults
        self.beacon = torch.full((1,), _NOTHING)

    def __getitems__(self, plan: BatchPlan) -> Batch | str:
        try:
            made = make_batch(self._dataset, plan, faults=self._faults, reading=self._reads)
        except DataError as error:
            return str(error)
        finally:
            self._reads(_NOTHING)
        self._faults.update({f.index: f.reason for f in made.faults if f.lasting})
        return made

    def _reads(self, index: int) -> None:
        self.beacon[0] = index


class WorkerPool:
    """Worker processes that stay alive from epoch to epoch, until they are closed.

    Args:
        dataset: the clips.
        faults: index -> reason, of clips that are not tried; what kills its reader is added, and
            workers that begin after that know it.
        workers: how many.

    Attributes:
        busy: an epoch is being made.
    """

    def __init__(self, dataset: ClipDataset, faults: dict[int, str], workers: int) -> None:
        self.busy = False
        self._dataset, self._faults, self._workers = dataset, faults, workers
        self._plan = _ToMake()
        self._beacons = torch.full((workers,), _NOTHING).share_memory_()
        self._loader = self._started()
        self._iterator: Any = None

    def run(self, plan: Sequence[BatchPlan]) -> Iterator[Batch]:
        """Yields the batches of a plan.

        Raises:
            DataError: no stand-in could be read for a clip.
            Failure: the workers die, and no file is the cause.
        """
        self.busy = True
        done, deaths = 0, 0
        try:
            while done < len(plan):
                self._plan.batches = plan[done:]
                try:
                    self._iterator = iter(self._loader)
                    for made in self._iterator:
                        if isinstance(made, str):
                            raise DataError(made)
                        yield made
                        done, deaths = done + 1, 0
                except RuntimeError as error:
                    if "DataLoader worker" not in str(error):
                        raise
                    deaths += not self._blame(plan[done:])
                    if deaths > _CHANCES:
                        raise Failure(
                            "the processes that read the clips die, and no file is the cause: is "
                            f"memory short? ({error})\n  cure: fewer --workers, or a "
                            "smaller --batch-size"
                        ) from None
                    self.close()
                    self._loader = self._started()
        finally:
            self.busy = False

    def close(self) -> None:
        """Ends the workers, once each has made the batch it is at.

        torch ends them when the iterator is freed, and the traceback of an error may keep it; torch
        has no public method for that.
        """
        if self._iterator is not None:
            self._iterator._shutdown_workers()
            self._iterator = None

    def _started(self) -> DataLoader[Batch | str]:
        self._beacons.fill_(_NOTHING)
        return DataLoader(
            _Reading(self._dataset, self._faults),
            batch_sampler=cast("Sampler[list[int]]", self._plan),
            num_workers=self._workers,
            collate_fn=cast("Callable[[list[Batch | str]], Batch | str]", _as_is),
            persistent_workers=True,
            worker_init_fn=_Start(self._beacons),
            generator=torch.Generator(),
        )

    def _blame(self, waiting: Sequence[BatchPlan]) -> bool:
        """Returns whether a file that was being read kills its reader; it is not tried again."""
        suspects = set(self._beacons.tolist()) - {_NOTHING}
        # Of several visits of a clip the first that waits is the one that was being read.
        waits = [key for part in waiting for key in part.keys if key.index in suspects]
        keys = {key.index: key for key in reversed(waits)}
        guilty = False
        for index in suspects:
            code = _exit_code(self._dataset, keys.get(index, ClipKey(index)))
            if code:
                how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
                self._faults[index] = (
                    f"{self._dataset.records[index].path}: kills the process that reads it ({how})"
                    "; cure: re-encode the file or remove it from the list"
                )
                guilty = True
        return guilty


class _Start:
    """Initialises a worker: a single thread, and a beacon."""

    def __init__(self, beacons: Tensor) -> None:
        self._beacons = beacons

    def __call__(self, worker: int) -> None:
        ignore_interrupts()
        torch.set_num_threads(1)
        info = get_worker_info()
        assert info is not None
        assert isinstance(info.dataset, _Reading)
        info.dataset.beacon = self._beacons[worker : worker + 1]


def _as_is(made: Batch | str) -> Batch | str:
    """Returns what it is given: a worker's answer is a batch already, not a list of clips."""
    return made


def _exit_code(dataset: ClipDataset, key: ClipKey) -> int:
    """Returns how a process that reads nothing but this clip ends; 0: well."""
    process = multiprocessing.Process(target=_read_alone, args=(dataset, key), daemon=True)
    process.start()
    process.join(dataset.loading.timeout + 30)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode or 0


def _read_alone(dataset: ClipDataset, key: ClipKey) -> None:
    ignore_interrupts()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a blocked decoder reacts to nothing else
    torch.set_num_threads(1)
    with suppress(DataError):  # refused with a message: this did not kill the reader
        dataset.clip(key)
