"""Published weights: every name and shape must fit, and nothing in a file is ever run."""

from __future__ import annotations

import gzip
import json
import os
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from connsearch.errors import UnknownNameError, WeightsError
from connsearch.models import weight_file, weights
from connsearch.models.document import ModelDocument
from connsearch.models.fitting import choose_fit
from connsearch.models.model import Model
from connsearch.models.published import Imported, load_published
from connsearch.models.weights import PUBLICATIONS, Publication
from connsearch.models.zoo import MODELS
from connsearch.models.zoo.resnet3d import ResNet3D, ResNet3DSettings

LAYOUTS = json.loads(
    gzip.decompress((Path(__file__).parent / "published_layouts.json.gz").read_bytes())
)
"""Names and shapes of torchvision's and timm's networks, by ``publication/name``."""


def small(classes: int = 4, *, seed: int = 0, **options: Any) -> ResNet3D:
    given = {"block": "basic", "convolution": "r2plus1d", "depths": (1, 1, 1, 1)} | options
    return ResNet3D(ResNet3DSettings(widths=(4, 4, 8, 8), **given), classes, seed=seed)


def published_state(network: ResNet3D, publication: str = "srtg") -> dict[str, Tensor]:
    """A state dict of a publication with the values of a network."""
    key_map = PUBLICATIONS[publication].key_map(network.describe().settings)
    state = network.state_dict()
    return {key_map.published(n) or "": t.contiguous().clone() for n, t in state.items()}


def part(publication: str, kind: str) -> Publication:
    found = PUBLICATIONS[publication].of(kind)
    assert found is not None
    return found


def built_with(whose: Publication) -> dict[str, Any]:
    """Settings of a network that the weights of a publication are of."""
    needs = {k: v for k, v in whose.needs.items() if not isinstance(v, frozenset)}
    return {**whose.expects, **needs}


def layers_of(network: nn.Module, part: str) -> list[str]:
    """The layers in a part that have parameters of their own."""
    inside = network.get_submodule(part).named_modules(prefix=part)
    return [name for name, layer in inside if list(layer.parameters(recurse=False))]


def equal(one: nn.Module, two: nn.Module) -> bool:
    other = two.state_dict()
    return all(torch.equal(t, other[n]) for n, t in one.state_dict().items())


def load(path: Path, network: nn.Module, **options: Any) -> Imported:
    return load_published(path, network, **{"publication": "srtg"} | options)


# Names -----------------------------------------------------------------------------------------


OURS = {"mobilenetv2_100": "mobilenet_v2"}
"""Networks that we call otherwise."""


@pytest.mark.parametrize("listed", LAYOUTS)
def test_all_published_names_and_shapes_fit(listed: str) -> None:
    publication, name = listed.split("/")
    name, layout = OURS.get(name, name), LAYOUTS[listed]
    whose = part(publication, MODELS[name].kind)
    classes = list(layout.values())[-1][0]
    with torch.device("meta"):
        network: Any = MODELS[name].build(classes, **built_with(whose))
    key_map = whose.key_map(network.describe().settings)
    ours = {n: list(t.shape) for n, t in network.state_dict().items()}
    assert {key_map.published(n): shape for n, shape in ours.items()} == layout
    assert {key_map.ours(n): shape for n, shape in layout.items()} == ours


@pytest.mark.parametrize("listed", LAYOUTS)
def test_a_file_of_every_published_layout_is_taken_whole(listed: str) -> None:
    """On the meta device: what it could take, without a number."""
    publication, name = listed.split("/")
    name, layout = OURS.get(name, name), LAYOUTS[listed]
    state = {n: torch.empty(shape, device="meta") for n, shape in layout.items()}
    counts = {n: t.long() for n, t in state.items() if n.endswith("num_batches_tracked")}
    fit = choose_fit(publication, name, {}, state | counts)
    assert fit.taken.complete
    assert not fit.taken.counters
    assert fit.rows == list(layout.values())[-1][0]
    assert len(fit.taken.loaded) + 2 == len(layout)  # all but the classifier, which is left out
    known = next(iter(layout))
    del state[known]
    spoilt = choose_fit(publication, name, {}, state | counts | {"stray": torch.empty(1)})
    assert spoilt.taken.missing == (known,)
    assert spoilt.taken.other_name == ("stray",)


