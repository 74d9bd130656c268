"""What a search adds to training, one file per option; a new file here is a new option.

A member is called as ``member(options, network, clip)``: the search method as it was asked for
(``oneshot.options.RelaxationOptions``; its ``relaxed`` has every choice made), what is searched,
and the (T, H, W) of its clips. It returns a hook, or None where the options do not ask for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connsearch.registry import Registry
from connsearch.training.hooks import Hook

SEARCH_HOOKS: Registry[Callable[[Any, Any, tuple[int, int, int]], Hook | None]] = Registry(
    "search hook", __name__
)
