"""Lists of the tensors in published checkpoints: totals, names, and files that are converted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from connsearch.models.fitting import choose_fit
from connsearch.models.focus.by_frame import FocusByFrame
from connsearch.models.images import IMAGENET_MEAN, IMAGENET_STD
from connsearch.models.model import Model
from connsearch.models.weights import PUBLICATIONS
from connsearch.models.zoo import MODELS
from connsearch.runs.record import open_run
from connsearch.workflows.weights_convert import convert_weights
from tests.golden.cupboard import Check
from tests.golden.focus.measure import relative
from tests.golden.focus.rule import image, weight
from tests.golden.folder import Folder

HERE = Path(__file__).parent
OURS = {
    "i_names_mn2_r50": "adafocus-mn2-r50",
    "i_names_r50_r50": "adafocus-r50-r50",
    "i_names_tsm": "adafocus-tsm",
}
CASES = {
    "i_names_mn2_r50": "d_mbv2_published",
    "i_names_r50_r50": "d_res50_small",
    "i_names_tsm": "e_tsm_small",
}
"""Golden answers of a model with these names, though of fewer frames."""
PARTS = {
    "glance": "glance",
    "glance main head": "joined.glance",
    "glance training head": "glance_head",
    "local": "local",
    "local main head": "joined.local",
    "local training head": "local_head",
    "policy": "policy",
    "classifier": "running_max",
}
"""What the lists call our parts."""
FLOAT32 = 1e-3


def checks(folder: Folder, name: str, entry: Mapping[str, Any]) -> Iterable[Check]:
    """Returns checks of totals and names, and one that converts a file."""
    yield Check(f"{name} totals", partial(totals, folder, name))
    yield Check(f"{name} fits", partial(fits, folder, name))
    case = CASES[name]
    lack = "" if case in folder.index else f"focus: {case} is not in this folder ({name})"
    run = partial(converts, folder, name, case)
    yield Check(f"{name} converts", run, slow=True, missing=lack)


def listed(folder: Folder, name: str) -> Mapping[str, Any]:
    """Returns the list."""
    return folder.table(folder.index[name]["file"], HERE)


def plain(tensor: Mapping[str, Any]) -> str:
    """Returns the name of an entry without what all of them begin with."""
    assert tensor["name"].startswith("module.")
    return tensor["name"].removeprefix("module.")


def totals(folder: Folder, name: str) -> None:
    """Each part has as many parameters as published, once unused heads are added back."""
    table = listed(folder, name)
    with torch.device("meta"):
        model = MODELS[OURS[name]].build(table["settings"]["classes"])
    unused = dict.fromkeys(table["parameters_by_part"], 0)
    for tensor in table["tensors"]:
        if tensor.get("unused"):
            unused[tensor["part"]] += int(np.prod(tensor["shape"]))
    assert sum(unused.values()) == table["unused_parameters"]
    own = {part: _parameters(model.get_submodule(PARTS[part])) for part in unused}
    assert {part: own[part] + unused[part] for part in unused} == table["parameters_by_part"]
    assert _parameters(model) + sum(unused.values()) == table["parameters"]


def _parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def fits(folder: Folder, name: str) -> None:
    """Every entry has a place with us or is known to be unused; settings are read from shapes."""
    table = listed(folder, name)
    state = {
        plain(t): torch.empty(t["shape"], dtype=getattr(torch, t["dtype"]), device="meta")
        for t in table["tensors"]
    }
    fit = choose_fit(None, OURS[name], {}, state)
    unused = [plain(t) for t in table["tensors"] if t.get("unused")]
    settings = table["settings"]
    assert fit.taken.complete
    assert not fit.taken.counters
    assert sorted(fit.taken.unused) == sorted(unused)
    assert fit.rows == settings["classes"]
    if "glance_frames" in settings:
        told, hidden = {"frames": settings["glance_frames"], "size": 224}, 1024
    else:
        told, hidden = {"frames": settings["frames"]}, settings["policy_hidden"]
    told["policy_hidden"] = hidden
    assert told == {key: fit.options[key] for key in told}
    assert len(state) == len(fit.taken.loaded) + len(fit.taken.left_out) + len(unused)


def converts(folder: Folder, name: str, case: str) -> None:
    """A file of these names, with the weights of the rule, gives the golden answers."""
    entry, arrays = folder.index[case], folder.arrays(case)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "best.pth.tar"
        saved: dict[str, Any] = {"state_dict": checkpoint(folder, name, entry)}
        options = {"size": entry["S"], "patch": entry["P"]}
        if by_clip(entry):
            saved |= {"epoch": 3, "arch": "tsm", "optimizer": {"state": {}}, "best_prec1": 1.5}
            options["local_frames"] = entry["focus_frames"]
        torch.save(saved, file)
        convert_weights(
            file, OURS[name], model_options=options, output=f"{place}/run", progress=False
        )
        file.unlink()
        model = open_run(Path(place) / "run").load_model().eval()
    with torch.no_grad():
        found = model(shown(model, entry))
    told, golden = found.per_step, arrays["eval/output" if by_clip(entry) else "eval/logits"]
    measure = relative("answers", "logits", told, golden, FLOAT32)
    assert measure.error <= measure.allowed, measure
    assert torch.equal(told[:, -1], found.logits)


def by_clip(entry: Mapping[str, Any]) -> bool:
    """Returns whether a case has one window a clip, and frames of its own for that."""
    return "focus_frames" in entry


def shown(model: Model, entry: Mapping[str, Any]) -> dict[str, Tensor]:
    """Returns the clips of a case, of which a model makes the frames of the files."""

    def frames(name: str, count: int, side: int) -> Tensor:
        pictures = image(name, (entry["batch"], count, 3, side, side), entry["seed"])
        return torch.from_numpy(pictures).transpose(1, 2)

    if not by_clip(entry):
        assert isinstance(model, FocusByFrame)
        clips = frames("frames", entry["frames"], entry["S"])
        return {"rgb": as_clips(clips, model.order)}
    number, own = entry["frames"], entry["focus_frames"]
    glance = frames("glance_frames", number, entry["S"])
    focus = frames("focus_frames", own, entry["focus_S"])
    order, own_order = list(range(number)), list(range(own))
    return {"rgb": as_clips(glance, order), "focus": as_clips(focus, own_order)}


def checkpoint(folder: Folder, name: str, entry: Mapping[str, Any]) -> dict[str, Tensor]:
    """Returns what is in a file of a model with the settings of a case."""
    settings = {k: entry[k] for k in ("frames", "policy_hidden") if k in entry}
    with torch.device("meta"):
        model = MODELS[OURS[name]].build(
            entry["classes"], size=entry["S"], patch=entry["P"], **settings
        )
    names = PUBLICATIONS["adafocus"].key_map(model.describe().settings)
    shapes = {names.published(n): tuple(t.shape) for n, t in model.state_dict().items()}
    found: dict[str, Tensor] = {}
    for tensor in listed(folder, name)["tensors"]:
        theirs = plain(tensor)
        if theirs not in shapes and not tensor.get("unused"):
            continue  # the head of a frame that this model does not have
        values = weight(theirs, shapes.get(theirs, tuple(tensor["shape"])), entry["seed"])
        kind = getattr(torch, tensor["dtype"])
        found[tensor["name"]] = torch.from_numpy(np.asarray(values)).to(kind)
    return found


def as_clips(frames_B3THW: Tensor, order: list[int]) -> Tensor:
    """Returns clips that a model normalises and orders to these frames."""
    mean, std = (torch.tensor(v).view(3, 1, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    clips = torch.empty_like(frames_B3THW)
    clips[:, :, order] = 2 * (frames_B3THW * std + mean) - 1
    return clips.float()
