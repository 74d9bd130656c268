"""How good a network is on a split that is opened once: :func:`evaluate`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from torch import nn

from connsearch.data.loading.batches import UnreadClip
from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import Loader
from connsearch.data.options import DataOptions
from connsearch.data.records import listed
from connsearch.data.sources.effects import for_source
from connsearch.errors import DataError
from connsearch.files.places import DirectoryLock
from connsearch.models.catalogue import require_known
from connsearch.models.model import Model, model_of
from connsearch.runs.documents import keep_evaluation
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.names import EARLY_EXIT, STEP_ANSWERS
from connsearch.runs.record import RunRecord
from connsearch.runs.recorded import as_options, recorded_facts, recorded_settings
from connsearch.runs.same_data import reading_of
from connsearch.runs.step_answers import times_opened
from connsearch.settings.nesting import merged, nested
from connsearch.training.environment import describe_environment
from connsearch.training.evaluate import Compute, judged
from connsearch.training.options import ComputeOptions
from connsearch.training.predictions import Answers
from connsearch.view.runs.confusion import confusion_pictures
from connsearch.workflows.data import check_data, open_data
from connsearch.workflows.filed_evaluation import evaluation_of
from connsearch.workflows.given import Place, RunLike, path_of, place_of
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.pictures import FORMATS
from connsearch.workflows.settings.evaluate import EvaluateSettings
from connsearch.workflows.settings.evaluated import EvaluatedSettings
from connsearch.workflows.targets import (
    open_trained,
    recorded_loss,
    require_data,
    say_classes,
    warn_of_statistics,
)


def evaluate(
    run: RunLike,
    split: str = "test",
    *,
    data: Place | None = None,
    network: nn.Module | None = None,
    progress: Progress = True,
    **settings: Any,
) -> Evaluation:
    """Returns how good a trained network is on a split, and keeps it in the run.

    A split is opened once: what was found is returned when it is asked for again, unless
    ``again=True``.

    Args:
        run: a training, a search or a pruning.
        split: ``test``, or ``val``.
        data: where the data is now, if it was moved; it must be the same data.
        network: a module of one's own, built as for its training; the weights of the run are put
            into it. None: what the run has trained is built by its name and settings.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch evaluate`` by its name.

    Raises:
        RunError: it is no finished run, or its data is not what the network was trained on.
        SettingsError: a setting cannot be used, or only code of one's own builds the network.
    """
    if data is not None:
        settings["source"] = path_of(data, "the name or the path of data")
    asked = EvaluateSettings.of(run=place_of(run), split=split, **settings)
    return run_evaluate(
        asked, Listener.of(progress), None if network is None else model_of(network)
    )


def run_evaluate(
    asked: EvaluateSettings, listener: Listener, network: Model | None = None
) -> Evaluation:
    """Returns what is found on the split, now or before.

    Args:
        asked: all settings.
        listener: hears what happens.
        network: to put the weights into; None: it is built by its name and settings.

    Raises:
        UserError: as for :func:`evaluate`.
    """
    trained = open_trained(asked.run, listener)
    with alone(trained.directory):
        found, fresh = _found(asked, trained, network, listener)
    draw_confusion(trained.directory, asked.split, found.metrics, listener, fresh=fresh)
    return found


def evaluate_finished(
    directory: Path,
    splits: Sequence[Literal["val", "test"]],
    compute: ComputeOptions,
    listener: Listener,
    network: Model | None = None,
) -> None:
    """Evaluates a finished run on some splits, and keeps what is found in it.

    What was found on a split before stays.

    Args:
        directory: of the run.
        splits: which.
        compute: on what it is computed.
        listener: hears what happens.
        network: to put the weights into; None: it is built by its name and settings.

    Raises:
        UserError: as for :func:`evaluate`.
    """
    for split in splits:
        settings = EvaluateSettings(
            run=str(directory), split=split, device=compute.device, precision=compute.precision
        )
        run_evaluate(settings, listener, network)


def require_splits(asked: EvaluatedSettings, data: DataSplits) -> None:
    """Refuses, before a training begins, to evaluate it on a split without clips.

    Raises:
        DataError: a split that is asked for is empty.
    """
    for name, split in data:
        if name in asked.evaluate and not len(split):
            raise DataError(
                f"--evaluate {name}: {data.name} has no clips in its split {name}\n"
                f"  cure: leave it out, or give a --{name}-share above 0"
            )


def confusion_paths(directory: Path, split: str) -> list[Path]:
    """Returns the pictures of an evaluation that are there."""
    paths = (directory / f"confusion-{split}{suffix}" for suffix in FORMATS)
    return sorted(path for path in paths if path.exists())


def _found(
    asked: EvaluateSettings, trained: RunRecord, network: Model | None, listener: Listener
) -> tuple[Evaluation, bool]:
    """What is found, or was before, and whether it is new; filed in the run."""
    before = RunRecord(trained.directory).evaluations.get(asked.split)
    if before is not None and _of_other_data(asked, trained, before, listener):
        before = None
    if before is not None and not asked.again:
        listener.say(
            f"the {asked.split} split was opened on {before.opened}, in "
            f"{before.precision}; this was found (--again opens it once more, as --data, "
            "--device, --precision and the views asked for say)"
        )
        return before, False
    times = _times_opened(asked, trained) if before is None else before.times_opened
    found = _evaluated(asked, trained, network, times + 1, listener)
    keep_evaluation(trained.directory, asked.split, found)
    return found, True


def _times_opened(asked: EvaluateSettings, trained: RunRecord) -> int:
    """How often early-exit has opened the test split, where nothing could be filed of that."""
    if asked.split != "test":
        return 0
    return times_opened(trained.directory / EARLY_EXIT / STEP_ANSWERS)


def _of_other_data(
    asked: EvaluateSettings, trained: RunRecord, before: Evaluation, listener: Listener
) -> bool:
    """Whether converted weights were evaluated on other data than is asked for now."""
    if not trained.is_converted or asked.source is None:
        return False
    if data_of(asked, listener).fingerprint == before.data:
        return False
    listener.warn("what was found before, on other data, is replaced")
    return True


def _evaluated(
    asked: EvaluateSettings,
    trained: RunRecord,
    network: Model | None,
    times: int,
    listener: Listener,
) -> Evaluation:
    """What is found on the split now, for the ``times``-th time.

    Raises:
        RunError: the data is not what the network was trained on.
        SettingsError: only somebody's own code can build the network.
    """
    if network is None:
        require_known(trained.model)
    data = data_of(asked, listener)
    warn_of_statistics(trained.directory, listener)
    return judge_on(asked, trained, data, network, listener, times=times)[0]


def judge_on(
    asked: EvaluateSettings,
    trained: RunRecord,
    data: DataSplits,
    network: Model | None,
    listener: Listener,
    *,
    times: int,
) -> tuple[Evaluation, Answers]:
    """Returns what a network does on a split of loaded data, and its answer to every clip.

    Args:
        asked: which split, where and how it is computed.
        trained: the network.
        data: it was trained on.
        network: to put the weights into; None: it is built by its name and settings.
        listener: hears of clips that cannot be read.
        times: how often the split has been opened, this time included.

    Raises:
        DataError: none of the clips can be read.
    """
    wanted = ComputeOptions(device=asked.device, precision=asked.precision)
    found = describe_environment(wanted)
    compute = Compute(found["device"], found["precision"])
    say_classes(trained, data.classes, listener)
    network = trained.load_model(network, classes=data.classes).to(found["device"])
    dataset = data.test if asked.split == "test" else data.val
    faults: dict[int, UnreadClip] = {}
    with Loader(dataset) as loader:
        metrics, answers = judged(
            network,
            loader,
            classes=data.classes,
            compute=compute,
            loss=recorded_loss(asked.run),
            all_views=True,
            hear=lambda fault: faults.setdefault(fault.index, fault),
        )
    if faults:
        listener.warn(
            f"{len(faults)} of {len(dataset)} clips cannot be read, or not in every view; "
            f"{metrics.left_out} of them are left out of all numbers\n"
            + listed([fault.reason for fault in faults.values()])
        )
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    precision = found["precision"]
    return evaluation_of(metrics, network, data, precision, opened=opened, times=times), answers


def data_of(asked: EvaluateSettings, listener: Listener) -> DataSplits:
    """The data of the run, in the views asked for; none of them is part of its fingerprint.

    Raises:
        RunError: the data is not what the network was trained on.
    """
    if asked.source is None:
        require_data(asked.run)
    names = ("source", "clips_per_video", "crops_per_clip", "pool_views")
    given = {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}
    settings = dict(recorded_settings(asked.run).get("data", {}))
    if asked.source is not None:
        settings = for_source(settings, asked.source)
    views = nested(DataOptions, given)
    options = as_options(asked.run, "data", DataOptions, merged(settings, views))
    data = open_data(options, listener, reading=reading_of(recorded_facts(asked.run)))
    return check_data(asked.run, data, listener)


@contextmanager
def alone(directory: Path) -> Generator[None]:
    """Lets one process at a time open a split: two would lose what the other has filed."""
    lock = DirectoryLock(directory)
    try:
        yield
    finally:
        lock.release()


def draw_confusion(
    directory: Path, split: str, metrics: Metrics, listener: Listener, *, fresh: bool
) -> None:
    """Draws the pictures of an evaluation if it is new, or if they are missing."""
    if metrics.confusion is None:
        return
    if not fresh and len(confusion_paths(directory, split)) == len(FORMATS):
        return
    try:
        title = f"{split}: accuracy {metrics.accuracy:.3f} of {metrics.clips} clips"
        confusion_pictures(metrics.confusion, directory, f"confusion-{split}", title=title)
    except OSError as error:  # the numbers are kept already
        listener.warn(f"no picture: {error}")
