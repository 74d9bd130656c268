"""What every training can be asked for, where its run goes, and what of it is recorded."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

from pydantic import Field, field_validator

from connsearch.data.options import DataOptions
from connsearch.data.sources.effects import for_source
from connsearch.errors import SettingsError
from connsearch.flags import Flag
from connsearch.graph.spec import Attention, Modality
from connsearch.runs.recorded import read_record, without_cache
from connsearch.settings.differences import differences, may_change
from connsearch.settings.earlier import migrated_settings, name_before, without
from connsearch.settings.nesting import merged, usual
from connsearch.workflows.settings.base import WorkflowSettings

RUNS = Path("runs")
"""Where runs go unless something else is said."""

_NOT_RECORDED = frozenset(
    {"run", "config", "from_epoch", "evaluate", "tensorboard", "json_line", "debug"}
)
"""Settings that decide where things go and what is shown, but no result."""


class RunSettings(WorkflowSettings):
    """What every training can be asked for: data, a seed, a run directory."""

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

    def in_the_name(self) -> dict[str, Any]:
        """Returns the settings that the name of the default directory tells."""
        return {name: getattr(self, name) for name in self.NAMED}

    def directory(self, default: Path) -> Path:
        """Returns the run directory: the one asked for, or the default one.

        Settings that are not the default ones and decide the result add a short hash to its name,
        so that the same command always finds its own run and no other.
        """
        if self.run is not None:
            return self.run
        plain = self.in_the_name()
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
