"""Files of weights that others wrote: what is taken of them, and what is refused by name."""

from __future__ import annotations

import argparse
import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from connsearch.errors import WeightsError
from connsearch.models.taken import few
from connsearch.models.weight_file import PREFIXES, WRAPPERS, read_weight_file

STATE = {"conv.weight": torch.ones(2, 3), "fc.bias": torch.zeros(2)}
EMA = {name: tensor + 1 for name, tensor in STATE.items()}


def written(path: Path, value: object, *, old: bool = False) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=not old)
    return path


def same(found: Any, wanted: dict[str, Tensor]) -> bool:
    return list(found) == list(wanted) and all(torch.equal(found[n], wanted[n]) for n in wanted)


def half_a_file() -> bytes:
    file = io.BytesIO()
    torch.save({"a": torch.ones(5000)}, file)
    return file.getvalue()[:10000]


# What is taken ---------------------------------------------------------------------------------


@given(
    wrapper=st.none() | st.sampled_from(WRAPPERS),
    prefixes=st.lists(st.sampled_from(PREFIXES), max_size=2),
    ordered=st.booleans(),
    old=st.booleans(),
)
def test_weights_are_found_in_any_wrapper_and_behind_any_prefix(
    tmp_path_factory: pytest.TempPathFactory,
    wrapper: str | None,
    prefixes: list[str],
    ordered: bool,
    old: bool,
) -> None:
    before = "".join(prefixes)
    state: Any = {before + name: tensor for name, tensor in STATE.items()}
    state = OrderedDict(state) if ordered else state
    value = state if wrapper is None else {"epoch": 3, wrapper: state}
    found = read_weight_file(written(tmp_path_factory.mktemp("w") / "w.pth", value, old=old))
    assert same(found.state, STATE)
    assert (found.entry, found.prefix) == (wrapper, before)
    assert found.left_out == (() if wrapper is None else ("epoch",))


def test_a_prefix_of_some_names_belongs_to_them(tmp_path: Path) -> None:
    state = {"module.conv.weight": torch.ones(1), "fc.bias": torch.ones(1)}
    assert same(read_weight_file(written(tmp_path / "w.pth", state)).state, state)


def test_of_several_sets_the_usual_one_is_taken_and_another_can_be_chosen(tmp_path: Path) -> None:
    path = written(tmp_path / "w.pth", {"state_dict_ema": EMA, "state_dict": STATE, "epoch": 1})
    found = read_weight_file(path)
    assert same(found.state, STATE)
    assert found.others == ("state_dict_ema",)
    said = "taken: state_dict; the file also has state_dict_ema, which --entry takes instead"
    assert said in list(found.notes())
    chosen = read_weight_file(path, entry="state_dict_ema")
    assert same(chosen.state, EMA)
    assert chosen.left_out == ("epoch",)
    with pytest.raises(WeightsError, match="allowed here: state_dict_ema, state_dict"):
        read_weight_file(path, entry="ema")


def test_a_set_below_other_state_is_named_with_a_dot(tmp_path: Path) -> None:
    path = written(tmp_path / "w.pth", {"model": {"student": STATE, "teacher": EMA}})
    found = read_weight_file(path)
    assert (found.entry, found.others) == ("model.student", ("model.teacher",))
    assert same(read_weight_file(path, entry="model.teacher").state, EMA)


def test_sets_of_unusual_names_have_to_be_chosen(tmp_path: Path) -> None:
    path = written(tmp_path / "w.pth", {"student": STATE, "teacher": EMA})
    with pytest.raises(WeightsError, match="2 sets of weights: student, teacher") as caught:
        read_weight_file(path)
    assert "cure: say which, such as --entry student" in str(caught.value)


def test_the_state_of_an_optimiser_is_left_out(tmp_path: Path) -> None:
    """SGD's state in another order of the parameters would load without a word."""
    moved = {0: {"momentum_buffer": torch.ones(2, 3)}, 1: {"momentum_buffer": torch.ones(2)}}
    optimiser = {"state": moved, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}
    value = {"epoch": 1, "state_dict": nn.Linear(3, 2).state_dict(), "optimizer": optimiser}
    found = read_weight_file(written(tmp_path / "w.pth", value))
    assert list(found.state) == ["weight", "bias"]
    assert found.left_out == ("epoch", "optimizer")
    assert "left out, as it is no weight of the network: epoch, optimizer" in [*found.notes()]


def test_the_count_of_an_averaged_model_is_no_weight(tmp_path: Path) -> None:
    averaged = torch.optim.swa_utils.AveragedModel(nn.Linear(3, 2))
    found = read_weight_file(written(tmp_path / "w.pth", averaged.state_dict()))
    assert list(found.state) == ["weight", "bias"]
    assert (found.left_out, found.prefix) == (("n_averaged",), "module.")