def test_what_two_publications_call_alike_is_taken_and_said() -> None:
    state = {n: torch.empty(s, device="meta") for n, s in LAYOUTS["timm/resnet50"].items()}
    counts = {n: t.long() for n, t in state.items() if n.endswith("num_batches_tracked")}
    fit = choose_fit(None, "resnet50", {}, state | counts)
    assert {fit.publication, *fit.alike} == {"timm", "torchvision"}
    (note,) = fit.notes()
    assert note.endswith("give the same names to the same network; read as those of timm")
    only = choose_fit("timm", "resnet50", {}, state | counts)
    assert (only.publication, only.alike, list(only.notes())) == ("timm", (), [])


SIZES = {
    "resnet3d": ("r3d_18", "r2plus1d_18", "r3d_50", "r2plus1d_50"),
    "resnet2d": ("resnet18", "resnet50"),
    "mtnet": ("mtnet_xs", "mtnet_xs_g8"),
}
"""Names of a kind that stand for all others of it; of a kind that is not here, all are tried."""

PUBLISHED = [
    (publication, name)
    for publication in PUBLICATIONS
    for kind in PUBLICATIONS[publication].kinds
    for name in SIZES.get(kind, [n for n in MODELS if MODELS[n].kind == kind])
]


def test_every_publication_has_a_network() -> None:
    assert {publication for publication, _ in PUBLISHED} == set(PUBLICATIONS)


@pytest.mark.parametrize(("publication", "name"), PUBLISHED)
def test_a_key_map_is_read_both_ways(publication: str, name: str) -> None:
    whose = part(publication, MODELS[name].kind)
    with torch.device("meta"):
        network = MODELS[name].build(4, **built_with(whose))
    key_map = whose.key_map(network.describe().settings)
    names = list(network.state_dict())
    theirs = [key_map.published(n) or "" for n in names]
    assert len(set(theirs)) == len(names)
    assert [key_map.ours(n) for n in theirs] == names
    assert key_map.ours("sar.lstm.weight_hh_l0") is None
    assert {n.rpartition(".")[0] for n in whose.answers(names)} == {
        layer for part in network.classifier for layer in layers_of(network, part)
    }


# Files -----------------------------------------------------------------------------------------

