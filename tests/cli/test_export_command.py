"""``connsearch export`` as a person runs it: files, account, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from connsearch.graph.files import from_json, read_structure
from connsearch.graph.parse import parse_structure
from tests.cli.commands import Command, Tour


def copied(tour: Tour, place: Path) -> Path:
    """A pruned network of its own."""
    names = ("structure.json", "weights.safetensors", "prune.json")
    place.mkdir()
    for name in names:
        shutil.copy(tour.pruned / name, place / name)
    return place


def test_published_lists_come_with_an_account(tour: Tour, run: Command, tmp_path: Path) -> None:
    network = copied(tour, tmp_path / "net")
    done = run("export", network, "--format", "published", "--json")
    assert done.code == 0, done.err
    place = network / "export" / "published"
    lists = json.loads((place / "published.json").read_text())
    structure = read_structure(network / "structure.json")
    back = parse_structure(
        lists["model_structure"],
        family=structure.family,
        network=structure.with_settings(attention="peer").network,
        connection_weights=lists["model_edge_weights"],
    )
    assert back.edges() == structure.edges()
    record = json.loads((place / "export.json").read_text())
    assert done.json == {**record, "output": str(place)}
    assert from_json(record["structure"]) == structure
    assert not record["same_network"]
    assert any("fixed peers" in sentence for sentence in record["not_held"])
    assert record["settings_to_tell"]["stem_total"] == {"here": 40, "a reader starts from": 128}
    assert "cannot hold fixed peers" in done.err


def test_a_published_structure_needs_no_run(run: Command) -> None:
    done = run("export", "assemblenet-50", "--format", "published")
    assert done.code == 0, done.err
    assert "the same network" in done.out
    assert Path("runs/export-assemblenet-50/published/published.json").exists()


@pytest.mark.slow
def test_a_torch_program_says_what_goes_in(tour: Tour, run: Command, tmp_path: Path) -> None:
    done = run("export", tour.pruned, "--format", "torch", "-o", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    assert "largest difference of a logit: " in done.err
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"network.pt2", "export.json"}
    assert record["bytes"] == (tmp_path / "out" / "network.pt2").stat().st_size
    shapes = {entry["name"]: entry["shape"] for entry in record["inputs"]}
    free = ["clips", "frames"]
    assert shapes == {
        "rgb": ["clips", 3, "frames", 16, 16],
        "object": ["clips", 5, "frames", 16, 16],
    }
    assert "open: the number of clips (tried with 1 and 3) and of frames, 3 or more" in done.err
    assert record["axes"]["least_frames"] == 3
    assert record["inputs"][0]["range"] == [-1.0, 1.0]
    assert record["outputs"][0]["shape"] == ["clips", len(record["classes"])]
    assert record["axes"]["open"] == free
    assert record["clips"]["frames"] == 4
    assert record["flow"]["computed"] == "inside, from rgb"
    assert record["parity"]["max_abs_difference"] <= 1e-4 * record["parity"]["largest_logit"]
    assert from_json(record["structure"]) == read_structure(tour.pruned / "structure.json")


@pytest.mark.slow
def test_an_onnx_model_of_a_search_with_flow_as_an_input(
    tour: Tour, run: Command, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run("export", tour.run, "--flow-input", "--clip", 3, 20, 24, "-o", out, "--json")
    assert done.code == 0, done.err
    assert [entry["name"] for entry in done.json["inputs"]] == ["rgb", "flow", "object"]
    assert done.json["inputs"][1]["shape"] == ["clips", 2, "frames", 20, 24]
    assert done.json["flow"] is None
    assert "onnxruntime" in done.json["versions"]
    assert (out / "network.onnx").exists()


@pytest.mark.slow
def test_a_program_that_differs_is_not_kept(
    tour: Tour, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(content: bytes) -> object:
        return lambda streams: next(iter(streams.values())).mean((2, 3, 4))[:, :1].expand(-1, 4)

    monkeypatch.setattr("connsearch.workflows.exported_program.pt2_runner", broken)
    done = run("export", tour.pruned, "--format", "torch", "-o", tmp_path / "out")
    assert done.code == 1
    assert "differs from the network" in done.err
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_exported_is_refused(tour: Tour, run: Command, tmp_path: Path) -> None:
    """Each with exit code 2, a reason and a cure, before any work."""
    broken = copied(tour, tmp_path / "broken")
    (broken / "weights.safetensors").write_bytes(b"\x80\x02 no tensors")
    other = copied(tour, tmp_path / "other")
    shutil.copy(tour.run / "structure.json", other / "structure.json")
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "export.json").write_text("{}")
    for words, reason in (
        (("starter",), "is a structure, which has no weights"),
        (("nowhere",), "no structure named 'nowhere'"),
        ((tmp_path / "nowhere",), "no such file or directory"),
        ((broken,), "cannot be read as safetensors"),
        ((other,), "do not fit its structure"),
        ((tour.pruned, "-o", taken), "exists already, with export.json"),
        ((tour.pruned, "--format", "published", "--flow-input"), "--flow-input are for"),
        ((tour.pruned, "--tolerance", "0"), "tolerance"),
    ):
        done = run("export", *words)
        assert done.code == 2, (words, done.err)
        assert reason in done.err
        assert "Traceback" not in done.err
    assert sorted(path.name for path in taken.iterdir()) == ["export.json"]


def test_a_missing_extra_is_named_before_any_work(
    tour: Tour, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connsearch.models.export_onnx.find_spec", lambda name: None)
    done = run("export", tour.pruned)
    assert done.code == 2
    assert "pip install 'connsearch[export]'" in done.err


def test_inspect_shows_who_attends_to_whom(tour: Tour, run: Command) -> None:
    done = run("inspect", tour.run, "--peers", "--json")
    assert done.code == 0, done.err
    peers = done.json["peers"]
    assert len(peers["connections"]) == done.json["connections"]
    assert {block["node"] for block in peers["blocks"]} == set(range(5, 12))
    assert peers["thresholds"] == {"near_uniform": 0.95, "collapsed": 0.9, "collapsed_share": 0.8}
    assert "peer mixtures" in done.err
    plain = run("inspect", "assemblenet-50", "--peers", "--json")
    assert plain.code == 0
    assert plain.json["peers"]["connections"] == []
    assert "names peers" in plain.err
    assert "peers" not in run("inspect", "starter", "--json").json
