"""2,000 damaged structure files: a StructureError or a valid structure, never anything else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from connsearch.errors import StructureError
from connsearch.graph.files import load_structure, read_structure, structure_names, to_json
from connsearch.graph.plan import pin
from connsearch.graph.rules import faults, warnings
from connsearch.graph.spec import Attention, Peer, Structure

FILES = 2_000
JUNK: list[Any] = [
    None, True, False, 0, 1, -1, -3, 2.5, 1e308, float("nan"), float("inf"), 10**30, "", "free",
    "peer", "rgb", "0->5", "\ud800", "\0", [], [[]], {}, [1, 2], {"0": 1}, [None], -0.0, 5, 8,
]  # fmt: skip


def documents() -> list[str]:
    """The text of every known structure, plain, pinned and with peers."""
    found: list[dict[str, Any]] = []
    for name in structure_names():
        plain = load_structure(name)
        fixed = plain.with_settings(attention=Attention.FIXED)
        peers = tuple(Peer(index, 0.5) for index, _ in plain.stems())[:2]
        fixed = fixed.with_peers(dict.fromkeys(fixed.edges(), peers))
        found += [to_json(plain), to_json(pin(plain)), to_json(pin(fixed))]
    return [json.dumps(document) for document in found]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a document, outer ones first."""
    found: list[tuple[Any, Any]] = []
    todo = [value]
    while todo:
        item = todo.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item))
        for key in keys:
            found.append((item, key))
            if isinstance(item[key], dict | list):
                todo.append(item[key])
    return found


def damage_value(document: dict[str, Any], rng: Random) -> None:
    """Replaces, removes, repeats or moves one value."""
    container, key = rng.choice(places(document))
    kind = rng.randrange(5)
    if kind == 0 and isinstance(container, list):
        container.insert(key, copy.deepcopy(rng.choice(container)))
    elif kind == 1:
        del container[key]
    elif kind == 2:
        other, name = rng.choice(places(document))
        container[key] = copy.deepcopy(other[name])
    elif kind == 3 and isinstance(container[key], int | float):
        container[key] = container[key] + rng.choice([-1, 1, 0.5, 10**9])
    else:
        container[key] = copy.deepcopy(rng.choice(JUNK))


def damage_text(text: bytes, rng: Random) -> bytes:
    """Cuts, repeats or overwrites bytes."""
    at, kind = rng.randrange(len(text)), rng.randrange(4)
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text[:at] + text[at + rng.randrange(1, 9) :]
    if kind == 2:
        return text[:at] + text[max(at - rng.randrange(1, 40), 0) :]
    return text[:at] + rng.randbytes(rng.randrange(1, 4)) + text[at + 1 :]


def damaged(original: str, rng: Random) -> bytes:
    document: dict[str, Any] = json.loads(original)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3, 8])):
        if places(document):
            damage_value(document, rng)
    text = json.dumps(document).encode()
    return damage_text(text, rng) if rng.random() < 0.3 and len(text) > 1 else text


def outcome(path: Path) -> tuple[Structure | None, str]:
    """A structure, or the words it was refused with; any other exception is a failure."""
    try:
        return read_structure(path), ""
    except StructureError as error:
        return None, str(error) if error.faults else "\ud800"  # refused without a reason


@pytest.fixture(scope="module")
def read_all(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], tuple[int, int]]:
    path: Path = tmp_path_factory.mktemp("fuzz") / "damaged.json"
    originals = documents()

    def run(seed: int) -> tuple[int, int]:
        """Reads a quarter of the files; returns how many were valid and how many refused."""
        rng, valid, refused = Random(seed), 0, 0
        for _ in range(FILES // 4):
            path.write_bytes(damaged(rng.choice(originals), rng))
            structure, told = outcome(path)
            if structure is None:
                told.encode(errors="strict")
                refused += 1
            else:
                assert faults(structure) == []
                warnings(structure)
                pin(structure)
                valid += 1
        return valid, refused

    return run


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_refused_or_valid(read_all: Callable[[int], tuple[int, int]], seed: int):
    valid, refused = read_all(seed)
    assert valid + refused == FILES // 4
    assert min(valid, refused) > FILES // 40  # both ends are reached, or the damage is too tame