@pytest.mark.parametrize("old", [True, False])
def test_a_numpy_scalar_beside_the_weights_is_passed_over(tmp_path: Path, old: bool) -> None:
    value = {
        "state_dict": STATE,
        "best": np.float64(0.5),
        "optimizer": {"state": {}, "param_groups": [{"lr": np.float32(0.1), "on": np.bool_(True)}]},
    }
    found = read_weight_file(written(tmp_path / "w.pth", value, old=old))
    assert same(found.state, STATE)
    assert found.left_out == ("best", "optimizer")


def test_a_numpy_scalar_is_no_weight(tmp_path: Path) -> None:
    path = written(tmp_path / "w.pth", {**STATE, "temperature": np.float64(1.0)})
    with pytest.raises(WeightsError, match="no dense tensors: temperature"):
        read_weight_file(path)


# What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize(
    ("beside", "named"),
    [
        (np.zeros(2), r"numpy\.(_core|core)\.multiarray\._reconstruct"),
        (argparse.Namespace(lr=1), r"argparse\.Namespace"),
        (nn.Linear(1, 1), r"torch\.nn\.modules\.linear\.Linear"),
        (Path("a"), r"pathlib\.\w+"),
        (print, r"print"),
    ],
)
def test_what_is_neither_tensor_nor_plain_is_refused_by_its_name(
    tmp_path: Path, beside: object, named: str, old: bool
) -> None:
    path = written(tmp_path / "w.pth", {"state_dict": STATE, "beside": beside}, old=old)
    with pytest.raises(WeightsError, match=f"it would run code on loading: it names {named},"):
        read_weight_file(path)


def test_the_permission_for_scalars_ends_with_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "w.pth", {"state_dict": STATE, "best": np.float64(0.5)})
    read_weight_file(path)
    with pytest.raises(pickle.UnpicklingError, match=r"multiarray\.scalar"):
        torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html><p>404", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer of a file in Git"),
        (b"weights", "it is not a weight file, or is damaged"),
        (b"hello world", "it is not a weight file, or is damaged"),
        (b"\xff" * 7 + b"\x7f{", "cannot be read as safetensors"),  # a header of many exabytes
        (half_a_file(), "it is not a weight file, or is damaged"),
    ],
)
def test_what_was_downloaded_in_its_place_is_said(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=said) as caught:
        read_weight_file(tmp_path / "w.pth")
    assert "cure: " in str(caught.value)


def test_a_program_is_not_run(tmp_path: Path) -> None:
    """A file of ``torch.jit.save`` is known by its constants."""
    path = written(tmp_path / "w.pt", STATE)
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("w/constants.pkl", b"")
    with pytest.raises(WeightsError, match="is a program"):
        read_weight_file(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_that_are_not_finite_are_refused(
    tmp_path: Path, value: float, dtype: torch.dtype
) -> None:
    state = {"a": torch.ones(2), "b": torch.tensor([1.0, value, value], dtype=dtype)}
    with pytest.raises(WeightsError, match="2 of 3 values of b are not finite"):
        read_weight_file(written(tmp_path / "w.pth", state))


def test_values_that_float32_cannot_hold_are_not_finite(tmp_path: Path) -> None:
    state = {"a": torch.tensor([1e300, 1.0], dtype=torch.float64)}
    with pytest.raises(WeightsError, match="1 of 2 values of a are not finite"):
        read_weight_file(written(tmp_path / "w.pth", state))
    tiny = torch.tensor([float("nan"), 1.0]).to(torch.float8_e4m3fn)
    with pytest.raises(WeightsError, match="1 of 2 values of a are not finite"):
        read_weight_file(written(tmp_path / "w.pth", {"a": tiny}))


def test_a_small_file_cannot_claim_a_large_network(tmp_path: Path) -> None:
    """One number with strides of 0 has any shape, and is a few bytes in a file."""
    state = {"a": torch.ones(2), "b": torch.zeros(1).expand(10**6, 10**6)}
    with pytest.raises(WeightsError, match="claim 4000000000008 bytes, most of them b"):
        read_weight_file(written(tmp_path / "w.pth", state))
    shared = {"a": torch.ones(2), "b": torch.zeros(1).expand(3, 4)}
    assert same(read_weight_file(written(tmp_path / "w.pth", shared)).state, shared)


def test_a_name_cannot_begin_a_line_of_its_own(tmp_path: Path) -> None:
    state = {"a": torch.ones(2), "b\n  cure: none": "text"}
    with pytest.raises(WeightsError, match=r"b\\x0a  cure: none"):
        read_weight_file(written(tmp_path / "w.pth", state))
    assert few(["b\n  cure"]) == r"b\x0a  cure"
