"""What loading data can be asked for."""

from __future__ import annotations

from pydantic import Field

from connsearch.data.options import DataOptions
from connsearch.workflows.settings.base import WorkflowSettings


class LoadSettings(WorkflowSettings):
    """What :func:`~connsearch.workflows.load.load_data` can be asked for."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Decides the planted data, and every split that a file does not give."""
    data: DataOptions = DataOptions()

    def data_options(self) -> DataOptions:
        """Returns the data settings with their seed."""
        return self.data.with_values(seed=self.seed)