FORMS = {
    "plain": lambda state, path: torch.save(state, path),
    "wrapped": lambda state, path: torch.save({"epoch": 3, "state_dict": state}, path),
    "of DataParallel": lambda state, path: torch.save(
        {"state_dict": {f"module.{n}": t for n, t in state.items()}}, path
    ),
    "of old torch": lambda state, path: torch.save(
        state, path, _use_new_zipfile_serialization=False
    ),
    "safetensors": lambda state, path: save_file(state, path),
    "without counters": lambda state, path: torch.save(
        {n: t for n, t in state.items() if not n.endswith("num_batches_tracked")}, path
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_read_from_any_usual_file(form: str, tmp_path: Path) -> None:
    source, target = small(seed=1), small(seed=2)
    FORMS[form](published_state(source), tmp_path / "weights.bin")
    found = load(tmp_path / "weights.bin", target)
    assert equal(source, target)
    counters = sum(n.endswith("tracked") for n in source.state_dict())
    absent = counters if form == "without counters" else 0
    assert found.entries == len(source.state_dict()) - absent
    assert found.left_out == ()


def test_torchvision_weights_give_its_output(tmp_path: Path) -> None:
    options: dict[str, Any] = {"depths": (2, 2, 2, 2), "stem_pool": False}
    source, target = small(seed=1, **options), small(seed=2, **options)
    torch.save(published_state(source, "torchvision"), tmp_path / "w.pth")
    notes = load(tmp_path / "w.pth", target, publication="torchvision").notes
    clip = {"rgb": torch.rand(2, 3, 4, 16, 16)}
    assert torch.equal(source.eval()(clip), target.eval()(clip))
    assert [n.split(" 0.")[0] for n in notes] == [
        "the weights were trained with mean",
        "the weights were trained with std",
    ]
    expects = PUBLICATIONS["torchvision"].expects
    right = small(seed=2, **{**options, **expects})
    assert load(tmp_path / "w.pth", right, publication="torchvision").notes == ()


def test_half_precision_is_widened(tmp_path: Path) -> None:
    source, target = small(seed=1), small(seed=2)
    state = {
        n: t.half() if t.is_floating_point() else t for n, t in published_state(source).items()
    }
    torch.save(state, tmp_path / "w.pt")
    load(tmp_path / "w.pt", target)
    assert target.head.weight.dtype is torch.float32
    assert torch.equal(target.head.weight, source.head.weight.half().float())


# Another network -------------------------------------------------------------------------------


def refused(path: Path, network: ResNet3D, **options: Any) -> str:
    """What is said, after seeing that nothing was changed."""
    before = {n: t.clone() for n, t in network.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        load(path, network, **options)
    assert all(torch.equal(t, before[n]) for n, t in network.state_dict().items())
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_what_is_missing_unexpected_or_misshapen_is_named(tmp_path: Path) -> None:
    state = published_state(small())
    for number in range(7):
        state[f"layer1.0.sar.lstm.weight_hh_l{number}"] = torch.zeros(1)
    del state["layer2.0.downsample.0.weight"]
    state["layer1.0.conv1.1.bias"] = torch.zeros(5)
    torch.save(state, tmp_path / "w.pt")
    assert refused(tmp_path / "w.pt", small()) == textwrap.dedent(f"""\
        {tmp_path}/w.pt: these are not the weights srtg has for this network:
          1 missing: layer2.0.downsample.0.weight
          7 unexpected: layer1.0.sar.lstm.weight_hh_l0, layer1.0.sar.lstm.weight_hh_l1, \
layer1.0.sar.lstm.weight_hh_l2, layer1.0.sar.lstm.weight_hh_l3, layer1.0.sar.lstm.weight_hh_l4, \
and 2 more
          1 of another shape: layer1.0.conv1.1.bias [5], here [4]
          cure: build the network that was published, or name another publication""")


def test_the_classifier_may_be_left_out_and_that_is_said(tmp_path: Path) -> None:
    source, target = small(400, seed=1), small(4, seed=2)
    own = target.head.weight.detach().clone()
    torch.save(published_state(source), tmp_path / "w.pt")
    said = refused(tmp_path / "w.pt", target)
    assert "2 of another shape: fc.weight [400, 8], here [4, 8]" in said
    assert "cure: leave the classifier out (classifier=False)" in said
    found = load(tmp_path / "w.pt", target, classifier=False)
    assert found.left_out == ("head.weight", "head.bias")
    assert "the classifier (head.weight, head.bias) was left out" in found.notes[0]
    assert torch.equal(target.head.weight, own)
    assert torch.equal(target.stage4[0].conv1.spatial.weight, source.stage4[0].conv1.spatial.weight)
    torch.save(
        {n: t for n, t in published_state(source).items() if n[:2] != "fc"}, tmp_path / "w.pt"
    )
    assert load(tmp_path / "w.pt", target, classifier=False).left_out == found.left_out


def test_weights_of_a_network_without_a_pool_need_one(tmp_path: Path) -> None:
    """For r2plus1d every name and shape would fit, and the network would be another."""
    network = small(depths=(2, 2, 2, 2))
    torch.save(published_state(network, "torchvision"), tmp_path / "w.pt")
    said = refused(tmp_path / "w.pt", network, publication="torchvision")
    assert "stem_pool False, here True" in said
    assert "cure: build the network with these settings" in said


def test_an_unknown_publication_is_named_before_the_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'torchvision'"):
        load(tmp_path / "absent", small(), publication="torchvison")


# Files that cannot be used ---------------------------------------------------------------------


class Runs:
    """Leaves a folder behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.path),))


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    for old in (True, False):
        torch.save(
            {"state_dict": published_state(small()), "x": Runs(tmp_path / "ran")},
            tmp_path / "w.pt",
            _use_new_zipfile_serialization=not old,
        )
        said = refused(tmp_path / "w.pt", small())
        assert "was not read: it would run code on loading: it names posix.mkdir" in said
        assert "nothing that could run code is ever loaded" in said
    assert not (tmp_path / "ran").exists()


def spoil(path: Path, how: str) -> None:
    state = published_state(small())
    match how:
        case "cut short":
            torch.save(state, path)
            path.write_bytes(path.read_bytes()[:2000])
        case "cut short, safetensors":
            save_file(state, path)
            path.write_bytes(path.read_bytes()[:2000])
        case "cut short, of old torch":
            torch.save(state, path, _use_new_zipfile_serialization=False)
            path.write_bytes(path.read_bytes()[:3000])
        case "text":
            path.write_text("<!DOCTYPE html><p>404")
        case "empty":
            path.touch()
        case "a folder":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)
        case "a list":
            torch.save([torch.zeros(1)], path)
        case "no entries":
            torch.save({}, path)
        case "other entries":
            torch.save({"lr": 0.1, "fc.weight": torch.zeros(1)}, path)
        case "sparse":
            torch.save({"fc.weight": torch.eye(3).to_sparse()}, path)
        case "complex":
            torch.save({"fc.weight": torch.zeros(1, dtype=torch.complex64)}, path)
        case _:
            assert how == "absent"


SPOILT = {
    "absent": "no such file",
    "cut short": "cannot be read as weights",
    "cut short, safetensors": "cannot be read as safetensors",
    "cut short, of old torch": "cannot be read as weights",
    "text": "cannot be read as weights",
    "empty": "cannot be read as weights",
    "a folder": "is a directory, not a file",
    "a pipe": "is a pipe (FIFO), not a file",
    "a list": "not a state_dict (a tensor for each name): there are none",
    "no entries": "not a state_dict (a tensor for each name): there are none",
    "other entries": "no dense tensors: lr",
    "sparse": "no dense tensors: fc.weight",
    "complex": "no dense tensors: fc.weight",
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_that_cannot_be_used_is_named(how: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    spoil(path, how)
    assert SPOILT[how] in refused(path, small())


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(published_state(small()), tmp_path / "w.pt")
    size = (tmp_path / "w.pt").stat().st_size
    monkeypatch.setattr(weight_file, "LARGEST", size - 1)
    assert f"{size} bytes; allowed are at most {size - 1}" in refused(tmp_path / "w.pt", small())


def test_a_file_that_unpacks_to_too_much_is_not_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("w/data/0", bytes(1 << 20))
    assert "1048576 bytes unpacked, 1147 packed; allowed are at most 4588" in refused(
        tmp_path / "w.pt", small()
    )


# The cupboard ----------------------------------------------------------------------------------


def test_one_new_file_is_a_new_publication(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "upside_down.py").write_text(
        textwrap.dedent('''
            """Calls the classifier an answer, and everything else as we do."""

            from connsearch.models.key_map import KeyMap
            from connsearch.models.weights import PUBLICATIONS, Publication

            PUBLICATIONS.register("upside_down")(
                Publication("line", lambda _: KeyMap({"head": "answer"}), ("head.weight",))
            )
        '''),
        encoding="utf-8",
    )
    monkeypatch.setattr(weights, "__path__", [*weights.__path__, str(tmp_path)])
    monkeypatch.setattr(PUBLICATIONS, "_members", dict(PUBLICATIONS._members))
    monkeypatch.setattr(PUBLICATIONS, "_package", weights.__name__)
    monkeypatch.setattr(PUBLICATIONS, "_complete", False)

    class Line(Model):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(2, 1, bias=False)

        def describe(self) -> ModelDocument:
            return ModelDocument("line", "line", {})

    try:
        torch.save({"answer.weight": torch.tensor([[3.0, 4.0]])}, tmp_path / "w.pt")
        network = Line()
        assert load(tmp_path / "w.pt", network, publication="upside_down").entries == 1
        assert network.head.weight.tolist() == [[3.0, 4.0]]
        said = refused(tmp_path / "w.pt", small(), publication="upside_down")
        assert "kind line, here resnet3d" in said
    finally:
        sys.modules.pop(f"{weights.__name__}.upside_down", None)
        vars(weights).pop("upside_down", None)
