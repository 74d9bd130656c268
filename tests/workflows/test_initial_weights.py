"""Training that begins with weights of elsewhere: what fits is taken, and the run keeps it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import connsearch
from connsearch.data.loading.load import DataSplits
from connsearch.errors import RunError, SettingsError, WeightsError
from connsearch.files.disk import sha256_of
from connsearch.graph.spec import Attention, Structure
from connsearch.models.document import ModelDocument
from connsearch.models.first_weights import take_first_weights
from connsearch.models.model import Wrapped
from connsearch.models.published import names_of, part_for
from connsearch.models.structure import Network
from connsearch.models.zoo import MODELS
from connsearch.runs.checkpoint import digest
from connsearch.runs.events import StepEvent, WarningEvent
from connsearch.runs.files import write_weights
from connsearch.workflows.initial import begin_with, open_initial
from connsearch.workflows.listening import Listener
from connsearch.workflows.opened import OpenedRun

pytestmark = pytest.mark.usefixtures("unpictured")

SMALL: dict[str, Any] = {"widths": [4, 4, 8, 8], "depths": [1, 1, 1, 1]}


def published(classes: int, **options: Any) -> dict[str, Tensor]:
    """Weights of a small r3d_18 by the names of SRTG."""
    network = MODELS["r3d_18"].build(classes, seed=1, **{**SMALL, **options})
    document = network.describe()
    theirs = names_of(part_for("srtg", document), document)
    return {theirs(name): tensor.clone() for name, tensor in network.state_dict().items()}


# What fits ---------------------------------------------------------------------------------------


def test_a_published_state_is_known_by_its_names_and_other_classes_leave_the_head_out() -> None:
    state, network = published(400), MODELS["r3d_18"].build(5, seed=2, **SMALL)
    head = network.state_dict()["head.weight"].clone()
    found = take_first_weights(state, network)
    assert found.publication == "srtg"
    assert [one.theirs for one in found.taken.other_shape] == ["fc.weight", "fc.bias"]
    assert len(found.taken.loaded) == len(state) - 2
    own = network.state_dict()
    assert torch.equal(own["stage1.0.conv1.weight"], state["layer1.0.conv1.0.0.weight"])
    assert torch.equal(own["head.weight"], head)
    assert any("not read by the names of torchvision" in note for note in found.notes)
    assert any("trained with mean 0.4863, 0.4588, 0.4078" in note for note in found.notes)


def test_a_deeper_network_takes_the_blocks_it_has_in_common() -> None:
    deeper = MODELS["r3d_18"].build(5, seed=2, **{**SMALL, "depths": [2, 1, 1, 1]})
    found = take_first_weights(published(5), deeper).taken
    assert {name.split(".conv")[0] for name in found.missing} >= {"layer1.1"}
    assert not found.other_name
    assert not found.other_shape


def test_a_prefix_on_either_side_is_no_part_of_the_names() -> None:
    """A module of one's own has its weights under ``module``, a file need not."""
    net, file = nn.Linear(3, 2), {"weight": torch.ones(2, 3), "bias": torch.ones(2)}
    assert take_first_weights(file, Wrapped(net)).taken.complete
    assert torch.equal(net.weight, file["weight"])
    own = {f"module.{name}": tensor * 2 for name, tensor in file.items()}
    assert take_first_weights(own, Wrapped(net)).taken.complete
    assert torch.equal(net.weight, own["module.weight"])


def test_what_does_not_fit_at_all_is_refused_and_changes_nothing() -> None:
    network = MODELS["r3d_18"].build(5, seed=2, **SMALL)
    before = digest(network.state_dict(), {})
    state = {"a.num_batches_tracked": torch.tensor(1), "b.weight": torch.ones(3)}
    with pytest.raises(WeightsError, match="nothing of it fits r3d_18 by name and shape") as caught:
        take_first_weights(state, network)
    assert "skipped by name" in str(caught.value)
    assert digest(network.state_dict(), {}) == before


def test_connection_weights_belong_to_the_wiring(structure: Structure) -> None:
    one, two = (Network(structure, 3, learn_connections=True, seed=seed) for seed in (1, 2))
    for parameter in one.connection_parameters():
        nn.init.constant_(parameter, 3.0)
    before = [parameter.clone() for parameter in two.connection_parameters()]
    found = take_first_weights(one.state_dict(), two).taken
    after = two.connection_parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert found.left_out
    assert all(name.endswith(("logits", "coefficients")) for name in found.left_out)
    assert not found.missing
    kept = {n: t for n, t in two.state_dict().items() if n not in found.left_out}
    assert all(torch.equal(one.state_dict()[name], tensor) for name, tensor in kept.items())


# A run -------------------------------------------------------------------------------------------


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.AdaptiveAvgPool3d(2), nn.Flatten(), nn.Linear(24, 4))


