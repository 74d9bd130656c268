"""``connsearch evaluate``: how good is it, really? Opens the test split, once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from connsearch.cli.command import Command, Flag
from connsearch.cli.outcome import show_classes, show_metrics
from connsearch.cli.target import (
    PRUNED_RECORD,
    Trained,
    open_trained,
    read_record,
    recorded_settings,
)
from connsearch.cli.terminal import Terminal
from connsearch.cli.work import check_data, open_data
from connsearch.errors import RunError

EVALUATION = "evaluation.json"
"""The file in a run that says that the test split was opened, and what was found."""


class Evaluate(Command):
    """Judges a trained network on clips it has neither learned from nor been chosen by.

    The test split is opened once: what was found is kept in the run, and shown when asked again.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of a training, a search or a pruning."""
    split: Literal["test", "select"] = "test"
    """The clips to judge on."""
    source: Annotated[str | None, Flag(name="data")] = None
    """Where the data is now, if it has moved since; it must be the same data."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of the convolutions; auto takes bf16 where the processor is made for it."""
    again: Annotated[bool, Flag(switch=True)] = False
    """Open the split once more although it was opened before."""

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Evaluates, or finds what was found before, and returns the numbers."""
        from connsearch.train.metrics import Metrics

        trained = open_trained(self.run)
        path = trained.directory / EVALUATION
        known = _known(path)
        if self.split in known and not self.again:
            before = known[self.split]
            terminal.say(
                f"the {self.split} split was opened on {before['opened']}, in "
                f"{before['precision']}; this was found (--again opens it once more, as --data, "
                "--device and --precision say)"
            )
        else:
            before = known.get(self.split, {}).get("times_opened", 0)
            found = self._evaluated(trained, terminal)
            known[self.split] = {**found, "times_opened": before + 1}
            _keep(path, known)
        entry = known[self.split]
        metrics = Metrics.from_json(entry["metrics"])
        show_metrics({self.split: metrics}, terminal)
        show_classes(metrics, entry["clips_by_class"], terminal)
        return {
            "command": "evaluate",
            "run": self.run,
            "split": self.split,
            "opened": entry["opened"],
            "times_opened": entry["times_opened"],
            **entry["metrics"],
            "clips_by_class": entry["clips_by_class"],
        }

    def _evaluated(self, trained: Trained, terminal: Terminal) -> dict[str, Any]:
        """What is found on the split now.

        Raises:
            RunError: the data is not what the network was trained on.
        """
        from connsearch.data.options import DataOptions
        from connsearch.train.environment import describe_environment
        from connsearch.train.evaluate import Compute, evaluate
        from connsearch.train.options import TrainOptions

        settings = dict(recorded_settings(self.run).get("data", {}))
        if self.source is not None:
            settings["source"] = self.source
        data = open_data(DataOptions.model_validate(settings), terminal)
        check_data(self.run, data.fingerprint)
        if (trained.directory / PRUNED_RECORD).exists():
            record = read_record(trained.directory / PRUNED_RECORD)
            if not record.get("recalibrated"):
                terminal.warn(
                    "its batch-norm statistics are those of the network it was pruned from: train "
                    "it, or prune with --recalibrate, for a fair number"
                )
        wanted = TrainOptions(device=self.device, precision=self.precision)
        found = describe_environment(wanted)
        compute = Compute(found["device"], bf16=found["precision"] == "bf16")
        network = trained.network().to(found["device"])
        dataset = data.test if self.split == "test" else data.select
        metrics = evaluate(network, dataset, classes=data.classes, compute=compute)
        counts = Counter(dataset.labels)
        return {
            "opened": datetime.now(UTC).isoformat(timespec="seconds"),
            "metrics": metrics.to_json(),
            "clips_by_class": {name: counts[label] for label, name in enumerate(data.classes)},
            "data": data.fingerprint,
            "precision": found["precision"],
        }


def _known(path: Path) -> dict[str, Any]:
    """What was found before, by split.

    Raises:
        RunError: the file is damaged.
    """
    if not path.exists():
        return {}
    known = dict(read_record(path))
    keys = {"opened", "times_opened", "metrics", "clips_by_class"}
    if not all(isinstance(entry, dict) and keys <= set(entry) for entry in known.values()):
        raise RunError(
            f"{path}: is damaged, so nobody knows whether the split was opened\n"
            "  cure: remove it to open the split again"
        )
    return known


def _keep(path: Path, known: Mapping[str, Any]) -> None:
    from connsearch.graph.files import atomic_write_text

    atomic_write_text(path, json.dumps(known, indent=2) + "\n")
