"""``import connsearch``: cheap, one name a job, and values that one goes on with."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import connsearch
from connsearch.cli.app import main
from connsearch.errors import RunError, SettingsError
from connsearch.models.model import Wrapped
from connsearch.runs.events import ResultEvent, StepEvent, WorkBegan, WorkEnded

pytestmark = pytest.mark.usefixtures("unpictured")

NAMES = (
    "load_structure load_data load_run search prune train evaluate early_exit predict compare "
    "evolve draw list_models create_model Structure StreamFusion PeerGate TemporalGate GateTest"
).split()

DATA: dict[str, Any] = {
    "frames": 4,
    "size": 16,
    "train_clips": 3,
    "val_clips": 2,
    "test_clips": 2,
    "batch_size": 6,
}
TRAINING: dict[str, Any] = {
    "epochs": 1,
    "precision": "fp32",
    "threads": 1,
    "recalibrate_clips": 6,
    "progress": False,
}


def test_the_names_are_those_that_were_promised() -> None:
    assert sorted(connsearch.__all__) == sorted(NAMES)
    assert set(NAMES) <= set(dir(connsearch))


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="serach"):
        _ = connsearch.serach  # type: ignore[attr-defined]


def test_importing_it_loads_neither_torch_nor_anything_else() -> None:
    code = (
        "import sys; import connsearch; found = {name.partition('.')[0] for name in sys.modules}; "
        "print(sorted(found & {'connsearch', 'torch', 'numpy', 'pydantic', 'rich', 'networkx'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['connsearch']"


def test_no_name_is_hidden_by_a_module() -> None:
    """A lazy name and a package of the same name would hide each other."""
    for module in pkgutil.walk_packages(connsearch.__path__, "connsearch."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in NAMES:
        assert callable(getattr(connsearch, name)), name
    fresh = importlib.reload(connsearch)
    for name in NAMES:
        assert callable(getattr(fresh, name)), name


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("front-door")


@pytest.fixture(scope="module")
def data(place: Path) -> Any:
    return connsearch.load_data("synthetic:mix", cache=place / "cache", progress=False, **DATA)


@pytest.fixture(scope="module")
def found(place: Path, data: Any) -> Any:
    return connsearch.search("starter", data, run=place / "search", **TRAINING)


@pytest.fixture(scope="module")
def pruned(found: Any) -> Any:
    return connsearch.prune(found, criterion="relative:0.5", progress=False)


def test_every_name_does_its_job(
    place: Path, data: Any, found: Any, pruned: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    structure = connsearch.load_structure("starter")
    assert isinstance(structure, connsearch.Structure)
    assert [name for name, _ in data] == ["train", "val", "test"]
    assert found.metrics["val"].clips == len(data.val)
    assert isinstance(found.structure, connsearch.Structure)
    assert isinstance(found.network(), nn.Module)
    assert pruned.prune_record.exactness.max_abs_difference == 0.0
    trained = connsearch.train(pruned, **TRAINING)
    assert trained.directory.parent == pruned.directory
    judged = connsearch.evaluate(trained, progress=False)
    assert judged.metrics.clips == len(data.test)
    again = connsearch.load_run(connsearch.load_run(trained.directory))
    clip = data.test.records[0].path
    said = connsearch.predict(trained, clip, progress=False)
    assert said.top(1) == again.predict([clip], progress=False).top(1)
    assert said[0].label in data.classes
    assert connsearch.load_structure(again) == again.structure
    assert again.digest == trained.digest
    assert again.metrics["test"] == judged.metrics
    compared = connsearch.compare(
        found, random=2, seeds=2, steps=1, criterion="top_k:k=2", progress=False
    )
    assert len(compared.rows) == 2 * 3
    evolved = connsearch.evolve(
        structure, simulate="planted", rounds=3, run=place / "evolved", progress=False
    )
    assert evolved.children == 3
    assert isinstance(connsearch.load_structure(evolved.run), connsearch.Structure)
    picture = connsearch.draw(found, place / "found.svg")
    assert picture.read_text().startswith("<?xml")
    names = [entry.name for entry in connsearch.list_models("starter", "r3d_18", num_classes=3)]
    assert names == ["starter", "r3d_18"]
    network = connsearch.create_model("starter", 3)
    assert isinstance(network, nn.Module)
    fusion = connsearch.StreamFusion({"rgb": 4, "audio": 6}, width=8)
    given = {"rgb": torch.ones(2, 4, 5), "audio": torch.ones(2, 6, 5)}
    assert fusion(given).shape == (2, 8, 5)
    assert issubclass(connsearch.PeerGate, nn.Module)
    gate = connsearch.TemporalGate(4, test=connsearch.GateTest(test="align"), gated=True)
    assert gate(torch.ones(2, 4, 3, 5, 5)).shape == (2, 4, 3, 5, 5)
    assert capsys.readouterr().out == "", "a function prints nothing"


def test_values_show_themselves_in_a_notebook(data: Any, found: Any, pruned: Any) -> None:
    for value in (found, found.structure, pruned, data):
        assert value._repr_html_().lstrip().startswith("<"), type(value)


def test_the_same_call_returns_the_finished_run(found: Any, data: Any) -> None:
    heard: list[object] = []
    options = {**TRAINING, "progress": heard.append}
    again = connsearch.search("starter", data, run=found.directory, **options)
    assert again.digest == found.digest
    assert not [event for event in heard if isinstance(event, StepEvent)]


def test_progress_is_heard_from_beginning_to_end(place: Path, data: Any) -> None:
    heard: list[object] = []
    options = {**TRAINING, "progress": heard.append}
    run = connsearch.train("starter_rgb_flow", data, run=place / "heard", **options)
    kinds = [type(event) for event in heard]
    assert kinds.count(WorkBegan) == kinds.count(WorkEnded) == 1
    steps = [event for event in heard if isinstance(event, StepEvent)]
    assert [step.step for step in steps] == list(range(1, steps[-1].total_steps + 1))
    (result,) = (event for event in heard if isinstance(event, ResultEvent))
    assert result.report.digest == run.digest


def test_a_module_of_ones_own_is_trained(place: Path, data: Any) -> None:
    class Tiny(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(3, len(data.classes))

        def forward(self, clips: torch.Tensor) -> torch.Tensor:
            return self.dense(clips.mean((2, 3, 4)))

    torch.manual_seed(0)
    own = place / "own"
    run = connsearch.train(Tiny(), data, run=own, **TRAINING)
    assert run.model.kind == "module"
    assert run.metrics["val"].clips == len(data.val)
    with pytest.raises(SettingsError, match="Tiny"):
        connsearch.evaluate(run, progress=False)
    with pytest.raises(SettingsError, match="another network"):
        connsearch.evaluate(run, network=nn.Linear(2, 3), progress=False)
    with pytest.raises(SettingsError, match=r"network: .*\n.*nn\.Module"):
        connsearch.evaluate(run, network="r3d_18", progress=False)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="another network"):
        connsearch.train(Wrapped(nn.Linear(2, 3), name="Tiny"), data, run=own, **TRAINING)
    for nothing in ({"attention": "peer"}, {"streams": ["rgb"]}, {"from_scratch": True}):
        with pytest.raises(SettingsError, match=next(iter(nothing))):
            connsearch.train(Tiny(), data, run=place / "never", **TRAINING, **nothing)
    assert not (place / "never").exists()
    judged = connsearch.evaluate(run, network=Tiny(), progress=False)
    again = connsearch.evaluate(run, "val", network=Tiny(), progress=False)
    assert judged.metrics.clips == len(data.test)
    assert again.metrics.accuracy == run.metrics["val"].accuracy, "with the weights of the run"


def test_a_module_answers_for_the_classes_of_the_data(place: Path, data: Any) -> None:
    net = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(3, 3))
    with pytest.raises(SettingsError, match=r"\(6, 3\).* 4 classes"):
        connsearch.train(net, data, run=place / "few", **TRAINING)
    assert not (place / "few").exists()


@pytest.mark.parametrize(
    "beside",
    [{"batch_size": 3}, {"frames": 8}, {"source": "synthetic:mix"}, {"data_seed": 7}],
)
def test_an_option_of_data_beside_loaded_data_is_refused(
    place: Path, data: Any, beside: dict[str, Any]
) -> None:
    """The run would record what it was not trained on."""
    with pytest.raises(SettingsError, match=f"(?s){next(iter(beside))}.*loaded already.*load_data"):
        connsearch.search("starter", data, run=place / "never", **TRAINING, **beside)
    assert not (place / "never").exists()


def test_data_can_be_named_by_its_option(place: Path) -> None:
    options = {**TRAINING, **DATA, "cache": place / "cache", "steps": 1}
    run = connsearch.search(source="synthetic:motion", run=place / "named", **options)
    assert run.config["settings"]["data"]["source"]["source"] == "synthetic:motion"
    with pytest.raises(SettingsError, match="give one of them"):
        connsearch.search("starter", "synthetic:mix", source="synthetic:motion", **options)
    recorded = {"config": place / "named" / "config.json", "progress": False}
    again = connsearch.search(**recorded, cache=place / "cache", run=place / "again")
    assert again.digest == run.digest, "defaults do not override what the file says"


@pytest.mark.parametrize("wrong", [3, None, ["starter"], nn.Linear])
def test_a_value_of_another_kind_is_refused(data: Any, wrong: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: connsearch.prune(wrong),
        lambda: connsearch.evaluate(wrong),
        lambda: connsearch.compare(wrong),
        lambda: connsearch.draw(wrong),
        lambda: connsearch.load_run(wrong),
        lambda: connsearch.load_structure(wrong),
        lambda: connsearch.load_data(wrong),
        lambda: connsearch.train(wrong, data),
        *([] if wrong is None else [lambda: connsearch.search("starter", wrong)]),
        *([] if wrong is None else [lambda: connsearch.search(wrong, data)]),
    ]
    for call in calls:
        with pytest.raises(SettingsError, match=r"(?s)read a value of the type \w+.*allowed"):
            call()
    with pytest.raises(SettingsError, match="progress"):
        connsearch.load_data(progress="no")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "near"), [({"epoch": 3}, "epochs"), ({"frams": 4}, "frames"), ({"lr": -1.0}, "lr")]
)
def test_a_wrong_keyword_is_named(data: Any, place: Path, wrong: Any, near: str) -> None:
    with pytest.raises(SettingsError, match=near):
        connsearch.search("starter", data, run=place / "never", **{**TRAINING, **wrong})
    assert not (place / "never").exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"streams": "rgb"}, "streams: read 'rgb'.*list"),
        ({"streams": ["rgbx"]}, "streams: .*'rgbx'.*'rgb'"),
        ({"optimiser": "adam"}, "optimiser: .*'adam'.*'adamw'"),
    ],
)
def test_a_wrong_value_is_named_with_its_keyword(wrong: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        connsearch.search(**wrong, progress=False)


def test_two_structures_of_one_name_are_two_runs(data: Any, place: Path, found: Any) -> None:
    """A structure that is another one than that of its name is told apart by its content."""
    other = replace(connsearch.load_structure("starter_rgb_flow"), name="starter")
    with pytest.raises(RunError, match="starter@"):
        connsearch.search(other, data, run=found.directory, **TRAINING)


def test_python_and_the_command_line_end_in_the_same_digest(
    place: Path,
    data: Any,
    found: Any,
    pruned: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The tour, here and there; the runs can even be resumed by the other."""
    monkeypatch.chdir(place)
    words = [f"--{key.replace('_', '-')}={value}" for key, value in DATA.items()]
    training = "--epochs 1 --precision fp32 --threads 1 --recalibrate-clips 6 --json".split()
    searching = ["search", "starter", "--cache", str(place / "cache"), *words, *training]
    lines = [
        [*searching, "--run", "line"],
        "prune line --criterion relative:0.5 --json".split(),
        ["train", "line/pruned-relative-0.5", *training, "--run", "line-trained"],
    ]
    digests: list[str | None] = []
    for line in lines:
        assert main(line) == 0
        digests.append(json.loads(capsys.readouterr().out.splitlines()[-1]).get("digest"))
    trained = connsearch.train(pruned, **TRAINING)
    assert digests == [found.digest, None, trained.digest]
    assert main([*searching, "--run", str(found.directory)]) == 0, "settings are recorded alike"
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["digest"] == found.digest
