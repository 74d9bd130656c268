"""A line that is refused leaves nothing behind; a directory that was there stays as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.commands import TINY, Command, Tour
from tests.kills.trees import differences, tree


def files(directory: Path) -> Mapping[str, bytes | None]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


@pytest.fixture
def searched(tour: Tour, tmp_path: Path) -> Path:
    """A copy of the finished search, without what the tour made of it."""
    return shutil.copytree(tour.run, tmp_path / "first", ignore=shutil.ignore_patterns("pruned"))


REFUSED = {
    "data that is not there": "search --run new --data nowhere",
    "streams the structure has not": "search starter_rgb_flow --run new --streams object TINY",
    "a stream for a training": "train first --run deep/new --streams rgb",
    "val is empty": "evolve --run new TINY --val-clips 0",
    "no such storage": "evolve --run deep/new --storage nonsense://x --simulate planted",
    "settings beside --pruned": "compare first --pruned first --criterion top_k:2",
    "no such criterion": "prune first --criterion nonsense --output deep/small",
    "a picture format": "draw starter --output deep/new/a.bmp",
    "a picture format of diff": "diff starter first --output deep/new/a.bmp",
    "no run": "animate nowhere --output deep/new/a.gif",
    "no picture of an unknown child": "lineage first 7 --output deep/new/a.svg",
    "no source": "data objects nowhere --output deep/new/a.npz",
    "nothing to pack": "data pack deep/packed --data nowhere",
    "nothing to export": "export starter --output deep/out",
    "no report of nothing": "report nowhere --output a.html",
    "nothing to look at": "data show --data nowhere --output deep/new/a.png",
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_refused_line_leaves_nothing(
    why: str, searched: Path, tmp_path: Path, run: Command
) -> None:
    before = files(tmp_path)
    done = run(*REFUSED[why].replace("TINY", " ".join(TINY)).split())
    assert done.code == 2, done.out + done.err
    assert files(tmp_path) == before


REFUSED_IN_PLACE = {
    "a search without data": "search --run there --data nowhere",
    "a search without streams": "search starter_rgb_flow --run there --streams object TINY",
    "a training without streams": "train first --run there --streams rgb",
    "an evolution": "evolve --run there --storage nonsense://x --simulate planted",
    "a pruning": "prune first --criterion nonsense --output there",
    "a comparison": "compare first --pruned first --criterion top_k:2 --output there",
    "a packing": "data pack there --data nowhere",
}


@pytest.mark.parametrize("why", REFUSED_IN_PLACE)
def test_an_empty_directory_stays_empty(
    why: str, searched: Path, tmp_path: Path, run: Command
) -> None:
    (tmp_path / "there").mkdir()
    done = run(*REFUSED_IN_PLACE[why].replace("TINY", " ".join(TINY)).split())
    assert done.code == 2, done.out + done.err
    assert list((tmp_path / "there").iterdir()) == []


def test_a_run_of_other_settings_stays_as_it_was(
    searched: Path, tmp_path: Path, run: Command
) -> None:
    (searched / ".lock").unlink(missing_ok=True)
    before = files(tmp_path)
    done = run("search", "--run", searched, "--steps", "3", *TINY)
    assert done.code == 2
    assert "other settings" in done.err
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", [".lock", ".ledger.jsonl.connsearch.tmp"])
def test_a_comparison_killed_in_its_first_moment_goes_on(
    name: str, searched: Path, run: Command
) -> None:
    (searched / "compare").mkdir()
    (searched / "compare" / name).write_text("")
    line = "--criterion top_k:2 --steps 1 --random 2 --seeds 2".split()
    done = run("compare", searched, *line, "--json")
    assert done.code == 0, done.err
    assert not (searched / "compare" / name).exists()


def test_another_pruning_does_not_go_on_with_what_one_left(
    searched: Path, tmp_path: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connsearch.workflows import prune

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    line = ["prune", searched, "--output", tmp_path / "small"]
    with monkeypatch.context() as patched:
        patched.setattr(prune, "write_form", interrupted)
        assert run(*line).code == 130
    other = run(*line, "--criterion", "top_k:2")
    assert other.code == 2
    assert "unfinished output of another command" in other.err
    assert 'pruning.criterion: that command has "relative"' in other.err
    assert run(*line).code == 0
    whole = run("prune", searched, "--output", tmp_path / "whole")
    assert whole.code == 0
    assert differences(tree(tmp_path / "small"), tree(tmp_path / "whole")) == []


def test_the_same_export_stands_there_already(searched: Path, tmp_path: Path, run: Command) -> None:
    line = ["export", searched, "--format", "published", "--output", tmp_path / "out"]
    first = run(*line, "--json")
    before = files(tmp_path / "out")
    assert first.code == run(*line).code == 0
    assert files(tmp_path / "out") == before
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    (tmp_path / "out" / "export.json").write_text(json.dumps({**record, "sha256": "another"}))
    assert run(*line).code == 2, "the network is another one by now"
