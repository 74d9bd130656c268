"""What search, train and evaluate share: settings with one seed, where a run goes, its data."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar, cast

from pydantic import Field, field_validator

from connsearch.cli.command import Command, Flag, merged
from connsearch.cli.target import (
    read_record,
    recorded_config,
    recorded_facts,
    recorded_options,
    without_cache,
)
from connsearch.cli.terminal import Terminal
from connsearch.data.options import DataOptions
from connsearch.data.sources.effects import for_source
from connsearch.errors import RunError, SettingsError
from connsearch.graph.spec import Attention, Modality, Structure
from connsearch.runs.names import TENSORBOARD
from connsearch.runs.record import RunRecord
from connsearch.settings.differences import differences, may_change
from connsearch.settings.earlier import migrated_settings, name_before, without
from connsearch.settings.nesting import usual

if TYPE_CHECKING:
    from connsearch.data.loading.load import DataSplits
    from connsearch.runs.events import Event

T = TypeVar("T")

RUNS = Path("runs")
"""Where runs go unless something else is said."""

_NOT_RECORDED = frozenset({"run", "config", "tensorboard", "json_line", "debug"})
"""Settings that decide where things go and what is shown, but no result."""


class Work(Command):
    """A command that trains: it has data, a seed and a run directory."""

    HIDDEN: ClassVar[frozenset[str]] = frozenset({"data.seed", "training.seed"})

    NAMED: ClassVar[tuple[str, ...]] = ()
    """Settings that the default run directory is named after in full."""

    run: Annotated[Path | None, Flag(metavar="DIR")] = None
    """Run directory; by default one under runs/, named after the structure and the settings that
    are not the default ones."""
    config: Annotated[Path | None, Flag(metavar="FILE")] = None
    """Read settings from this file, such as the config.json of a run; options on the command line
    override them."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of everything random: data, first weights, order of the clips, augmentation."""
    data_seed: Annotated[int | None, Flag(rare=True)] = Field(default=None, ge=0, lt=2**63)
    """Separate seed for planted data and for splits that the data does not give; by default
    --seed."""
    streams: tuple[Modality, ...] | None = None
    """Use only the stems of these streams, such as: --streams rgb flow."""
    attention: Attention | None = None
    """Use this peer-attention mode instead of the one in the structure."""
    tensorboard: Annotated[bool, Flag(switch=True, rare=True)] = False
    """Also write loss, accuracy, learning rates, connection weights and peers for TensorBoard, to
    tensorboard/ in the run (needs the extra tensorboard)."""
    data: DataOptions = DataOptions()

    @classmethod
    def inherited(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the settings that come with what the command works on."""
        return {}

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns what comes with the target, and over it the settings in ``--config``."""
        start = dict(cls.inherited(values))
        if values["config"] is not None:
            path = Path(values["config"])
            found = read_record(path)
            given = found.get("settings", found)
            if not isinstance(given, Mapping):
                raise SettingsError(f"{path}: its settings are no JSON object")
            known = cast("Mapping[str, Any]", given)
            if given is not found:  # a run's own record, not what somebody has written for us
                known = without_cache(known)
            start = merged(start, without(migrated_settings(known), cls.HIDDEN))
        return _of_the_source(start, values["data"]["source"]["source"])

    def data_options(self) -> DataOptions:
        """Returns the data settings with their seed."""
        seed = self.seed if self.data_seed is None else self.data_seed
        return self.data.with_values(seed=seed)

    def settings(self) -> dict[str, Any]:
        """Returns everything that decides the result, as JSON values."""
        values = self.model_dump(mode="json", exclude=set(_NOT_RECORDED))
        values["data"] = self.data_options().model_dump(mode="json")
        values["training"]["seed"] = self.seed
        return values

    @field_validator("tensorboard")
    @classmethod
    def _tensorboard_is_there(cls, wanted: bool) -> bool:
        if wanted and importlib.util.find_spec("tensorboard") is None:
            raise ValueError("is not installed; cure: pip install 'connsearch[tensorboard]'")
        return wanted

    def heard(self, events: Iterable[Event], directory: Path) -> Iterable[Event]:
        """Returns the events of the work, written for TensorBoard as they pass if asked for."""
        if not self.tensorboard:
            return events
        from connsearch.view.runs.scalars import with_scalars

        return with_scalars(events, directory / TENSORBOARD)

    def directory(self, default: Path) -> Path:
        """Returns the run directory: the one asked for, or the default one.

        Settings that are not the default ones and decide the result add a short hash to its name,
        so that the same line always finds its own run and no other.
        """
        if self.run is not None:
            return self.run
        plain = {name: getattr(self, name) for name in self.NAMED}
        usual = type(self).model_validate({**plain, **self.inherited(plain)})
        found = differences(usual.settings(), self.settings())
        changed = {name_before(k): now for k, (_, now) in found.items() if not may_change(k)}
        if not changed:
            return default
        text = json.dumps(changed, sort_keys=True)
        return default.with_name(f"{default.name}-{hashlib.sha256(text.encode()).hexdigest()[:6]}")


def _of_the_source(start: dict[str, Any], asked: str) -> dict[str, Any]:
    """Recorded settings without what belongs to another data set than the one that is named."""
    data = start.get("data")
    if not isinstance(data, Mapping) or asked == usual(DataOptions, "source"):
        return start
    recorded = cast("Mapping[str, Any]", data)
    before = recorded.get("source", {}).get("source")
    if before is None:
        return start
    return {**start, "data": for_source(recorded, asked, keep_name=True)}


def prepare(
    directory: Path,
    config: Mapping[str, Any],
    options: DataOptions,
    terminal: Terminal,
    *,
    target: str | None = None,
) -> DataSplits | None:
    """Returns the data a run needs, or None when the run is finished already.

    Whatever can be refused is refused here: a directory that holds something else before the data
    is read, and data that cannot be used before a directory is made. A run that goes on has its
    lists drawn as when it was begun; a new one as the run that its ``target`` comes from.
    """
    from connsearch.runs.run import Run
    from connsearch.runs.same_data import reading_of

    terminal.say(f"run: {directory}")
    facts = None if target is None else recorded_facts(target)
    if directory.exists():
        facts = Run.check(directory, config).get("facts") or facts
        if RunRecord(directory).finished:
            terminal.say("it is finished; this is its result")
            return None
    return open_data(options, terminal, reading=reading_of(facts))


def check_data(target: str, data: DataSplits, terminal: Terminal) -> DataSplits:
    """Returns the data under the fingerprint that the run ``target`` comes from knows it by.

    Raises:
        RunError: it is not what that run was trained on.
    """
    from connsearch.runs.same_data import as_recorded

    told = (
        "this is not the data the network was trained on: clips it has learned from could be "
        "among the test clips"
    )
    data, notes = as_recorded(data, recorded_config(target), where=target, told=told)
    for note in notes:
        terminal.warn(note)
    return data


def begun_with(data: DataSplits, begin: Callable[[str], T], terminal: Terminal) -> T:
    """Returns what ``begin`` returns for the fingerprint of the data.

    Work that was begun when a fingerprint had names and sizes only knows it by that one.
    """
    from connsearch.data.reading import FIRST, note_since

    try:
        return begin(data.fingerprint)
    except RunError as error:
        try:
            found = begin(data.earlier)
        except RunError:
            raise error from None
    terminal.warn(note_since(FIRST, "this work"))
    return found


def open_data(
    options: DataOptions, terminal: Terminal, *, reading: int | None = None
) -> DataSplits:
    """Returns the data, after saying what there is.

    Args:
        options: name it.
        terminal: where it is said.
        reading: by which version's rules its lists are drawn; None: this one's.
    """
    from connsearch.data.loading.load import load_data
    from connsearch.data.reading import READING

    terminal.say(f"data: {options.source.source}")
    data = load_data(options, follow=terminal.count, reading=reading or READING)
    for note in data.notes:
        terminal.warn(note)
    counts = ", ".join(f"{name} {len(split)}" for name, split in data)
    size = "x".join(map(str, data.clip))
    terminal.say(f"  {len(data.classes)} classes; clips of {size}: {counts}")
    return data


def open_data_of(target: str, terminal: Terminal) -> DataSplits:
    """Returns the data of the run that ``target`` is or comes from, the same clips and splits.

    Raises:
        RunError: it is not the data that run recorded.
    """
    from connsearch.runs.same_data import reading_of

    options = recorded_options(target, "data", DataOptions)
    data = open_data(options, terminal, reading=reading_of(recorded_facts(target)))
    return check_data(target, data, terminal)


def suit(structure: Structure, data: DataSplits, work: Work) -> Structure:
    """Returns the structure with the streams and attention asked for, fit for the data's objects.

    Raises:
        SettingsError: a stream the data has not, or a structure without one that was asked for.
    """
    from connsearch.graph.streams import fit_objects, keep_streams

    if work.streams is not None:
        structure = keep_streams(structure, work.streams)
    if work.attention is not None:
        structure = structure.with_settings(attention=work.attention)
    return fit_objects(structure, data.object_classes, data=data.name)
