"""Files with very many faults: work grows with the file, and what is shown does not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connsearch.errors import SHOWN, Fault, StructureError
from connsearch.graph.document import from_json
from connsearch.graph.files import read_structure
from connsearch.graph.hashing import same_structure
from connsearch.graph.plan import plan
from connsearch.graph.rules import faults, validate
from connsearch.graph.spec import Block, Connection, Structure

STEM = [-1, 1]
END = [0, [0], 32, 1, 1]
ONE = {"blocks": [1], "inner_widths": [8]}


def document(nodes: list[Any], **more: Any) -> dict[str, Any]:
    start = {"schema": 1, "name": "x", "family": "assemblenet", "network": ONE}
    return {**start, "nodes": nodes, **more}


def pinned(buckets: list[Any]) -> dict[str, Any]:
    return {"fused_width": 8, "input_stride": 1, "buckets": buckets}


def network(**settings: Any) -> dict[str, Any]:
    return {**ONE, "stem_width": 8, **settings}


FAULTY: dict[str, Callable[[int], dict[str, Any]]] = {
    "one input again and again": lambda n: document([STEM, [0, [0] * n, 32, 1, 1]]),
    "inputs that are no nodes": lambda n: document([STEM, [0, [*range(5, n + 5)], 32, 1, 1]]),
    "inputs of every kind": lambda n: document(
        [STEM, [0, ["x"] * n + [9] * n + [0] * n + [1] * n, 32, 1, 1]]
    ),
    "stems without a dilation": lambda n: document([[-1, 0]] * n + [END]),
    "rows that are none": lambda n: document([STEM, *["row"] * n, END]),
    "levels downwards": lambda n: document([STEM, *([n - i, [0], 32, 1, 1] for i in range(n))]),
    "weights above one": lambda n: document(
        [STEM] * n + [[0, [*range(n)], 32, 1, 1]], connection_weights={str(n): [7] * n}
    ),
    "weights of equal inputs": lambda n: document(
        [STEM, [0, [0] * n, 32, 1, 1]], connection_weights={"1": [7] * n}
    ),
    "weights of nobody": lambda n: document(
        [STEM, END], connection_weights={f"k{i}": [1] for i in range(n)}
    ),
    "one peer again and again": lambda n: document(
        [STEM, STEM, [0, [0, 1], 32, 1, 1]], peers={"0->2": [[0, 5]] * n}
    ),
    "peers of equal inputs": lambda n: document(
        [STEM, [0, [0] * n, 32, 1, 1]], peers={"0->1": [[0, 5]] * n}
    ),
    "peers of connections that are none": lambda n: document(
        [STEM] * n + [[0, [0], 32, 1, 1]], peers={f"{i}->{n}": [[0, 1.0]] for i in range(1, n)}
    ),
    "keys nobody knows": lambda n: document([STEM, END], **{f"k{i}": 1 for i in range(n)}),
    "finals that are no nodes": lambda n: document(
        [STEM, END], pinned={"finals": [*range(5, n + 5)]}
    ),
    "one final again and again": lambda n: document([STEM, END], pinned={"finals": [1] * n}),
    "pinned stems that are none": lambda n: document(
        [STEM, END], pinned={"stems": {str(i + 1): 1 for i in range(n)}}
    ),
    "buckets of one width": lambda n: document(
        [STEM] * n + [[0, [*range(n)], 32, 1, 1]],
        network=network(),
        pinned={"blocks": {str(n): pinned([[i] for i in range(n)])}},
    ),
    "final nodes of every width": lambda n: document(
        [STEM, *([0, [0], 32 + i, 1, 1] for i in range(n))]
    ),
    "settings without sense": lambda n: document([STEM, END], network=network(blocks=[0] * n)),
    "a row of very many entries": lambda n: document([[-1] * n, END]),
    "a name of line feeds": lambda n: document([STEM, [0, [9], 32, 1, 1]], name="\n" * n),
}  # fmt: skip


def refusal(read: Callable[[], object]) -> tuple[StructureError, int]:
    """How a document is refused, and how many calls that took, C functions included."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        read()
    except StructureError as error:
        return error, calls
    finally:
        sys.setprofile(before)
    raise AssertionError("it was not refused")


