"""What a network takes of weights: every entry of both sides is in one row of the table."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from connsearch.models.taken import TakenWeights, put, taken

NAMES = ["a.weight", "a.bias", "b.weight", "b.num_batches_tracked", "head.weight"]
TENSORS = st.sampled_from(
    [
        torch.arange(2.0),
        torch.arange(3.0),
        torch.arange(2.0, dtype=torch.float64),
        torch.arange(2),
    ]
)
STATES = st.dictionaries(st.sampled_from([*NAMES, "c.weight"]), TENSORS)


def copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in state.items()}


@given(state=STATES, own=STATES, left_out=st.lists(st.sampled_from(NAMES), max_size=2))
def test_every_entry_is_in_one_row(
    state: dict[str, Tensor], own: dict[str, Tensor], left_out: list[str]
) -> None:
    found = taken(state, own, left_out=left_out)
    misfits = [one.name for one in found.other_shape]
    ours = [*found.loaded, *misfits, *found.missing, *found.left_out, *found.counters]
    assert sorted(ours) == sorted(own)
    assert set(found.other_name) == {n for n in state if n not in own and n not in left_out}
    assert all(state[n].shape == own[n].shape for n in found.loaded)
    assert found.of == sum(t.numel() for t in own.values())


@given(state=STATES, own=STATES)
def test_what_is_loaded_is_copied_and_nothing_else(
    state: dict[str, Tensor], own: dict[str, Tensor]
) -> None:
    before, own = own, copied(own)
    for tensor in own.values():
        tensor.add_(7)
    shifted = copied(own)
    found = taken(state, own)
    put(found, state, own)
    for name, tensor in own.items():
        wanted = state[name].to(tensor.dtype) if name in found.loaded else shifted[name]
        assert torch.equal(tensor, wanted)
        assert tensor.dtype == before[name].dtype


def test_a_count_is_no_fraction() -> None:
    """Copied, whole numbers would become weights that look like some."""
    found = taken({"w": torch.ones(2, dtype=torch.int8)}, {"w": torch.ones(2)})
    assert [str(one) for one in found.other_shape] == ["w int8 [2], here float32 [2]"]


def test_a_count_of_batches_may_be_a_fraction() -> None:
    """An average of weights over time is one of its counts, too."""
    own = {"n.num_batches_tracked": torch.tensor(0), "w": torch.ones(1)}
    state = {"n.num_batches_tracked": torch.tensor(3.7), "w": torch.zeros(1)}
    found = taken(state, own)
    put(found, state, own)
    assert (found.complete, own["n.num_batches_tracked"].item()) == (True, 3)


def test_counts_alone_are_nothing() -> None:
    own = {"n.num_batches_tracked": torch.tensor(0), "w": torch.ones(1)}
    found = taken({"n.num_batches_tracked": torch.tensor(4)}, own)
    assert found.loaded == ("n.num_batches_tracked",)
    assert found.empty
    assert not taken({"w": torch.ones(1)}, own).empty


def test_a_statistic_that_is_missing_is_said_where_torch_is_silent() -> None:
    """``load_state_dict`` of a copied dictionary misses no count; we let it be missing, and say."""
    norm = torch.nn.BatchNorm1d(2)
    bare = {n: t for n, t in norm.state_dict().items() if n != "num_batches_tracked"}
    norm.load_state_dict(bare)  # torch 2.13 takes it, although it is strict
    found = taken(bare, norm.state_dict())
    assert (found.complete, found.counters) == (True, ("num_batches_tracked",))
    del bare["running_mean"]
    assert taken(bare, norm.state_dict()).missing == ("running_mean",)


def test_the_table_names_what_differs() -> None:
    own = {"a": torch.ones(2, 3), "b": torch.ones(4), "head.weight": torch.ones(1)}
    state = {"a": torch.ones(2, 3), "b": torch.ones(5), "c": torch.ones(1)}
    found: TakenWeights = taken(state, own, left_out=["head.weight"])
    assert str(found).splitlines() == [
        "loaded 1 of 3 entries (6 of 11 numbers)",
        "  skipped by name      1  c",
        "  skipped by shape     1  b [5], here [4]",
        "  left out             1  head.weight",
    ]
