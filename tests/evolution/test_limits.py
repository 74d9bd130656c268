"""The walls of a search space, read off a structure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connsearch.errors import StructureError
from connsearch.evolution.limits import Limits, filter_sums
from connsearch.graph.files import load_structure
from connsearch.graph.plan import pin
from connsearch.graph.rules import validate
from connsearch.graph.spec import Modality
from tests.pruning.structures import drawn


def test_published_walls() -> None:
    limits = Limits.of(load_structure("assemblenet_plus-50"))
    assert limits.channels == tuple({"bottleneck": n} for n in (128, 256, 512, 512))
    assert limits.strides == (1, 2, 2, 2)
    assert limits.blocks == (6, 6, 6, 6)
    assert limits.dilations == (1, 2, 4, 8)
    assert limits.stems == {Modality.RGB: (1, 2), Modality.FLOW: (1, 2), Modality.OBJECT: (1, 1)}


def test_lite_keeps_one_final_block_and_sums_triples() -> None:
    limits = Limits.of(load_structure("assemblenet_plus_lite"))
    assert limits.blocks == (6, 6, 6, 1)
    assert limits.channels[0] == {"inverted_bottleneck": (54, 54, 24)}
    assert Modality.OBJECT not in limits.stems


def test_more_than_the_walls_widens_them() -> None:
    parent = load_structure("assemblenet-50")
    limits = Limits.of(parent, most_blocks=3, most_stems=1, dilations=(1, 3), narrowest=8)
    assert limits.blocks == (4, 4, 3, 3)
    assert limits.stems[Modality.RGB] == (1, 2)
    assert (limits.dilations, limits.narrowest) == ((1, 3), 8)


def test_a_level_without_blocks_has_nothing() -> None:
    parent = drawn((0, 2), {2: {0: 0.5, 1: 0.5}, 3: {2: None}})
    limits = Limits.of(parent)
    assert limits.channels == ({"bottleneck": 2}, {}, {"bottleneck": 2})
    assert limits.strides == (1, 1, 1)
    assert filter_sums(parent, []) == {}


def test_a_structure_that_is_valid_only_by_its_pins_has_no_walls() -> None:
    """The head reads one of two final blocks of unequal width: offspring would read both."""
    parent = drawn((0, 0), {2: {0: None}, 3: {1: None}})
    assert Limits.of(pin(parent)) == Limits.of(parent)
    wide = replace(parent.block(3), filters=9)
    uneven = replace(parent, nodes=(*parent.nodes[:3], wide), finals=(2,))
    validate(uneven)
    with pytest.raises(StructureError, match=r"drawn without its pins[\s\S]*widths differ"):
        Limits.of(uneven)
