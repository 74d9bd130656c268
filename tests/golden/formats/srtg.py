"""Golden files of squeeze-and-recursion networks: blocks and whole networks, channels second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, get_args

import torch

from connsearch.models.zoo import MODELS
from connsearch.nn.convolutions3d import Convolution
from connsearch.nn.residual3d import BLOCKS_3D
from tests.golden.cupboard import FORMATS, Check
from tests.golden.folder import Folder
from tests.golden.srtg import gates, mtnet, tables
from tests.golden.srtg.networks import blocks, networks, roles, states, totals
from tests.golden.srtg.rule import HERE, STATES

DTYPES = {"float64": torch.float64, "float32": torch.float32}
KINDS = (*gates.KINDS, "mtnet", "block", "net", "table")


class SRTG:
    """Every entry of its index says of what kind it is."""

    known_by = "a 'kind' that is sr, gate, block, net, mtnet or table, and a 'source'"

    def owns(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Returns whether it says so itself."""
        return "source" in entry and entry.get("kind") in KINDS

    def checks(self, folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
        """Returns a check a precision, or a check a network of a table."""
        if entry["kind"] == "table":
            yield from _table(folder, name)
        elif entry["kind"] in gates.KINDS:
            yield from gates.checks(folder, name)
        elif entry["kind"] == "mtnet":
            yield from mtnet.checks(folder, name)
        elif lack := _lack(entry):
            yield Check(name, missing=f"{entry['kind']}: connsearch has {lack} yet ({name})")
        else:
            run = networks if entry["kind"] == "net" else blocks
            for label, dtype in DTYPES.items():
                slow = entry["kind"] == "net"
                yield Check(f"{name}-{label}", partial(run, folder, name, dtype), slow=slow)


FORMATS.register("srtg")(SRTG())


def _lack(entry: Mapping[str, Any]) -> str:
    """What connsearch would need and does not have, or nothing."""
    kind = entry["kind"]
    if kind == "net":
        return "" if entry["factory"] in MODELS else f"no network {entry['factory']}"
    known = (*get_args(Convolution), "ir", "ip")
    if entry["block"] not in BLOCKS_3D or entry["conv"] not in known:
        return f"no {entry['block']} block of {entry['conv']} convolutions"
    return ""


def _table(folder: Folder, name: str) -> Iterator[Check]:
    if name in tables.TABLES:
        for check in tables.TABLES[name]:
            yield Check(f"{name} {check.__name__}", partial(check, folder))
    elif name == "_s4_roles":
        yield Check(name, partial(roles, folder))
    elif name == "_s6_state_dicts_mtnet":
        yield from mtnet.table_checks(folder, name)
    else:
        run = {"_s6_state_dicts": states, "_s6_totals": totals}[name]
        for factory in folder.table(STATES, HERE):
            lack = "" if factory in MODELS else f"table: connsearch has no network {factory} yet"
            yield Check(f"{name} {factory}", partial(run, folder, factory), missing=lack)
    if name == "_s6_totals":
        yield from mtnet.table_checks(folder, name)
