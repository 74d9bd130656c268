"""``connsearch evaluate``: how good is it, really? Opens the test split, once."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from connsearch.cli.command import Command, Flag, merged
from connsearch.cli.outcome import say_pictures, show_classes, show_metrics
from connsearch.cli.target import (
    Trained,
    as_options,
    open_trained,
    recorded_facts,
    recorded_loss,
    recorded_settings,
)
from connsearch.cli.terminal import Terminal
from connsearch.cli.work import check_data, open_data
from connsearch.files.places import DirectoryLock
from connsearch.runs.documents import keep_evaluation
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.record import RunRecord

if TYPE_CHECKING:
    from connsearch.data.loading.batches import UnreadClip
    from connsearch.data.loading.load import DataSplits
    from connsearch.runs.formats.metrics import Metrics


class Evaluate(Command):
    """Judges a trained network on clips it has neither learned from nor been chosen by.

    The test split is opened once: what was found is kept in the run, and shown when asked again.
    With it goes a picture of what was taken for what, confusion-SPLIT.png and .svg.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of a training, a search or a pruned network."""
    split: Literal["test", "val"] = "test"
    """The split to evaluate on."""
    source: Annotated[str | None, Flag(name="data")] = None
    """Where the data is now, if it was moved; it must be the same data."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU if there is one."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of convolutions; auto: bf16 on hardware that has it, else fp32."""
    clips_per_video: int | None = Field(default=None, ge=1, le=64)
    """Clips per video, spread evenly over its length; by default as in the run."""
    crops_per_clip: int | None = Field(default=None, ge=1, le=16)
    """Crops per clip, spread evenly along its longer side; by default as in the run."""
    pool_views: Literal["mean", "max"] | None = None
    """How the probabilities of all clips and crops of a video are combined; by default as in the
    run."""
    again: Annotated[bool, Flag(switch=True)] = False
    """Evaluate again, although the split was opened before."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Evaluates, or finds what was found before, and returns the numbers."""
        trained = open_trained(self.run)
        with _alone(trained.directory):
            entry, fresh = self._found(trained, terminal)
        metrics = entry.metrics
        show_metrics({self.split: metrics}, terminal)
        show_classes(metrics, entry.clips_by_class, terminal)
        pictures = _pictures(trained.directory, self.split, metrics, terminal, fresh=fresh)
        say_pictures(pictures, terminal)
        return {
            "command": "evaluate",
            "run": self.run,
            "split": self.split,
            "opened": entry.opened,
            "times_opened": entry.times_opened,
            **metrics.to_json(),
            "clips_by_class": entry.clips_by_class,
            "pictures": [str(picture) for picture in pictures],
        }

    def _found(self, trained: Trained, terminal: Terminal) -> tuple[Evaluation, bool]:
        """What is found, or was before, and whether it is new; filed in the run."""
        before = RunRecord(trained.directory).evaluations.get(self.split)
        if before is not None and not self.again:
            terminal.say(
                f"the {self.split} split was opened on {before.opened}, in "
                f"{before.precision}; this was found (--again opens it once more, as --data, "
                "--device, --precision and the views asked for say)"
            )
            return before, False
        times = 0 if before is None else before.times_opened
        found = self._evaluated(trained, times + 1, terminal)
        keep_evaluation(trained.directory, self.split, found)
        return found, True

    def _evaluated(self, trained: Trained, times: int, terminal: Terminal) -> Evaluation:
        """What is found on the split now, the so manyth time.

        Raises:
            RunError: the data is not what the network was trained on.
            SettingsError: only somebody's own code can build the network.
        """
        from connsearch.data.loading.loader import Loader
        from connsearch.data.records import listed
        from connsearch.models.catalogue import require_known
        from connsearch.training.environment import describe_environment
        from connsearch.training.evaluate import Compute, evaluate
        from connsearch.training.options import ComputeOptions

        require_known(trained.record.model)
        data = self._data(terminal)
        _warn_unfair(trained.directory, terminal)
        wanted = ComputeOptions(device=self.device, precision=self.precision)
        found = describe_environment(wanted)
        compute = Compute(found["device"], bf16=found["precision"] == "bf16")
        network = trained.model().to(found["device"])
        dataset = data.test if self.split == "test" else data.val
        faults: dict[int, UnreadClip] = {}
        with Loader(dataset) as loader:
            metrics = evaluate(
                network,
                loader,
                classes=data.classes,
                compute=compute,
                loss=recorded_loss(self.run),
                all_views=True,
                hear=lambda fault: faults.setdefault(fault.index, fault),
            )
        if faults:
            terminal.warn(
                f"{len(faults)} of {len(dataset)} clips cannot be read, or not in every view; "
                f"{metrics.left_out} of them are left out of all numbers\n"
                + listed([fault.reason for fault in faults.values()])
            )
        return Evaluation(
            opened=datetime.now(UTC).isoformat(timespec="seconds"),
            metrics=metrics,
            clips_by_class=dict(metrics.support),
            data=data.fingerprint,
            precision=found["precision"],
            pool_views=dataset.clips.pool_views,
            times_opened=times,
        )

    def _data(self, terminal: Terminal) -> DataSplits:
        """The data of the run, in the views asked for; none of them is part of its fingerprint.

        Raises:
            RunError: the data is not what the network was trained on.
        """
        from connsearch.data.options import DataOptions
        from connsearch.data.sources.effects import for_source
        from connsearch.runs.same_data import reading_of
        from connsearch.settings.nesting import nested

        names = ("source", "clips_per_video", "crops_per_clip", "pool_views")
        asked = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        settings = dict(recorded_settings(self.run).get("data", {}))
        if self.source is not None:
            settings = for_source(settings, self.source)
        asked = nested(DataOptions, asked)
        options = as_options(self.run, "data", DataOptions, merged(settings, asked))
        data = open_data(options, terminal, reading=reading_of(recorded_facts(self.run)))
        return check_data(self.run, data, terminal)


@contextmanager
def _alone(directory: Path) -> Generator[None]:
    """Lets one process at a time open a split: two would lose what the other has filed."""
    lock = DirectoryLock(directory)
    try:
        yield
    finally:
        lock.release()


def _warn_unfair(directory: Path, terminal: Terminal) -> None:
    """Warns of a network that was pruned and nothing else."""
    record = RunRecord(directory).prune_record
    if record is not None and not record.recalibrated:
        terminal.warn(
            "its batch-norm statistics are those of the network it was pruned from: train it, or "
            "prune with --recalibrate, for a fair number"
        )


def _pictures(
    directory: Path, split: str, metrics: Metrics, terminal: Terminal, *, fresh: bool
) -> list[Path]:
    """The pictures of an evaluation, drawn when it is new or when they are missing."""
    if metrics.confusion is None:
        return []
    name = f"confusion-{split}"
    paths = [directory / f"{name}.{suffix}" for suffix in ("png", "svg")]
    if not fresh and all(path.exists() for path in paths):
        return paths
    from connsearch.view.runs.confusion import confusion_pictures

    try:
        title = f"{split}: accuracy {metrics.accuracy:.3f} of {metrics.clips} clips"
        return confusion_pictures(metrics.confusion, directory, name, title=title)
    except OSError as error:  # the numbers are kept already
        terminal.warn(f"no picture: {error}")
        return []
