"""Networks at two rates in the place of published ones: numbers, names, shapes and totals.

Names go through the key map of the published weights, and weights through the importer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from connsearch.models.published import import_state
from connsearch.models.weights import PUBLICATIONS
from connsearch.models.zoo import MODELS
from tests.golden.cupboard import Check
from tests.golden.folder import Folder
from tests.golden.srtg.measure import Measure, Subject, network
from tests.golden.srtg.rule import HERE, clip, shapes, signed, value

STATES_MTNET = "s6_state_dicts_mtnet.json.gz"
DTYPES = {"float64": torch.float64, "float32": torch.float32}
LARGEST_PATTERN = 8
"""Pixels of a side of the still squares in the input."""


def checks(folder: Folder, name: str) -> Iterator[Check]:
    """Yields a check a precision of a whole network."""
    for label, dtype in DTYPES.items():
        yield Check(f"{name}-{label}", partial(networks, folder, name, dtype), slow=True)


def table_checks(folder: Folder, name: str) -> Iterator[Check]:
    """Yields a check of every network in the list of names and shapes, or in that of totals."""
    run = states if name == "_s6_state_dicts_mtnet" else totals
    for factory in folder.table(STATES_MTNET, HERE):
        yield Check(f"{name} {factory}", partial(run, folder, factory))


def states(folder: Folder, factory: str) -> None:
    """A published network has the same tensors with us, by the key map in both directions."""
    built, names = bare(factory), key_map(factory)
    mine = {name: list(t.shape) for name, t in built.state_dict().items()}
    listed = folder.table(STATES_MTNET, HERE)[factory]["state"]
    theirs = {name: shape for name, (shape, _) in listed.items()}
    assert {names.published(name): shape for name, shape in mine.items()} == theirs
    assert {names.ours(name): shape for name, shape in theirs.items()} == mine
    learn = {names.published(name) for name, _ in built.named_parameters()}
    assert learn == {name for name, (_, kind) in listed.items() if kind == "p"}


def totals(folder: Folder, factory: str) -> None:
    """A network has as many parameters and buffers as the published one."""
    listed = folder.table(folder.index["_s6_totals"]["file"], folder.path)["mtnet family"][factory]
    built = bare(factory)
    assert sum(p.numel() for p in built.parameters()) == listed["parameters"]
    assert sum(b.numel() for b in built.buffers()) == listed["buffers"]
    assert len(built.state_dict()) == listed["entries"]


def networks(folder: Folder, name: str, dtype: torch.dtype) -> None:
    """A whole network gives the numbers of the published one, evaluating and training."""
    wrong = [m for m in mtnet_measures(folder, name, dtype) if not m.error <= m.allowed]
    assert not wrong, "\n".join(f"{m.where}: {m.error:.2g}, allowed {m.allowed:.0e}" for m in wrong)


def mtnet_measures(folder: Folder, name: str, dtype: torch.dtype) -> Iterator[Measure]:
    """Yields every comparison of a whole network in all modes of its file."""
    for mode in folder.index[name]["modes"]:
        yield from measured(folder, name, dtype, mode)


def measured(folder: Folder, name: str, dtype: torch.dtype, mode: str) -> list[Measure]:
    """Returns every comparison of a case in one mode, and of the counters after a step."""
    entry = folder.index[name]
    subject = _subject(folder, entry, dtype)
    found = list(network(subject, entry, folder.arrays(name), mode, _clip(entry).to(dtype)))
    return found + (list(_counted(subject, entry)) if mode == "train" else [])


def bare(factory: str) -> nn.Module:
    """Returns a network of 400 classes without numbers."""
    with torch.device("meta"):
        return MODELS[factory.lower()].build(400)


def key_map(factory: str) -> Any:
    """Returns our names and the published ones."""
    return PUBLICATIONS["mtnet"].key_map({"kind": "mtnet", "name": factory})


def _subject(folder: Folder, entry: Mapping[str, Any], dtype: torch.dtype) -> Subject:
    factory, classes = entry["factory"], entry["num_classes"]
    model: Any = MODELS[factory.lower()].build(classes, seed=0)
    wanted = shapes(folder, factory, classes, states=STATES_MTNET)
    import_state(
        {name: value(name, shape, entry["seed"]) for name, shape in wanted.items()},
        model,
        publication="mtnet",
    )
    places: dict[str, nn.Module] = {"stem": model.stem, "features": model.dropout}
    for n in (1, 2, 3, 4):
        stage: nn.Module = getattr(model, f"stage{n}")
        places |= {f"layer{n}_{rate}": stage for rate in ("short", "long")}
    names = {name: key_map(factory).ours(name) or "" for name in wanted}
    if dtype is torch.float32:
        # As it was published. In channels last torch's batch statistics of three numbers, as the
        # long stream has at its end, are off by 3e-5 (and the golden ones by 7e-7).
        model.memory_format = torch.contiguous_format
        model.to(memory_format=torch.contiguous_format)
    return Subject(model.to(dtype), lambda x: model({"rgb": x}), names, places)


def _clip(entry: Mapping[str, Any]) -> Tensor:
    """The input of a case: noise, and squares that stand still within a frame."""
    shape = (entry["batch"], 3, entry["time"], *entry["size"])
    coarse = (*shape[:3], *(side // LARGEST_PATTERN for side in shape[3:]))
    pattern = signed("input/pattern", coarse, entry["seed"])
    for axis in (3, 4):
        pattern = pattern.repeat(LARGEST_PATTERN, axis)
    fine = clip(shape, entry["seed"]).numpy().astype(np.float64)
    return torch.from_numpy((fine + 2 * pattern).astype(np.float32))


def _counted(subject: Subject, entry: Mapping[str, Any]) -> Iterator[Measure]:
    """The norm of a long stream that hears the short one has counted two steps, others one."""
    one, two = entry["tracked_after_one_step"]
    for name, theirs in subject.names.items():
        if theirs.endswith("num_batches_tracked"):
            long = name.endswith("norm_long.num_batches_tracked")
            wanted = two if long and ".downsample." not in name else one
            yield Measure(
                f"train/after a step, {name}", abs(float(subject.tensor(name)) - wanted), 0
            )
