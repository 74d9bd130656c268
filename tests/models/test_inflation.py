"""Kernels over images in networks over clips: what a still clip gives, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.errors import WeightsError
from connsearch.models.fitting import choose_fit
from connsearch.models.inflation import Inflation, inflate_into, inflated, inflated_kernel
from connsearch.models.published import import_state, load_published, names_of, part_of
from connsearch.models.zoo import MODELS
from connsearch.models.zoo.resnet2d import ResNet2D
from connsearch.models.zoo.resnet3d import ResNet3D

NARROW: dict[str, Any] = {"depths": (1, 1, 1, 1), "widths": (4, 4, 8, 8)}
PAIRS = {
    "r3d_18": ("resnet18", {}),
    "r3d_50": ("resnet50", {"expansion": 4}),
    "mc3_18": ("resnet18", {"stem_pool": True}),
}
"""A network over clips, the one over images, and settings without which they are not alike."""
HOW: tuple[Inflation, ...] = ("mean", "centre")


def image_network(name: str, *, classes: int = 5) -> ResNet2D:
    """A small one with statistics that matter."""
    network = MODELS[name].build(classes, seed=1, **NARROW)
    assert isinstance(network, ResNet2D)
    network.train()
    with torch.no_grad():
        network({"rgb": torch.rand(4, 3, 2, 48, 48, generator=torch.Generator().manual_seed(0))})
    return network.eval()


def clip_network(name: str, *, classes: int = 5, **options: Any) -> ResNet3D:
    network = MODELS[name].build(classes, seed=2, **NARROW | PAIRS[name][1] | options)
    assert isinstance(network, ResNet3D)
    return network.eval()


def published(network: ResNet2D, publication: str = "torchvision") -> dict[str, Tensor]:
    document = network.describe()
    theirs = names_of(part_of(publication, document), document)
    return {theirs(n): t.contiguous().clone() for n, t in network.state_dict().items()}


def maps(network: Any, x: Tensor) -> list[Tensor]:
    """What comes out of the stem and of every stage."""
    found: list[Tensor] = []
    places = (
        network.stem,
        network.pool,
        network.stage1,
        network.stage2,
        network.stage3,
        network.stage4,
    )
    hooks = [p.register_forward_hook(lambda _m, _i, out: found.append(out)) for p in places]
    with torch.no_grad():
        network({"rgb": x})
    for hook in hooks:
        hook.remove()
    return found


def still(frames: int) -> Tensor:
    image = torch.rand(1, 3, 1, 48, 40, generator=torch.Generator().manual_seed(3)) * 2 - 1
    return image.expand(-1, -1, frames, -1, -1)


# Kernels ---------------------------------------------------------------------------------------


@given(
    taps=st.sampled_from([1, 3, 5, 7]),
    how=st.sampled_from(HOW),
    shape=st.tuples(
        st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 3]), st.sampled_from([1, 3])
    ),
)
@settings(max_examples=30, deadline=None)
def test_a_kernel_answers_a_still_clip_as_an_image(
    taps: int, how: Inflation, shape: tuple[int, ...]
) -> None:
    torch.manual_seed(sum(shape) + taps)
    kernel, image = torch.randn(shape), torch.randn(1, shape[1], 6, 5)
    wanted = nn.functional.conv2d(image, kernel)
    clip = image.unsqueeze(2).expand(-1, -1, taps + 2, -1, -1)
    padding = (taps // 2, 0, 0)
    found = nn.functional.conv3d(clip, inflated_kernel(kernel, taps, how), padding=padding)
    assert found.shape[2] == taps + 2
    inner = slice(taps // 2, taps + 2 - taps // 2)
    for frame in found[:, :, inner if how == "mean" else slice(None)].unbind(2):
        torch.testing.assert_close(frame, wanted, rtol=1e-4, atol=1e-4)
    if how == "mean" and taps > 1:  # the border sees fewer taps
        share = (taps - taps // 2) / taps
        torch.testing.assert_close(found[:, :, 0], share * wanted, rtol=1e-4, atol=1e-4)


# Networks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAIRS)
def test_by_the_centre_a_still_clip_is_the_image_at_every_frame(name: str) -> None:
    over_images, over_clips = image_network(PAIRS[name][0]), clip_network(name)
    import_state(published(over_images), over_clips, publication="torchvision", inflate="centre")
    for frames in (1, 5):
        images, clips = maps(over_images, still(1)), maps(over_clips, still(frames))
        for image, clip in zip(images, clips, strict=True):
            for frame in clip.unbind(2):
                torch.testing.assert_close(frame, image, rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            logits = over_clips({"rgb": still(frames)})
            torch.testing.assert_close(logits, over_images({"rgb": still(1)}), rtol=1e-4, atol=1e-5)


def reached(frames: int, name: str) -> list[list[bool]]:
    """For every map, the frames that a zero beside the clip reaches, through all layers before.

    Of time a network looks at (taps, stride) one after the other; a block looks twice, or once if
    it is a bottleneck, and the way past it looks at one frame.
    """
    basic = PAIRS[name][0] == "resnet18"
    layers: list[list[tuple[int, int, bool]]] = [[(3, 1, True)], [(3, 2, False)]]
    for stride in (1, 2, 2, 2):
        layers.append([(3, stride, True), (3, 1, True)] if basic else [(3, stride, True)])
    touched, found = [False] * frames, list[list[bool]]()
    for inside in layers:
        for taps, stride, zeros in inside:
            touched = [
                any(
                    touched[k] if 0 <= k < len(touched) else zeros
                    for k in range(n - taps // 2, n + taps // 2 + 1)
                )
                for n in range(0, len(touched), stride)
            ]
        found.append(touched)
    return found


@pytest.mark.parametrize("name", ["r3d_18", "r3d_50"])
def test_by_the_mean_a_still_clip_is_the_image_where_no_padding_in_time_reaches(name: str) -> None:
    over_images, over_clips = image_network(PAIRS[name][0]), clip_network(name)
    import_state(published(over_images), over_clips, publication="torchvision", inflate="mean")
    frames = 129
    images, clips = maps(over_images, still(1)), maps(over_clips, still(frames))
    expected = reached(frames, name)
    assert not all(expected[-1]), "some frame of the last map is out of reach"
    for image, clip, borders in zip(images, clips, expected, strict=True):
        assert clip.shape[2] == len(borders)
        for frame, border in zip(clip.unbind(2), borders, strict=True):
            assert border or torch.allclose(frame, image, rtol=1e-4, atol=1e-5)
    for place in (0, -1):  # and there it is another one
        for frame in (0, -1):
            assert not torch.allclose(clips[place][:, :, frame], images[place], rtol=1e-2)
    short = maps(over_clips, still(8))[-1]
    assert not torch.allclose(short[:, :, 0], images[-1], rtol=1e-2)


def test_r2plus1d_and_other_networks_have_no_such_weights() -> None:
    state = published(image_network("resnet18"))
    network = MODELS["r2plus1d_18"].build(5, seed=0, **NARROW)
    with pytest.raises(WeightsError, match="convolution mc3 or r3d, here r2plus1d"):
        import_state(state, network, publication="torchvision", inflate="mean")
    with pytest.raises(
        WeightsError, match="torchvision belong to another network: over images, here mobilenet_v2"
    ):
        import_state(
            state, MODELS["mobilenet_v2"].build(5), publication="torchvision", inflate="mean"
        )
    with pytest.raises(WeightsError, match="srtg belong to another network: over images"):
        import_state(state, clip_network("r3d_18"), publication="srtg", inflate="mean")


def test_a_bottleneck_has_to_widen_as_those_over_images_do() -> None:
    network = clip_network("r3d_50", expansion=1)
    with pytest.raises(WeightsError, match="expansion 4, here the usual"):
        import_state(
            published(image_network("resnet50")), network, publication="torchvision", inflate="mean"
        )


@pytest.mark.parametrize("how", HOW)
def test_what_was_inflated_is_said(how: Inflation, tmp_path: Path) -> None:
    over_images, network = image_network("resnet18"), clip_network("r3d_18")
    torch.save(published(over_images), tmp_path / "w.pth")
    found = load_published(tmp_path / "w.pth", network, publication="torchvision", inflate=how)
    kernels = [n for n, t in network.state_dict().items() if t.dim() == 5 and t.shape[2] == 3]
    first = next(note for note in found.notes if "inflated" in note)
    assert first.startswith(f"{len(kernels)} kernels over images were inflated ({how}: ")
    assert "3 taps" in first
    assert kernels[0] in first
    assert "3 kernels over images have one tap in time: unchanged" in found.notes
    assert found.taken.complete
    assert network.stem.norm.running_var.equal(over_images.stem.norm.running_var)


def test_nothing_is_inflated_unasked_and_the_cure_says_so(tmp_path: Path) -> None:
    network = clip_network("r3d_18")
    before = {n: t.clone() for n, t in network.state_dict().items()}
    torch.save(published(image_network("resnet18")), tmp_path / "w.pth")
    # Names of the network over images, which no publication has for one over clips.
    needed = clip_network("r3d_18", depths=(2, 2, 2, 2), stem_pool=False)
    with pytest.raises(WeightsError, match=r"inflate them, mean or centre \(--inflate"):
        load_published(tmp_path / "w.pth", needed, publication="torchvision")
    flat = published(image_network("resnet18"))
    with pytest.raises(WeightsError, match=r"no publication has[\s\S]*\(--inflate, inflate=\); or"):
        choose_fit(None, "r3d_18", NARROW, flat)
    with pytest.raises(WeightsError) as caught:  # no network over images is inflated
        choose_fit(None, "mobilenet_v2", {}, flat)
    assert "--inflate" not in str(caught.value)
    clips = {n: torch.zeros(t.shape) for n, t in published_of_clips(needed).items()}
    with pytest.raises(WeightsError, match="--inflate is for the weights of a resnet2d"):
        choose_fit(None, "r3d_18", NARROW, clips, inflate="mean")
    with pytest.raises(
        WeightsError, match=r"there is no kernel over images[\s\S]*leave inflation out"
    ):
        import_state(clips, network, publication="torchvision", inflate="mean")
    assert all(torch.equal(t, before[n]) for n, t in network.state_dict().items())


def published_of_clips(network: ResNet3D) -> dict[str, Tensor]:
    document = network.describe()
    theirs = names_of(part_of("torchvision", document), document)
    return {theirs(n): t for n, t in network.state_dict().items()}


def test_the_settings_of_the_network_follow_from_the_weights() -> None:
    """``r3d_50`` of the zoo does not widen, ``mc3_18`` has no pool: inflated ones do, and have."""
    state = published(image_network("resnet50", classes=9))
    fit = choose_fit(None, "r3d_50", NARROW, state, inflate="mean")
    assert fit.rows == 9
    assert {k: fit.options[k] for k in ("expansion", "stem_pool")} == {
        "expansion": 4,
        "stem_pool": True,
    }
    assert fit.taken.complete
    flat = choose_fit(
        "timm", "mc3_18", NARROW, published(image_network("resnet18")), inflate="mean"
    )
    assert (flat.options["stem_pool"], flat.taken.complete) == (True, True)


def test_gates_are_not_in_weights_of_images() -> None:
    network = MODELS["srtg_r3d_18"].build(5, seed=0, **NARROW)
    state = published(image_network("resnet18"))
    with pytest.raises(WeightsError, match=r"missing: stage1.0.gate"):
        import_state(state, network, publication="torchvision", inflate="mean")
    found = import_state(state, network, publication="torchvision", inflate="mean", partial=True)
    assert all(".gate." in name for name in found.taken.missing)
    assert any("inflated" in note for note in found.notes)


# Networks of one's own -------------------------------------------------------------------------


def own_pair() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    flat = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1))
    deep = nn.Sequential(nn.Conv3d(3, 4, (5, 3, 3)), nn.BatchNorm3d(4), nn.Conv3d(4, 5, 1))
    return flat, deep


def test_a_network_of_ones_own_takes_weights_of_images_by_name() -> None:
    flat, deep = own_pair()
    taken, told = inflate_into(deep, flat.state_dict(), "mean")
    assert taken.complete
    assert (dict(told.kernels), told.single) == ({"0.weight": 5}, ("2.weight",))
    image = torch.randn(2, 3, 7, 8)
    clip = image.unsqueeze(2).expand(-1, -1, 5, -1, -1)
    with torch.no_grad():
        one, other = flat.eval()(image), deep.eval()(clip)
    torch.testing.assert_close(other[:, :, 0], one, rtol=1e-4, atol=1e-5)


def test_what_does_not_fit_a_network_of_ones_own_is_named() -> None:
    flat, deep = own_pair()
    before = {n: t.clone() for n, t in deep.state_dict().items()}
    state = flat.state_dict()
    with pytest.raises(WeightsError, match="no kernel of these weights differs"):
        inflate_into(deep, {f"net.{n}": t for n, t in state.items()}, "mean")
    less = {n: t for n, t in state.items() if n != "2.bias"}
    with pytest.raises(
        WeightsError, match=r"missing +1 +2.bias[\s\S]*partial=True takes what fits"
    ):
        inflate_into(deep, less, "mean")
    assert all(torch.equal(t, before[n]) for n, t in deep.state_dict().items())
    taken, _ = inflate_into(deep, less, "centre", partial=True)
    assert taken.missing == ("2.bias",)
    assert torch.equal(deep.state_dict()["2.bias"], before["2.bias"])


def test_other_shapes_are_left_as_they_are() -> None:
    own = {"a": torch.zeros(2, 3, 3, 1, 1), "b": torch.zeros(2, 3, 3, 3, 3), "c": torch.zeros(2)}
    state = {
        "a": torch.ones(2, 3, 1, 1),
        "b": torch.ones(2, 3, 1, 1),
        "c": torch.ones(3),
        "d": torch.ones(1),
    }
    found = inflated(state, own, "centre")
    assert dict(found.kernels) == {"a": 3}
    assert all(found.state[n] is state[n] for n in "bcd")
    assert state["a"].dim() == 4