@pytest.fixture(scope="module")
def data() -> DataSplits:
    return connsearch.load_data(
        frames=4, size=16, train_clips=3, val_clips=1, test_clips=1, batch_size=4, progress=False
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(7)
    state = {f"module.{n}": torch.randn_like(t) for n, t in net().state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "w.pth")
    return tmp_path / "w.pth"


@pytest.fixture
def trained(data: DataSplits, tmp_path: Path) -> Callable[..., OpenedRun]:
    def train(**more: Any) -> OpenedRun:
        given: dict[str, Any] = {"run": tmp_path / "run", "progress": False} | more
        return connsearch.train(
            net(), data, epochs=1, recalibrate_clips=0, threads=1, precision="fp32", **given
        )

    return train


def interrupt(event: object) -> None:
    if isinstance(event, StepEvent):
        raise KeyboardInterrupt


def test_a_run_needs_the_file_no_more_once_it_has_begun(
    trained: Callable[..., OpenedRun], file: Path, tmp_path: Path
) -> None:
    whole = trained(run=tmp_path / "whole", initial_weights=file)
    with pytest.raises(KeyboardInterrupt):
        trained(initial_weights=file, progress=interrupt)
    assert (tmp_path / "run" / "first.safetensors").exists()
    sha256 = sha256_of(file)
    file.unlink()
    run = trained(initial_weights=file)
    assert run.digest == whole.digest != trained(run=tmp_path / "other").digest
    assert run.initial is not None
    assert run.initial.source.sha256 == sha256
    assert (run.initial.taken.loaded, run.initial.taken.missing) == (2, [])
    assert not (tmp_path / "run" / "first.safetensors").exists()
    assert trained(initial_weights=file).digest == whole.digest  # finished: its result


def test_another_file_is_refused_as_other_settings_are(
    trained: Callable[..., OpenedRun], file: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(initial_weights=file, progress=interrupt)
    other = tmp_path / "other.pth"
    file.rename(other)
    with pytest.raises(RunError, match="initial_weights: the run has"):
        trained(initial_weights=other)
    with pytest.raises(RunError, match="initial_weights: the run has"):
        trained()
    torch.save({n: t + 1 for n, t in net().state_dict().items()}, file)
    with pytest.raises(RunError, match="with the SHA-256") as caught:
        trained(initial_weights=file)
    assert "cure: the file as it was (or none: the run needs it no more)" in str(caught.value)


def test_what_is_refused_leaves_nothing(
    trained: Callable[..., OpenedRun], file: Path, tmp_path: Path
) -> None:
    torch.save({"conv.weight": torch.ones(1)}, file)
    with pytest.raises(WeightsError, match=r"w\.pth: nothing of it fits"):
        trained(initial_weights=file)
    with pytest.raises(WeightsError, match=r"absent\.pth: cannot be read: no such file"):
        trained(initial_weights=tmp_path / "absent.pth")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("names", "warned"), [(["2.bias"], 1), (["2.weight"], 0)])
def test_weights_that_hardly_fit_are_warned_about(
    tmp_path: Path, names: list[str], warned: int
) -> None:
    state = net().state_dict()
    torch.save({name: state[name] for name in names}, tmp_path / "w.pth")
    (tmp_path / "run").mkdir()
    initial = open_initial(str(tmp_path / "w.pth"), tmp_path / "run")
    heard: list[object] = []
    begin_with(initial, Wrapped(net()), tmp_path / "run", "abcd", Listener(heard.append))
    told = [event.message for event in heard if isinstance(event, WarningEvent)]
    assert len(told) == warned
    assert all("hardly anything of" in message and "cure: " in message for message in told)


def test_a_run_begins_with_the_weights_of_another(
    trained: Callable[..., OpenedRun], tmp_path: Path
) -> None:
    first = trained(run=tmp_path / "first")
    heard: list[str] = []
    second = trained(
        initial_weights=first, progress=lambda e: heard.append(getattr(e, "message", ""))
    )
    assert second.config["facts"]["first_weights"] == digest(first.tensors, {})
    assert any("loaded 2 of 2 entries (100 of 100 numbers)" in text for text in heard)
    checkpoint = max((first.directory / "checkpoint").iterdir())
    third = trained(run=tmp_path / "third", initial_weights=checkpoint)
    assert third.config["facts"]["first_weights"] == digest(first.tensors, {})


def test_a_network_with_weights_takes_no_others(file: Path, tmp_path: Path) -> None:
    network = MODELS["r3d_18"].build(4, seed=1, **SMALL)
    document = network.describe()
    theirs = names_of(part_for("srtg", document), document)
    torch.save({theirs(n): t for n, t in network.state_dict().items()}, tmp_path / "p.pth")
    from connsearch.workflows.weights_convert import convert_weights

    run = convert_weights(
        tmp_path / "p.pth", "r3d_18", model_options=SMALL, output=tmp_path / "c", progress=False
    )
    with pytest.raises(SettingsError, match="is trained further with the weights it has") as caught:
        connsearch.train(run, "synthetic:motion", initial_weights=file, progress=False)
    assert "--from-scratch" in str(caught.value)


def test_folds_do_not_begin_with_what_has_seen_their_clips(
    trained: Callable[..., OpenedRun], tmp_path: Path
) -> None:
    first = trained()
    with pytest.raises(SettingsError, match="so folds would test what was trained"):
        connsearch.train(
            net(),
            first.recorded["settings"]["data"]["source"]["source"],
            folds=2,
            initial_weights=first.directory,
            run=tmp_path / "folds",
            progress=False,
        )


def test_a_search_takes_the_blocks_it_has_in_common(
    structure: Structure, data: DataSplits, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"steps": 1, "recalibrate_clips": 0, "threads": 1, "progress": False}
    given |= {"precision": "fp32", "attention": "none"}
    plain = structure.with_settings(attention=Attention.NONE)
    weights = Network(plain, len(data.classes), seed=5).state_dict()
    write_weights(tmp_path / "w.safetensors", weights, ModelDocument.of(plain))
    found = connsearch.search(
        structure, data, run=tmp_path / "found", initial_weights=tmp_path / "w.safetensors", **given
    )
    assert found.initial is not None
    taken = found.initial.taken
    assert 0 < taken.loaded < taken.loaded + len(taken.missing) + len(taken.left_out)
    assert all("fusion" in name for name in taken.left_out)
    assert not (found.directory / "first.safetensors").exists()
