"""Golden files of AdaFocusV2: crops, policies, classifiers, exits. None of it is ours yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.golden.cupboard import FORMATS, Check
from tests.golden.folder import Folder

KINDS = {
    "0": "the rule by which numbers follow from names",
    "a": "a differentiable crop",
    "b": "a focus policy",
    "c": "a recurrent classifier",
    "d": "a whole untrimmed focus model",
    "e": "temporal shift or the whole clip-wise focus model",
    "f": "frame order, sampling, crop geometry or rates of focus training",
    "g": "early exit or mean average precision",
    "h": "costs of the parts of a focus model",
    "i": "names of a published focus checkpoint",
}


class Focus:
    """Entries are named by a letter, what follows it, and what is special about the case."""

    known_by = "named as a_crop_S16_P6 ... i_names_tsm or 0_rule_check, with 'what' and no 'kind'"

    def owns(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Returns whether it is named as such a case and says so itself."""
        return bool(re.match("[0a-i]_", name)) and "what" in entry and "kind" not in entry

    def checks(self, folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
        """Returns one check, which is skipped: connsearch has no focus models yet."""
        yield Check(
            name, missing=f"focus, {KINDS[name[0]]}: connsearch has no focus model yet ({name})"
        )


FORMATS.register("focus")(Focus())
