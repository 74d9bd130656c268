"""Checkpoints hold what was put in, whatever its type and layout, and notice damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from connsearch.errors import RunError
from connsearch.runs.checkpoint import (
    Checkpoint,
    digest,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
)

TENSORS = {
    "scalar": torch.tensor(1.5),
    "bf16": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3),
    "channels_last": torch.randn(2, 3, 4, 5, 6).to(memory_format=torch.channels_last_3d),
    "empty": torch.zeros(0, 3),
    "bytes": torch.arange(5, dtype=torch.uint8),
    "parameter": torch.nn.Parameter(torch.ones(2)),
}


def made(step: int = 7) -> Checkpoint:
    return Checkpoint(step, TENSORS, {"tally": [1, 2]}, {"seconds": 0.5})


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    found = read_checkpoint(save_checkpoint(tmp_path, made()))
    assert (found.step, found.state, found.notes) == (7, {"tally": [1, 2]}, {"seconds": 0.5})
    assert found.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert torch.equal(found.tensors[name], tensor)


def test_the_newest_and_the_one_before_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 10):
        save_checkpoint(tmp_path, made(step))
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "step-000000002.safetensors",
        "step-000000010.safetensors",
    ]
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None
    assert loaded.checkpoint.step == 10


def test_what_a_crash_left_while_saving_goes_with_the_next_save(tmp_path: Path) -> None:
    (tmp_path / "step-000000003.123.tmp").write_bytes(b"half")
    assert load_checkpoint(tmp_path) is None
    save_checkpoint(tmp_path, made())
    assert [p.suffix for p in tmp_path.iterdir()] == [".safetensors"]


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "nothing") is None


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, made())
    content = path.read_bytes()
    for place in [*range(8, len(content), 37), len(content) - 1]:
        changed = bytearray(content)
        changed[place] ^= 0x10
        path.write_bytes(changed)
        try:
            found = read_checkpoint(path)
        except RunError:
            continue
        # Only padding and offsets nobody reads could slip through: never a value.
        assert digest(found.tensors, found.state) == digest(TENSORS, made().state)


def test_another_format_is_refused_by_name(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"x": torch.ones(1)}, tmp_path / "step-1.safetensors")
    with pytest.raises(RunError, match="not a checkpoint this version reads"):
        read_checkpoint(tmp_path / "step-1.safetensors")


def test_the_digest_sees_values_types_shapes_names_and_state_but_not_layout() -> None:
    x = torch.arange(6.0).reshape(2, 3)
    base = digest({"a": x}, {})
    assert base == digest({"a": x.t().contiguous().t()}, {})
    for other in ({"a": x + 1}, {"a": x.double()}, {"a": x.reshape(3, 2)}, {"b": x}):
        assert digest(other, {}) != base
    assert digest({"a": x}, {"step": 1}) != base


def test_the_state_is_plain_json(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        save_checkpoint(tmp_path, Checkpoint(1, {}, {"tensor": torch.ones(1)}))
    json.dumps(read_checkpoint(save_checkpoint(tmp_path, made())).state)
