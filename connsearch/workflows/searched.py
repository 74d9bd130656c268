"""Opening a searched run for a closer look: its network, its data, and how it was trained."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from connsearch.analysis.searched_run import SearchedRun
from connsearch.data.loading.loader import SplitLoaders
from connsearch.errors import RunError
from connsearch.oneshot.options import SearchOptions
from connsearch.runs.recorded import recorded_options
from connsearch.training.environment import describe_environment
from connsearch.training.evaluate import Compute
from connsearch.workflows.data import open_data_of
from connsearch.workflows.listening import Listener
from connsearch.workflows.targets import open_trained


@contextmanager
def open_searched(target: str, listener: Listener) -> Generator[SearchedRun]:
    """Returns the searched network in a run's directory, ready to be judged inside of ``with``.

    What reads its clips ends with it.

    Raises:
        RunError: it is no finished search, or its data is not what it was searched on.
    """
    trained = open_trained(target, listener)
    if not trained.learns:
        raise RunError(
            f"{target}: not the directory of a search\n"
            "  allowed: what connsearch search wrote, such as runs/search-starter"
        )
    options = recorded_options(target, "training", SearchOptions)
    environment = describe_environment(options.compute)
    data = open_data_of(target, listener)
    compute = Compute(environment["device"], environment["precision"])
    network = trained.network().to(compute.device)
    found = trained.directory, network, trained.structure, data, options, compute
    with SplitLoaders(data.parts()) as loaders:
        yield SearchedRun(*found, loaders)
