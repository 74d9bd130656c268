"""Golden files of AdaFocusV2: crops, policies, classifiers, networks, data, exits, costs, names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from tests.golden.cupboard import FORMATS, Check
from tests.golden.folder import Folder

KINDS = {
    "0": "rule",
    "a": "crops",
    "b": "policies",
    "c": "classifiers",
    "d": "networks",
    "e": "clipwise",
    "f": "data",
    "g_map": "precisions",
    "g": "exits",
    "h": "costs",
    "i": "names",
}
"""How an entry is named -> module of ``tests.golden.focus`` whose ``checks(folder, name,
entry)`` tests it."""


def module_of(name: str) -> Any:
    """Returns the module that tests an entry."""
    kind = next(kind for start, kind in KINDS.items() if name.startswith(start))
    return import_module(f"tests.golden.focus.{kind}")


class Focus:
    """Entries are named by a letter, what follows it, and what is special about the case."""

    known_by = "named as a_crop_S16_P6 ... i_names_tsm or 0_rule_check, with 'what' and no 'kind'"

    def owns(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Returns whether it is named as such a case and says so itself."""
        return bool(re.match("[0a-i]_", name)) and "what" in entry and "kind" not in entry

    def checks(self, folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
        """Returns what is to be tested about it."""
        return module_of(name).checks(folder, name, entry)


FORMATS.register("focus")(Focus())
