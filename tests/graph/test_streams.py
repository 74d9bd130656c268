from __future__ import annotations

import pytest

from connsearch.errors import SettingsError
from connsearch.graph.files import load_structure, structure_names
from connsearch.graph.rules import faults
from connsearch.graph.spec import Modality, Stem, Structure
from connsearch.graph.streams import fit_objects, keep_streams

EVERY_STREAM = [
    (name, stream)
    for name in structure_names()
    for stream in (Modality.RGB, Modality.FLOW)
    if stream in load_structure(name).modalities()
]


@pytest.mark.parametrize(("name", "stream"), EVERY_STREAM)
def test_every_structure_is_valid_with_one_stream(name: str, stream: Modality) -> None:
    kept = keep_streams(load_structure(name), [stream])
    assert faults(kept) == []
    assert kept.modalities() == (stream,)


def test_blocks_and_their_order_stay(structure: Structure) -> None:
    kept = keep_streams(structure, [Modality.RGB])
    before = [(b.level, b.filters, b.temporal_dilation) for _, b in structure.blocks()]
    assert [(b.level, b.filters, b.temporal_dilation) for _, b in kept.blocks()] == before


def test_a_block_without_inputs_takes_every_stem_left(structure: Structure) -> None:
    # Node 3 reads the RGB stems 0 and 1 only; without them it takes the flow stem.
    kept = keep_streams(structure, [Modality.FLOW])
    assert isinstance(kept.nodes[0], Stem)
    assert kept.block(1).inputs == (0,)


def test_all_streams_change_nothing(structure: Structure) -> None:
    assert keep_streams(structure, structure.modalities()) is structure


def test_a_stream_nobody_reads_is_refused(structure: Structure) -> None:
    with pytest.raises(SettingsError, match=r"streams object.* rgb, flow"):
        keep_streams(structure, [Modality.OBJECT])


def test_no_stream_is_refused(structure: Structure) -> None:
    with pytest.raises(SettingsError, match=r"streams none.* rgb, flow"):
        keep_streams(structure, [])


def test_object_stems_need_object_maps() -> None:
    structure = load_structure("starter")
    with pytest.raises(SettingsError, match=r"(?s)starter.*object.*tiny.*cure: --streams rgb"):
        fit_objects(structure, 0, data="tiny")
    assert fit_objects(structure, 7, data="tiny").network.object_classes == 7


def test_structures_without_object_stems_stay_as_they_are() -> None:
    structure = load_structure("assemblenet-50")
    assert fit_objects(structure, 7, data="tiny") is structure
