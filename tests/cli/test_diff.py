"""connsearch diff at the command line: what it says, draws and ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from connsearch.errors import Failure
from connsearch.graph.files import load_structure, write_structure
from connsearch.view.structures import draw
from tests.cli.commands import Command, Tour


def test_equal_ends_with_0_and_draws_nothing(run: Command, tmp_path: Path) -> None:
    done = run("diff", "starter", "starter", "--json")
    assert (done.code, done.json["different"]) == (0, False)
    assert done.json["pictures"] == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_and_its_prune_differ_by_what_the_prune_says(
    run: Command, tour: Tour, tmp_path: Path
) -> None:
    done = run("diff", tour.run, tour.pruned, "--json", "-o", "diff.svg")
    found = done.json
    assert (done.code, found["different"], found["matched_by"]) == (1, True, "provenance")
    removed = {tuple(c["a"]) for c in found["connections"] if c["state"] == "removed"}
    counted = tour.prune.json["connections"]
    assert len(removed) == counted["before"] - counted["after"]
    assert {change["name"] for change in found["settings"]} == {"attention"}
    assert {c["state"] for c in found["connections"]} <= {"removed", "changed"}
    before, after = found["cost"]["parameters"]
    assert after < before
    assert (tmp_path / "diff.svg").read_bytes().startswith(b"<?xml")


def test_pictures_go_to_what_is_compared(run: Command, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    write_structure(load_structure("starter_rgb_flow"), tmp_path / "here" / "mine.json")
    for pair in (("starter", "here/mine.json"), ("here/mine.json", "starter")):
        done = run("diff", *pair, "--json")
        assert done.json["pictures"] == ["here/diff.svg", "here/diff.png"]
    assert (tmp_path / "here" / "diff.png").read_bytes().startswith(b"\x89PNG")
    done = run("diff", "starter", "starter_rgb_flow", "--json")
    assert done.json["pictures"] == ["diff.svg", "diff.png"], "names have no place"
    assert "drawn: diff.svg" in done.err


def test_structures_of_one_name_are_told_apart(run: Command, tmp_path: Path) -> None:
    starter = load_structure("starter")
    for folder, structure in (("one", starter), ("two", starter.with_settings(head="softmax"))):
        (tmp_path / folder).mkdir()
        write_structure(structure, tmp_path / folder / "starter.json")
    done = run("diff", "one/starter.json", "two/starter.json", "--no-picture", "--json")
    first, second = done.json["structures"]
    assert (first["name"], second["name"]) == ("starter", "starter")
    assert first["hash"] != second["hash"]
    assert f"A: one/starter.json (starter, wiring {first['hash'][:10]})" in done.err
    assert f"B: two/starter.json (starter, wiring {second['hash'][:10]})" in done.err


def test_what_only_gates_is_named(run: Command) -> None:
    done = run("diff", "assemblenet-50", "assemblenet_plus-50", "--no-picture", "--json")
    assert [found["peer_only"] for found in done.json["structures"]] == [[], [9]]
    assert "peer only in B: 9" in done.err


def test_the_other_way_round_tells_the_mirror_image(run: Command, tour: Tour) -> None:
    there, back = (
        run("diff", *pair, "--json", "--no-picture").json
        for pair in ((tour.run, tour.pruned), (tour.pruned, tour.run))
    )
    gone = [c["a"] for c in there["connections"] if c["state"] == "removed"]
    came = [c["b"] for c in back["connections"] if c["state"] == "added"]
    assert gone == came
    assert there["cost"]["macs"] == back["cost"]["macs"][::-1]


def test_trained_and_untrained_differ_in_weights_only_where_they_learned(
    run: Command, tour: Tour
) -> None:
    done = run("diff", tour.run / "structure.json", tour.run, "--ignore", "weights")
    assert done.code == 0
    assert "no difference" in done.out
    done = run("diff", tour.run / "structure.json", tour.run, "-o", "both.pdf")
    assert done.code == 1
    assert Path("both.pdf").read_bytes().startswith(b"%PDF")


def test_tolerance_decides_the_exit_code(run: Command) -> None:
    structure = load_structure("assemblenet-50")
    edge = next(e for e, w in structure.weights().items() if isinstance(w, float))
    weight = structure.weights()[edge]
    assert isinstance(weight, float)
    moved = structure.with_weights({edge: weight + 0.01 * (1 if weight < 0.5 else -1)})
    write_structure(moved, "moved.json")
    assert run("diff", "assemblenet-50", "moved.json", "--no-picture").code == 1
    assert run("diff", "assemblenet-50", "moved.json", "--tolerance", ".02").code == 0


def test_the_table_names_what_differs(run: Command) -> None:
    done = run("diff", "starter", "assemblenet-50", "--no-picture")
    for said in ("node B", "attention", "removed", "added", "MACs", "order"):
        assert said in done.out


@pytest.mark.parametrize(
    "line",
    [
        "starter startr",
        "missing.json starter",
        "starter no/such/place",
        "starter .",
        "starter",
        "starter starter --tolerance 2",
        "starter assemblenet-50 -o picture.jpg",
    ],
)
def test_trouble_ends_with_2(run: Command, line: str) -> None:
    done = run("diff", *line.split())
    assert done.code == 2
    assert done.err
    assert "Traceback" not in done.err


def test_a_failure_is_trouble_too_and_no_difference(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> bytes:
        raise Failure("Graphviz failed")

    monkeypatch.setattr(draw, "laid_out", fails)
    done = run("diff", "starter", "assemblenet-50", "--json")
    assert done.code == done.json["exit"] == 2


def test_elsewhere_a_failure_is_1(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bytes:
        raise Failure("Graphviz failed")

    monkeypatch.setattr(draw, "laid_out", fails)
    assert run("draw", "starter").code == 1


def test_help_says_what_the_codes_mean(run: Command) -> None:
    assert "0 equal, 1 different, 2 trouble" in " ".join(run("diff", "--help").out.split())
