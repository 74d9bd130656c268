"""Structure files: JSON both ways, every way a file can be wrong, names, atomic writing."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import connsearch.graph.files as files
from connsearch.errors import StructureError, UnknownNameError
from connsearch.graph.files import (
    atomic_write_bytes,
    atomic_write_text,
    from_json,
    load_structure,
    read_structure,
    structure_names,
    to_json,
    write_structure,
)
from connsearch.graph.plan import pin
from connsearch.graph.spec import SCHEMA, Attention, Peer, Structure
from tests.graph.strategies import LAW, structures

DOCUMENT: dict[str, Any] = {
    "schema": 1,
    "name": "small",
    "family": "assemblenet",
    "nodes": [[-1, 1], [-2, 1], [0, [0, 1], 4, 1, 1], [0, [0], 4, 1, 1], [1, [2, 3, 0], 8, 1, 2]],
    "network": {"blocks": [1, 1], "inner_widths": [4, 4]},
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**DOCUMENT, **changes}


def rules_broken(document: object) -> list[tuple[str, int | None]]:
    with pytest.raises(StructureError) as caught:
        from_json(document)
    return [(fault.rule, fault.node) for fault in caught.value.faults]


@LAW
@given(structures())
def test_json_holds_everything(structure: Structure):
    text = json.dumps(to_json(structure), allow_nan=False)
    again = from_json(json.loads(text))
    assert again == structure
    assert again.provenance == structure.provenance


def test_files_hold_everything(structure: Structure, tmp_path: Path):
    for number, each in enumerate(_variants(structure)):
        path = tmp_path / f"{number}.json"
        write_structure(each, path)
        assert read_structure(path) == each
        assert read_structure(path).provenance == each.provenance
        first = path.read_bytes()
        write_structure(read_structure(path), path)
        assert path.read_bytes() == first


def _variants(structure: Structure) -> list[Structure]:
    edge = structure.edges()[-1]
    return [
        structure,
        pin(structure),
        structure.with_weights({edge: 0.1 + 0.2}),
        structure.with_settings(attention=Attention.FIXED).with_peers({edge: (Peer(0, 1 / 3),)}),
        replace(structure, name="Ähnliches 結構", provenance={"parents": ["a", "b"], "seed": 1}),
        replace(structure, finals=structure.finals),
    ]


def test_each_node_has_a_line_of_its_own(structure: Structure, tmp_path: Path):
    write_structure(structure, tmp_path / "s.json")
    assert "\n  [0, [0, 1], 8, 1, 1],\n" in (tmp_path / "s.json").read_text(encoding="utf-8")


def test_settings_a_file_leaves_out_are_the_familys():
    lite = changed(
        family="assemblenet_plus_lite",
        nodes=[[-1, 1], [0, [0], [6, 6, 4], 1, 2]],
        network={"blocks": [1], "inner_widths": [4]},
    )
    settings = from_json(lite).network
    assert (settings.stem_width, settings.flow_iterations, settings.attention) == (24, 20, "peer")


def test_a_document_without_a_name_takes_the_given_one():
    nameless = {key: value for key, value in DOCUMENT.items() if key != "name"}
    assert from_json(nameless, name="other").name == "other"
    assert from_json(DOCUMENT, name="other").name == "small"


def test_peers_and_pinned_shapes_are_read():
    structure = from_json(
        changed(
            network={**DOCUMENT["network"], "attention": "fixed"},
            peers={"2->4": [[1, 0.75], [0, 0.25]]},
            pinned={
                "stems": {"0": 6},
                "blocks": {
                    "4": {"fused_width": 16, "input_stride": 8, "buckets": [[2, 3], [0]]},
                },
                "finals": [4],
            },
        )
    )
    assert structure.block(4).connections[0].peers == (Peer(1, 0.75), Peer(0, 0.25))
    pinned = structure.block(4).pinned
    assert pinned is not None
    assert (pinned.buckets, pinned.attention_width) == (((2, 3), (0,)), None)
    assert structure.finals == (4,)


@pytest.mark.parametrize("document", [[], "text", 3, None, True])
def test_a_document_is_an_object(document: object):
    assert rules_broken(document) == [("document", None)]


@pytest.mark.parametrize(
    ("schema", "rule"), [(0, "schema"), ("1", "schema"), (True, "schema"), (None, "schema")]
)
def test_a_schema_is_a_version(schema: object, rule: str):
    assert rules_broken(changed(schema=schema)) == [(rule, None)]


def test_a_document_says_its_schema_family_and_nodes():
    without = {"name": "small"}
    assert rules_broken(without) == [("schema", None), ("key-missing", None), ("key-missing", None)]


def test_a_newer_schema_is_refused_by_name_and_nothing_else_is_said():
    newer = changed(schema=SCHEMA + 1, nodes="compressed", surprise=True)
    with pytest.raises(
        StructureError, match=f"schema {SCHEMA + 1} is newer than {SCHEMA}"
    ) as caught:
        from_json(newer)
    assert [fault.rule for fault in caught.value.faults] == ["schema-newer"]


@pytest.mark.parametrize(
    "document",
    [
        changed(wieghts={}),
        changed(network={**DOCUMENT["network"], "dropuot": 0.5}),
        changed(pinned={"stem": {}}),
        changed(
            pinned={
                "blocks": {
                    "3": {"fused_width": 32, "input_stride": 4, "buckets": [[0]], "width": 1}
                }
            }
        ),
    ],
)
def test_keys_nobody_knows_are_named(document: dict[str, Any]):
    assert rules_broken(document) == [("key-unknown", None)]


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(StructureError, match="'dropuot', did you mean 'dropout'"):
        from_json(changed(network={**DOCUMENT["network"], "dropuot": 0.5}))


@pytest.mark.parametrize(
    ("changes", "rule", "node"),
    [
        ({"nodes": {}}, "nodes", None),
        ({"nodes": None}, "nodes", None),
        ({"peers": []}, "document", None),
        ({"pinned": 1}, "document", None),
        ({"pinned": {"stems": []}}, "document", None),
        ({"provenance": "me"}, "provenance", None),
        ({"name": ""}, "name", None),
        ({"name": 3}, "name", None),
        ({"family": "assemblnet"}, "family-unknown", None),
        ({"connection_weights": {"9": [1]}}, "weights-node", None),
        ({"connection_weights": {"4": [1, 1]}}, "weights-length", 4),
        ({"connection_weights": {"4": [1, 1, 2]}}, "weight-range", 4),
        ({"peers": {"2-4": [[0, 1.0]]}}, "peers-edge", None),
        ({"peers": {"2->9": [[0, 1.0]]}}, "peers-edge", None),
        ({"peers": {"1->4": [[0, 1.0]]}}, "peers-edge", 4),
        ({"peers": {"0->1": [[0, 1.0]]}}, "peers-edge", 1),
        ({"peers": {"2->4": [[0, 1.0, 3]]}}, "peers-form", 4),
        ({"peers": {"2->4": 0}}, "peers-form", 4),
        ({"peers": {"2->4": [[9, 1.0]]}}, "peer-unknown", 4),
        ({"peers": {"2->4": [[4, 1.0]]}}, "peer-level", 4),
        ({"peers": {"2->4": [[0, 7]]}}, "peer-coefficient", 4),
        ({"pinned": {"stems": {"2": 8}}}, "pinned-node", 2),
        ({"pinned": {"stems": {"9": 8}}}, "pinned-node", None),
        ({"pinned": {"stems": {"0": "8"}}}, "pinned-width", 0),
        ({"pinned": {"blocks": {"0": {}}}}, "pinned-node", 0),
        ({"pinned": {"blocks": {"x": {}}}}, "pinned-node", None),
        ({"pinned": {"blocks": {"4": {}}}}, "key-missing", 4),
        ({"pinned": {"finals": [3]}}, "finals", None),
        ({"pinned": {"finals": 4}}, "finals", None),
        ({"pinned": {"finals": []}}, "finals", None),
    ],
)
def test_each_mistake_in_a_document_is_named(changes: dict[str, Any], rule: str, node: int | None):
    assert rules_broken(changed(**changes)) == [(rule, node)]


@pytest.mark.parametrize("network", [[], None, 3])
def test_a_network_that_is_no_object_is_named(network: object):
    assert ("document", None) in rules_broken(changed(network=network))


def test_faults_of_all_sections_come_at_once():
    wrong = changed(
        schema=0,
        surprise=1,
        provenance=3,
        network={**DOCUMENT["network"], "attention": "pear", "head": 2},
        connection_weights={"4": [2, 2, 2]},
        peers={"2->4": [[9, 1.0]]},
        pinned={"finals": [0]},
    )
    assert sorted({rule for rule, _ in rules_broken(wrong)}) == [
        "finals",
        "key-unknown",
        "peer-unknown",
        "provenance",
        "schema",
        "setting-attention",
        "setting-head",
        "weight-range",
    ]


def read_rules(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    with pytest.raises(StructureError) as caught:
        read_structure(path)
    return [fault.rule for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "json"),
        (b"not json", "json"),
        (b'{"schema": 1,}', "json"),
        (b'{"schema": 1', "json"),
        (b'{"schema": ' + b"1" * 5000 + b"}", "json"),
        (b"\xff\xfe\x00", "encoding"),
        (b'{"name": "\xe4"}', "encoding"),
        (b"[" * 100_000, "nesting"),
        (b'{"nodes": ' * 100_000, "nesting"),
    ],
)
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, content: bytes, rule: str):
    assert read_rules(tmp_path / "s.json", content) == [rule]


def test_where_json_breaks_is_said(tmp_path: Path):
    (tmp_path / "s.json").write_text('{"schema": 1,\n "name": }')
    with pytest.raises(StructureError, match="not JSON: Expecting value at line 2, column 10"):
        read_structure(tmp_path / "s.json")


def test_nan_infinity_and_keys_written_twice_are_all_named(tmp_path: Path):
    content = json.dumps(changed(provenance={"loss": float("nan"), "best": float("inf")}))
    content = content.replace('"name": "small"', '"name": "small", "name": "other"')
    content = content.replace('"blocks"', '"stem_total": 0, "blocks"')
    assert sorted(read_rules(tmp_path / "s.json", content.encode())) == [
        "json-constant",
        "json-constant",
        "json-duplicate",
        "setting-stem-total",
    ]


def test_deep_provenance_is_refused():
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    assert rules_broken(changed(provenance={"deep": deep})) == [("nesting", None)]


def test_a_byte_order_mark_is_read_over(tmp_path: Path):
    (tmp_path / "s.json").write_text(json.dumps(DOCUMENT), encoding="utf-8-sig")
    assert read_structure(tmp_path / "s.json").name == "small"


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path):
    with pytest.raises(StructureError, match="no such file"):
        read_structure(tmp_path / "none.json")
    with pytest.raises(StructureError, match="cannot be read"):
        read_structure(tmp_path)
    with pytest.raises(StructureError, match="no such file"):
        read_structure("a\0b.json")


def test_an_invalid_structure_is_not_written(structure: Structure, tmp_path: Path):
    path = tmp_path / "s.json"
    with pytest.raises(StructureError):
        write_structure(replace(structure, family="none"), path)
    with pytest.raises(StructureError, match="provenance is not JSON"):
        write_structure(replace(structure, provenance={"when": object()}), path)
    with pytest.raises(StructureError, match="provenance is not JSON"):
        write_structure(replace(structure, provenance={"loss": float("nan")}), path)
    assert list(tmp_path.iterdir()) == []


def test_known_names_are_found():
    published = {
        "assemblenet-50",
        "assemblenet-101",
        "assemblenet_plus-50",
        "assemblenet_plus_lite",
    }
    assert published | {"starter"} <= set(structure_names())
    assert structure_names() == sorted(structure_names())
    for name in structure_names():
        assert load_structure(name).name == name


def test_names_are_found_in_an_installed_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A wheel carries the structures inside the package; the repository has them beside it."""
    repository = Path(files.__file__).resolve().parents[2]
    package = tmp_path / "connsearch"
    shutil.copytree(repository / "structures", package / "structures")
    monkeypatch.setattr(files, "__file__", str(package / "graph" / "files.py"))
    assert load_structure("starter").name == "starter"
    shutil.rmtree(package / "structures")
    with pytest.raises(UnknownNameError, match="Known: none"):
        load_structure("starter")


def test_a_path_is_loaded(structure: Structure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_structure(structure, tmp_path / "mine.json")
    assert load_structure(tmp_path / "mine.json") == structure
    assert load_structure(str(tmp_path / "mine.json")) == structure
    monkeypatch.chdir(tmp_path)
    assert load_structure("mine.json") == structure
    (tmp_path / "mine.json").rename(tmp_path / "mine")
    assert load_structure("mine") == structure


def test_a_name_is_looked_up_exactly():
    expected = "no structure named 'assemblenet', did you mean 'assemblenet-50'"
    with pytest.raises(UnknownNameError, match=expected):
        load_structure("assemblenet")
    with pytest.raises(UnknownNameError, match="Known: assemblenet-101, assemblenet-50"):
        load_structure("Starter ")
    with pytest.raises(StructureError, match="no such file"):
        load_structure("starter.json")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "s.txt"
    atomic_write_text(path, "old ä")
    assert path.read_text(encoding="utf-8") == "old ä"

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        atomic_write_bytes(path, b"new")
    assert path.read_text(encoding="utf-8") == "old ä"
    assert [p.name for p in tmp_path.iterdir()] == ["s.txt"]