@pytest.mark.parametrize("kind", FAULTY)
def test_work_grows_with_the_file_and_the_message_does_not(kind: str) -> None:
    make = FAULTY[kind]
    few, many = make(300), make(600)
    refusal(lambda: from_json(make(30)))  # what is imported or compiled once
    less, calls = refusal(lambda: from_json(few))
    error, twice = refusal(lambda: from_json(many))
    assert twice < 2.6 * calls
    text = str(error)
    assert len(text) < 6000
    assert len(text) < 1.5 * len(str(less)) + 50
    lines = text.splitlines()
    assert sum(line.endswith("]") and not line.startswith("  ") for line in lines) <= SHOWN
    shown = [line for line in lines if line.startswith("  read:")]
    assert len(shown) <= len({f.node for f in error.faults if f.node is not None})
    assert error.faults == tuple(dict.fromkeys(error.faults)) or "keys" in kind


class Watched(int):
    """A number that counts with how many others it was compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Watched.compared += 1
        return int(self) == other

    def __hash__(self) -> int:
        return int.__hash__(self)


def test_inputs_are_not_searched_for_every_peer() -> None:
    n = 400
    many = FAULTY["peers of connections that are none"](n)
    many["nodes"][-1][1] = [Watched(0)] * n
    Watched.compared = 0
    with pytest.raises(StructureError):
        from_json(many)
    assert Watched.compared < 50 * n


def test_the_case_that_took_pages() -> None:
    error, calls = refusal(lambda: from_json(FAULTY["one input again and again"](1000)))
    assert [f.rule for f in error.faults] == ["input-duplicate"]
    assert str(error).splitlines()[1:] == [
        "node 1: input 0 is named 1,000 times [input-duplicate]",
        "  read: [0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...], 32, 1, 1]",
        "  cure: name each input once",
    ]
    assert calls < 200_000


def test_what_is_left_out_is_counted() -> None:
    alike = [Fault("a", f"first {i}", 3, "row 3", "cure") for i in range(12)]
    others = [Fault("b", f"second {i}", i, f"row {i}", "other") for i in range(4, 40)]
    text = str(StructureError("s", [*alike, *others]))
    assert text.startswith("structure s: 48 faults\n")
    assert text.count("row 3") == text.count("cure: cure") == 1
    assert "first 4" in text
    assert "first 5" not in text
    assert "  and 7 more of node 3 [a]\n" in text
    assert "second 18" in text
    assert "second 19" not in text
    assert text.endswith("\nand 21 more faults")
    assert 12 + 15 + 21 == 48


def test_a_structure_made_by_hand_is_judged_in_linear_time() -> None:
    def broken(n: int) -> Structure:
        good = from_json(document([STEM, END]))
        block = good.block(1)
        many = Block(0, tuple(Connection(7 + i) for i in range(n)), block.filters)
        return Structure("x", "assemblenet", (good.nodes[0], many), good.network)

    few, many = broken(300), broken(600)
    less = refusal(lambda: validate(few))
    more = refusal(lambda: validate(many))
    assert more[1] < 2.6 * less[1]
    assert len({f.row for f in faults(many)}) == 1


def test_large_structures_without_faults(tmp_path: Path) -> None:
    n = 2000
    wide = document([STEM, *([0, [0], 32, 1, 1] for _ in range(n))])
    path = tmp_path / "wide.json"
    path.write_text(json.dumps(wide))
    structure = read_structure(path)
    assert len(plan(structure).finals) == n
    assert same_structure(structure, structure), "and not by trying all of them"
