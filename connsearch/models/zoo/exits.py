"""Networks of structures that may stop after a level; `connsearch train --exits` makes them."""

from __future__ import annotations

from connsearch.models.depth_exits import KIND, DepthExits, ExitSettings
from connsearch.models.zoo_kind import ZooKind

EXITS = ZooKind(KIND, ExitSettings, DepthExits)
