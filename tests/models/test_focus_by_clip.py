"""One window for all frames of a clip: what learns from what, early answers, frames of its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError
from connsearch.models.early_exit import leave_early
from connsearch.models.features import require_features
from connsearch.models.focus.by_clip import FocusByClip
from connsearch.models.images import ImageModel
from connsearch.models.zoo import MODELS
from connsearch.nn.split_norm import ImageNorm

SMALL: dict[str, Any] = {"depths": [1, 1, 1, 1], "widths": [8, 8, 8, 16], "block": "basic"}


def built(**changes: Any) -> FocusByClip:
    part = MODELS["resnet18"].build(2, seed=0, temporal_shift=True, **SMALL).describe().to_json()
    given = {"window": "clip", "heads": "sum", "frames": 3, "size": 40, "patch": 24}
    given |= {"policy_hidden": 8, "neurons": 8, "dropout": 0.0, "glance": part, "local": part}
    found = MODELS["adafocus"].build(4, seed=1, **given | changes)
    assert isinstance(found, FocusByClip)
    return found


@pytest.fixture
def streams() -> dict[str, Tensor]:
    return {"rgb": torch.rand(3, 3, 3, 40, 40), "focus": torch.rand(3, 3, 5, 40, 40)}


def reached(model: FocusByClip, loss: Tensor, part: str) -> bool:
    """Whether a gradient that is not 0 gets to a part."""
    parameters = list(model.get_submodule(part).parameters())
    grads = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    found: list[Tensor | None] = list(grads)
    return any(grad is not None and bool(grad.any()) for grad in found)


def test_the_policy_learns_only_by_the_local_network_of_its_pass(
    streams: dict[str, Tensor],
) -> None:
    model = built().train()
    terms = {term.name: term.logits.square().sum() for term in model(streams).terms}
    networks = ("glance", "local", "policy")
    for answer in ("policy", "random"):
        assert not any(reached(model, terms[answer], part) for part in networks)
        assert reached(model, terms[answer], "joined.glance")
        assert reached(model, terms[answer], "joined.local")
    assert reached(model, terms["policy local"], "policy")
    assert reached(model, terms["policy local"], "local")
    assert not reached(model, terms["policy local"], "glance")
    assert not reached(model, terms["random local"], "policy")
    assert reached(model, terms["glance"], "glance")


def test_both_heads_of_a_network_share_their_dropout(streams: dict[str, Tensor]) -> None:
    model = built(dropout=0.5).train()
    inputs = dict[str, list[Tensor]]()

    def keep(name: str) -> Any:
        return lambda _, x: inputs.setdefault(name, []).append(x[0].detach())

    for name in ("joined.glance", "joined.local", "glance_head.1", "local_head.1"):
        model.get_submodule(name).register_forward_pre_hook(keep(name))
    model(streams)
    for one, other in (("joined.glance", "glance_head.1"), ("joined.local", "local_head.1")):
        assert inputs[one]
        assert all(map(torch.equal, inputs[one], inputs[other]))
        assert (inputs[one][0] == 0).float().mean() > 0.3


def test_the_random_pass_comes_first_and_windows_stay_where_they_are(
    streams: dict[str, Tensor],
) -> None:
    model = built().train()
    assert [term.name for term in model(streams).terms] == [
        "glance", "random", "random local", "policy", "policy local",
    ]  # fmt: skip
    look = model.eval().look(streams)
    assert look.windows.shape == (3, 5, 4)
    assert (look.windows == look.windows[:, :1]).all()
    assert look.stream == "focus"
    norms = [m for m in model.local.modules() if isinstance(m, ImageNorm)]
    assert {int(n.num_batches_tracked) for n in norms if n.num_batches_tracked is not None} == {2}


def test_heads_begin_small_and_each_network_has_one_rate_with_its_heads() -> None:
    model = MODELS["adafocus"].build(50, seed=0, **built().settings.model_dump())
    assert model.rates == {
        "glance": 0.5, "glance_head": 0.5, "joined.glance": 0.5, "policy": 0.01,
    }  # fmt: skip
    for name in model.classifier:
        head = model.get_submodule(name)
        assert isinstance(head, nn.Linear)
        assert not head.bias.any()
        assert 0.0007 < float(head.weight.detach().std()) < 0.0013


@pytest.mark.parametrize("window", ["clip", "track"])
@pytest.mark.parametrize("heads", ["sum", "running_max"])
@pytest.mark.parametrize("places", ["policy", "centre", "random"])
def test_steps_give_the_answers_of_a_whole_pass(
    streams: dict[str, Tensor], window: str, heads: str, places: str
) -> None:
    model = built(window=window, heads=heads, places=places, glance_frames=2).eval()
    with torch.no_grad():
        whole = model(streams).per_step
    assert whole is not None
    assert whole.shape == (3, 2 if heads == "running_max" else 1, 4)
    for exit_ in range(model.exits):
        thresholds = [-float("inf") if n == exit_ else float("inf") for n in range(model.exits)]
        left = leave_early(model, streams, thresholds)
        assert torch.equal(left.logits, whole[:, exit_])
    top = whole.softmax(2).amax(2)[:, 0]
    left = leave_early(model, streams, [float(top.median()), 0.0][-model.exits :])
    assert torch.allclose(left.logits, whole[torch.arange(3), left.exits], atol=1e-6)


def test_one_batch_for_both_passes_sees_the_same_windows(streams: dict[str, Tensor]) -> None:
    apart, joint = (built(joint_passes=joint).eval() for joint in (False, True))
    seen = require_features(apart.glance, "glance").features({"rgb": streams["rgb"]})
    passes = {"random": torch.rand(3, 1, 2), "policy": torch.rand(3, 1, 2)}
    with torch.no_grad():
        found = [m.learned({"rgb": streams["focus"]}, seen, passes) for m in (apart, joint)]
    for one, other in zip(*(f.terms for f in found), strict=True):
        assert torch.allclose(one.logits, other.logits, atol=1e-6)


def test_without_frames_of_its_own_the_local_network_sees_those_of_the_clip(
    streams: dict[str, Tensor],
) -> None:
    model = built().eval()
    rgb = {"rgb": streams["rgb"]}
    with torch.no_grad():
        found, same = model(rgb).logits, model({**rgb, "focus": streams["rgb"]}).logits
        other = model(streams).logits
    assert torch.equal(found, same)
    assert not torch.allclose(found, other)


def test_what_a_clip_costs_counts_the_frames_of_the_local_network() -> None:
    with torch.device("meta"):
        model = built(local_frames=5)
    shapes = {"rgb": (3, 3, 40, 40)}
    (told,) = model.exit_costs(shapes)
    assert told == model.exit_costs({**shapes, "focus": (3, 5, 40, 40)})[0]
    with torch.device("meta"):
        fewer = built(local_frames=3)
    assert (
        told
        > fewer.exit_costs(shapes)[0]
        == fewer.exit_costs({**shapes, "focus": shapes["rgb"]})[0]
    )
    heads = 4 * (3 + 5) * 16
    assert model.exit_costs(shapes, training_heads=True) == (told + heads,)


def test_clips_of_another_form_are_refused(streams: dict[str, Tensor]) -> None:
    model = built(local_frames=4)
    with pytest.raises(DataError, match="--focus-frames 4"):
        model(streams)
    with pytest.raises(DataError, match="--batch-size"):
        model({"rgb": streams["rgb"][:1]})
    for setting in ({"heads": "sum"}, {"local_frames": 4, "heads": "running_max"}):
        with pytest.raises(SettingsError, match="--window clip or track"):
            built(window="frame", local=MODELS["resnet18"].build(2, **SMALL).describe().to_json(),
                  **setting)  # fmt: skip


def test_parts_are_temporal() -> None:
    model = built()
    assert isinstance(model.glance, ImageModel)
    assert model.glance.temporal
