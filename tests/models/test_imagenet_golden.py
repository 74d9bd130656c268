"""Networks of images, and mc3_18, give the numbers of timm's and torchvision's.

The numbers are in ``imagenet_golden.json``; weights and clips follow from names, by the rule of
``tests/golden/srtg``, and go in through the importer. With timm and torchvision at hand (neither is
needed, or installed by us) ``python tests/models/test_imagenet_golden.py`` writes them again.
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from connsearch.models.published import import_state, names_of, part_of
from connsearch.models.zoo import MODELS
from tests.golden.srtg.rule import clip, value

NUMBERS = Path(__file__).with_name("imagenet_golden.json")
GOLDEN: dict[str, Any] = json.loads(NUMBERS.read_text(encoding="utf-8"))
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "torchvision/resnet18": ("resnet18", {}),
    "timm/resnet34": ("resnet34", {}),
    "timm/resnet50": ("resnet50", {}),
    "timm/mobilenetv2_100": ("mobilenet_v2", {}),
    "timm/mobilenetv2_050": ("mobilenet_v2", {"width": 0.5}),
    "timm/mobilenetv2_140": ("mobilenet_v2", {"width": 1.4}),
    "torchvision/mobilenet_v2": ("mobilenet_v2", {}),
    "torchvision/mc3_18": ("mc3_18", {}),
    "torchvision/r3d_18": ("r3d_18", {"stem_pool": False}),
    "torchvision/r2plus1d_18": ("r2plus1d_18", {"stem_pool": False}),
}
"""Published network -> ours and its settings."""
CLASSES, SEED, CLIP = 12, 7, (2, 3, 3, 40, 52)
QUICK = ("torchvision/resnet18", "timm/mobilenetv2_050", "torchvision/mc3_18")


def numbers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the rule, by the names and shapes of a state dict."""
    return {name: value(name, tuple(t.shape), SEED) for name, t in state.items()}


def reference(listed: str) -> Any:
    """The published network with the weights of the rule, in double precision.

    Raises:
        Exception: of whatever kind an absent or unusable timm or torchvision gives.
    """
    publication, name = listed.split("/")
    if publication == "timm":
        import timm  # pyright: ignore[reportMissingImports]

        network: Any = timm.create_model(name, pretrained=False, num_classes=CLASSES)
    else:
        from torchvision import models  # pyright: ignore[reportMissingImports]

        home: Any = models.video if name.endswith("d_18") or name == "mc3_18" else models
        network = getattr(home, name)(num_classes=CLASSES)
    network.load_state_dict(numbers(network.state_dict()))
    return network.double().eval()


def expected(listed: str) -> Tensor:
    """What the published network gives: the mean over frames, if it is one of images."""
    network, x = reference(listed), clip(CLIP, SEED).double()
    with torch.no_grad():
        if MODELS[CASES[listed][0]].kind == "resnet3d":
            return network(x)
        return torch.stack([network(frame) for frame in x.unbind(2)]).mean(0)


def ours(listed: str) -> Tensor:
    """What our network gives with the weights of the rule, imported by their published names."""
    publication, (name, options) = listed.split("/")[0], CASES[listed]
    network = MODELS[name].build(CLASSES, seed=0, **options)
    document, own = network.describe(), network.state_dict()
    theirs = names_of(part_of(publication, document), document)
    state = {theirs(n): value(theirs(n), tuple(t.shape), SEED) for n, t in own.items()}
    found = import_state(state, network, publication=publication)
    assert len(found.taken.loaded) == len(own)
    with torch.no_grad():
        logits = network.double().eval()({"rgb": clip(CLIP, SEED).double()})
    assert isinstance(logits, Tensor)
    return logits


@pytest.mark.parametrize(
    "listed", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in CASES]
)
def test_logits_are_those_of_the_published_network(listed: str) -> None:
    wanted = torch.tensor(GOLDEN["logits"][listed], dtype=torch.float64)
    assert wanted.std() > 0.01
    torch.testing.assert_close(ours(listed), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("listed", CASES)
def test_logits_are_those_of_the_installed_network(listed: str) -> None:
    try:
        wanted = expected(listed)
    except Exception as error:  # absent, or built for another torch
        pytest.skip(f"{listed} is not at hand: {error}")
    torch.testing.assert_close(ours(listed), wanted, rtol=1e-9, atol=1e-9)


if __name__ == "__main__":
    found = {listed: expected(listed).tolist() for listed in CASES}
    versions = {package: metadata.version(package) for package in ("timm", "torchvision", "torch")}
    told = {"made with": versions, "logits": found}
    NUMBERS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
