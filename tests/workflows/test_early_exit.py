"""Early exits of a run: solved on val, reported on test, used by predictions."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import connsearch
from connsearch.analysis import stopping
from connsearch.analysis.early_exit import exits_of
from connsearch.cli.app import main
from connsearch.data.loading.loader import Loader
from connsearch.errors import DataError, RunError, SettingsError
from connsearch.models.early_exit import confidence
from connsearch.models.model import Model
from connsearch.runs.formats.early_exit import EarlyExitSummary
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.names import CURVE, EARLY_EXIT, STEP_ANSWERS, SUMMARY
from connsearch.runs.record import RunRecord
from connsearch.runs.step_answers import StepAnswers, StepStore
from connsearch.training.evaluate import Compute
from connsearch.training.step_answers import all_steps
from connsearch.view.runs.early_exit import faster, speed_table
from connsearch.workflows.listening import Listener
from connsearch.workflows.predict_stops import chosen_stops
from connsearch.workflows.settings.early_exit import EarlyExitSettings
from connsearch.workflows.settings.predict import PredictSettings
from connsearch.workflows.stopping import counted, stepwise
from tests.training.stepwise import STEPS, Stepwise
from tests.view.early_exits import early_exits

pytestmark = pytest.mark.usefixtures("unpictured")

DATA: dict[str, Any] = {
    "frames": STEPS,
    "size": 16,
    "batch_size": 4,
    "memory_mb": 0,
    "train_clips": 2,
    "val_clips": 5,
    "test_clips": 4,
}
TRAINING: dict[str, Any] = {"steps": 1, "threads": 1, "precision": "fp32", "progress": False}
HALF = "macs<=60%"


def solve(run: Any, **settings: Any) -> EarlyExitSummary:
    given: dict[str, Any] = {"progress": False, "precision": "fp32", "points": 3, **settings}
    return connsearch.early_exit(run, network=Stepwise(), **given)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Any:
    cache = tmp_path_factory.mktemp("data")
    return connsearch.load_data("synthetic:mix", cache=cache, progress=False, **DATA)


@pytest.fixture(scope="module")
def trained(data: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exits") / "run"
    return connsearch.train(Stepwise(), data, run=place, **TRAINING).directory


@pytest.fixture(scope="module")
def solved(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with thresholds for two budgets."""
    place = tmp_path_factory.mktemp("solved") / "run"
    shutil.copytree(trained, place)
    solve(place, budget=[HALF, "macs<=2.5M"])
    return place


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures but those of the fixtures above."""
    monkeypatch.setattr("connsearch.workflows.early_exit.write_both", lambda *_: [])


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A run without thresholds, that a test may change."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_what_is_found_is_in_the_run(solved: Path) -> None:
    place = solved / EARLY_EXIT
    found = EarlyExitSummary.model_validate(json.loads((place / SUMMARY).read_text()))
    assert found.chosen == HALF
    assert [one.budget for one in found.budgets] == [HALF, "macs<=2.5M"]
    assert found.costs == [1_000_000, 2_000_000, 3_000_000]
    assert (found.calibration, found.calibration_clips) == ("val", 20)
    assert (found.split, found.clips, found.exits) == ("test", 16, STEPS)
    for one, limit in zip(found.budgets, (1.8e6, 2.5e6), strict=True):
        assert one.limit == pytest.approx(limit)
        assert one.point.planned == pytest.approx(limit, abs=3e-3)
        assert sum(one.stopping) == pytest.approx(1)
        realised = sum(c * share for c, share in zip(found.costs, one.stopping, strict=True))
        assert one.point.realised == pytest.approx(realised)
        assert sum(one.leaving) == 20
        low, high = one.point.low, one.point.high
        assert low is not None
        assert high is not None
        assert low <= one.point.accuracy <= high
    with (place / f"{CURVE}.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found.curve) == 3 + 2
    assert [float(rows[0]["realised"]), float(rows[-1]["realised"])] == [1e6, 3e6]
    assert all((place / f"{CURVE}.{kind}").stat().st_size for kind in ("svg", "png"))
    scores = [row.score for row in found.curve]
    assert found.area is not None
    assert min(scores) <= found.area <= max(scores)  # type: ignore[type-var]


def test_they_stop_where_their_answers_say(solved: Path, data: Any) -> None:
    """The numbers follow from the answers, the thresholds and the labels alone."""
    model = Stepwise().eval()
    model.load_state_dict(dict(RunRecord(solved).tensors))
    found = EarlyExitSummary.model_validate(json.loads((solved / EARLY_EXIT / SUMMARY).read_text()))
    with Loader(data.test) as loader, torch.no_grad():
        batches = list(loader.batches())
        answers = torch.cat([model(batch.streams).per_step for batch in batches])
    labels = torch.cat([batch.labels for batch in batches])
    for one in found.budgets:
        thresholds = [float("inf") if x is None else x for x in one.thresholds]
        exits = exits_of(confidence(answers, "probability").numpy(), [*thresholds, 0.0])
        chosen = answers[torch.arange(len(labels)), torch.from_numpy(exits)]
        assert one.point.accuracy == (chosen.argmax(1) == labels).double().mean().item()
        assert one.point.mean_exit == pytest.approx(exits.mean() + 1)


def test_clips_that_really_stop_do_so_there(run: Path) -> None:
    found = solve(run, budget=[HALF], measure=True).budgets[0].measured
    assert found is not None
    assert (found.clips, found.others, found.batch_size) == (16, 0, 4)
    assert found.kept == pytest.approx(found.speed_up / found.cost_ratio)
    assert found.slowest is not None
    assert found.fastest is not None
    assert 0 < found.slowest <= found.speed_up <= found.fastest


class Clock:
    """Answers the time of each way in turn: all steps of a batch, then each budget."""

    def __init__(self, seconds: float) -> None:
        self.now, self.calls, self.seconds = 0.0, 0, seconds

    def __call__(self, compute: Any) -> float:
        self.calls += 1
        self.now += self.seconds * (1 + self.calls % 3)
        return self.now


def test_times_are_of_several_rounds_and_fewer_where_one_is_long(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds, rounds in ((0.001, 5), (10.0, 3)):
        monkeypatch.setattr(stopping, "_now", Clock(seconds))
        found = solve(run, budget=[HALF], measure=True).budgets[0].measured
        assert found is not None
        assert (found.rounds, found.clips) == (rounds, 16)


def test_the_range_of_the_rounds_is_told() -> None:
    known = early_exits()
    measured = known.budgets[0].measured
    assert measured is not None
    told = [str(cell) for cell in speed_table(known).columns[3].cells]
    assert told == ["1.50x"], "a summary of before has one round"
    assert faster(measured.model_copy(update={"slowest": 1.25, "fastest": 2.0})).endswith(
        "1.50x [1.25, 2.00]"
    )


def test_where_hardly_anything_is_saved_nothing_of_it_is_kept(run: Path) -> None:
    found = solve(run, budget=["macs<=99.9%"], measure=True).budgets[0].measured
    assert found is not None
    assert found.cost_ratio < stopping.TOLD
    assert found.kept is None


def test_nothing_to_measure_is_refused(run: Path) -> None:
    with pytest.raises(SettingsError, match=r"measure[\s\S]*--budget"):
        solve(run, measure=True)


def heard(run: Path, network: Model | None = None, **settings: Any) -> list[str]:
    said: list[str] = []
    told = Listener(lambda event: said.append(str(getattr(event, "message", ""))))
    connsearch.early_exit(run, network=network or Stepwise(), progress=told.hear, **settings)
    return [line for line in said if line]


def test_the_test_split_is_opened_once(run: Path) -> None:
    opened = "\n".join(heard(run, precision="fp32"))
    assert "the test split is opened" in opened
    entry = RunRecord(run).evaluations["test"]
    assert (entry.times_opened, entry.metrics.clips) == (1, 16)
    again = "\n".join(heard(run, precision="fp32", budget=[HALF]))
    assert f"opened on {entry.opened}" in again
    assert RunRecord(run).evaluations["test"] == entry
    judged = connsearch.evaluate(run, network=Stepwise(), progress=False)
    assert judged == entry, "evaluate shows what was found, and opens nothing"


def test_what_evaluate_found_before_stays(run: Path) -> None:
    before = connsearch.evaluate(run, network=Stepwise(), precision="fp32", progress=False)
    found = solve(run)
    after = RunRecord(run).evaluations["test"]
    assert after == Evaluation.model_validate({**before.to_json(), "times_opened": 2})
    assert found.curve[-1].accuracy == before.metrics.accuracy


def test_answers_of_the_centre_are_no_result_where_views_are_pooled(
    data: Any, tmp_path: Path
) -> None:
    several = connsearch.load_data(
        "synthetic:mix", cache=tmp_path, progress=False, clips_per_video=2, crops_per_clip=3, **DATA
    )
    run = connsearch.train(Stepwise(), several, run=tmp_path / "run", **TRAINING).directory
    said = "\n".join(heard(run, precision="fp32"))
    assert "pool 6 views of a video, these answers are of its centre" in said
    assert "test" not in RunRecord(run).evaluations
    found = connsearch.evaluate(run, network=Stepwise(), progress=False)
    assert found.times_opened == 2
    assert RunRecord(run).evaluations["test"] == found


def test_a_clip_that_can_be_read_again_is_answered(data: Any, tmp_path: Path) -> None:
    store = StepStore(tmp_path, {})
    network = Stepwise().eval()

    def answers() -> StepAnswers:
        work = all_steps(network, loader, store, "val", compute=Compute("cpu", "fp32"))
        return counted(work, 0, "", Listener(lambda _: None))

    with Loader(data.val) as loader:
        whole = answers()
        last = len(whole.labels) - 1
        rows = whole.answers[:last], whole.labels[:last], whole.indices[:last]
        store.keep("val-00000", StepAnswers(*rows, None, {last: "it was away"}))
        again = answers()
    assert not again.faults
    assert torch.equal(again.answers, whole.answers)


def test_val_alone_leaves_test_closed(run: Path) -> None:
    found = solve(run, split="val", budget=[HALF])
    assert found.split == "val"
    assert found.clips == found.calibration_clips
    assert found.budgets[0].calibrated == found.budgets[0].point.realised
    assert "test" not in RunRecord(run).evaluations


class Counting(Stepwise):
    """Counts the clips that all steps were computed of; stops after some."""

    def __init__(self, most: int = 1000) -> None:
        super().__init__()
        self.clips, self.most = 0, most

    def forward(self, streams: Any) -> Any:
        self.clips += len(streams["rgb"])
        if self.clips > self.most:
            raise KeyboardInterrupt
        return super().forward(streams)


def test_a_killed_command_goes_on(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connsearch.training.step_answers.PART", 8)
    whole = solve(Path(shutil.copytree(run, run.parent / "other")), budget=[HALF])
    with pytest.raises(KeyboardInterrupt):
        heard(run, Counting(most=28), precision="fp32", points=3, budget=[HALF])
    assert not (run / EARLY_EXIT / SUMMARY).exists()
    second = Counting()
    heard(run, second, precision="fp32", points=3, budget=[HALF])
    assert second.clips == 36 - 28, "20 of val, 16 of test; those on disk are not computed again"
    found = json.loads((run / EARLY_EXIT / SUMMARY).read_text())
    again = EarlyExitSummary.model_validate(found)
    assert again.curve == whole.curve
    assert again.budgets == whole.budgets
    assert RunRecord(run).evaluations["test"].times_opened == 1


def test_earlier_budgets_stay_behind_new_ones(run: Path) -> None:
    first = solve(run, budget=[HALF, "macs<=80%"])
    second = solve(run, budget=["macs<=70%", HALF])
    assert [one.budget for one in second.budgets] == ["macs<=70%", HALF, "macs<=80%"]
    assert second.chosen == "macs<=70%"
    assert second.solved("macs<=80%") == first.solved("macs<=80%")
    assert solve(run).chosen == "macs<=70%"
    said = "\n".join(heard(run, split="val", precision="fp32", points=3))
    assert "tables and pictures of test are replaced by those of val" in said
    other = solve(run, confidence="entropy", budget=["macs<=70%"])
    assert [one.budget for one in other.budgets] == ["macs<=70%"]


def test_calibration_clips_never_cost_more_than_the_budget(run: Path) -> None:
    shares = range(45, 100, 5)
    found = solve(run, budget=[f"macs<={share}%" for share in shares])
    assert all(one.calibrated <= one.limit * (1 + 1e-9) for one in found.budgets)


def test_a_cost_far_above_the_budget_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connsearch.workflows.early_exit.TOO_MUCH", 0.5)
    said = "\n".join(heard(run, precision="fp32", points=3, budget=[HALF]))
    assert "--budget macs<=60%: clips of test cost" in said
    assert "20 clips of val are few to tell" in said
    assert "cure: more clips in val (--val-share)" in said


def test_a_damaged_part_is_answered_again(run: Path) -> None:
    first = solve(run)
    part = next((run / EARLY_EXIT / STEP_ANSWERS).glob("val-*"))
    part.write_bytes(part.read_bytes()[:50])
    assert solve(run).curve == first.curve


def test_answers_of_other_weights_are_thrown_away(solved: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(solved, tmp_path / "run"))
    changed(run)
    said = "\n".join(heard(run, precision="fp32"))
    assert "of other weights" in said
    assert RunRecord(run).evaluations["test"].times_opened == 2


def changed(run: Path) -> None:
    """The run is trained on, as far as its files say."""
    from connsearch.runs.tensors import opened, tensors_in, write_tensors

    path = RunRecord(run).weights_path
    with opened(path) as file:
        tensors, header = tensors_in(file), file.metadata()
    tensors["heads"] = tensors["heads"] + 0.01
    write_tensors(path, tensors, header)


def test_budgets_out_of_reach_are_refused(run: Path) -> None:
    for budget in ("macs<=1M", "macs<=33%", "macs<=100%", "macs<=3M", "macs<=9G"):
        with pytest.raises(SettingsError, match=r"above 1M \(33.3%.*below 3M"):
            solve(run, budget=[budget])
    assert not (run / EARLY_EXIT).exists()
    with pytest.raises(SettingsError, match=r"no params[\s\S]*macs<=50%"):
        solve(run, budget=["params<=50%"])
    with pytest.raises(SettingsError, match="read: 50 multiply-accumulates") as small:
        solve(run, budget=["macs<=50"])
    assert "cure" not in str(small.value)
    with pytest.raises(SettingsError, match=r"cure: leave it out: .*--all-steps"):
        solve(run, budget=["macs<=100%"])


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("half", "not a budget"),
        ("", "not a budget"),
        ("1%", "write macs<=1%"),
        ("macs<=101%", "101% is more than all steps cost"),
        ("flops<=50%", "Known: macs"),
    ],
)
def test_a_budget_of_a_clip_is_told_what_this_command_takes(budget: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        EarlyExitSettings.of(run="run", budget=[budget])
    told = str(caught.value)
    assert "allowed: macs<=10G, or macs<=50% of what all steps cost" in told
    assert not any(word in told for word in ("params", "latency", "pruned"))


def test_the_cure_for_a_network_that_answers_once_is_one_that_helps(tmp_path: Path) -> None:
    structure = connsearch.create_model("starter", 2)
    with pytest.raises(RunError, match=f"cure: connsearch train {tmp_path} --exits"):
        stepwise(structure, tmp_path)
    asked = PredictSettings(run=str(tmp_path), videos=("a.mp4",), budget=HALF)
    with pytest.raises(RunError, match=f"answers once[\\s\\S]*train {tmp_path} --exits"):
        chosen_stops(asked, RunRecord(tmp_path), structure, Listener.of(False))
    small: dict[str, Any] = {"glance": "mobilenet_v2", "local": "resnet18", "size": 64, "patch": 32}
    with torch.device("meta"):
        summed = connsearch.create_model("adafocus-tsm", 2, **small)
        twice = connsearch.create_model("adafocus-tsm", 2, **small, heads="running_max")
    with pytest.raises(RunError, match="train adafocus-tsm --model-options heads=running_max"):
        stepwise(summed, tmp_path)
    assert stepwise(twice, tmp_path).exits == 2


def test_a_network_that_answers_once_is_refused(data: Any, tmp_path: Path) -> None:
    once = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten(), torch.nn.Linear(3, 4)
    )
    run = connsearch.train(once, data, run=tmp_path / "once", **TRAINING)
    with pytest.raises(RunError, match=r"answers once[\s\S]*STRUCTURE --exits[\s\S]*adafocus"):
        connsearch.early_exit(run, network=once, progress=False)
    with pytest.raises(RunError, match="answers once"):
        stepwise(Stepwise(steps=1), tmp_path)


def test_without_clips_to_solve_on_there_are_no_thresholds(data: Any, tmp_path: Path) -> None:
    rows = [f"{one.path},{data.classes[one.label]}" for one in data.test.records]
    (tmp_path / "clips.csv").write_text("\n".join(["path,label", *rows]))
    given: dict[str, Any] = {"val_share": 0.0, "test_share": 0.3, "frames": STEPS, "size": 16}
    clips = connsearch.load_data(tmp_path / "clips.csv", progress=False, **given)
    run = connsearch.train(Stepwise(), clips, run=tmp_path / "run", **TRAINING)
    with pytest.raises(DataError, match=r"no clips in its split val[\s\S]*--val-share"):
        solve(run, budget=[HALF])
    assert not (tmp_path / "run" / EARLY_EXIT).exists()


@pytest.fixture
def video(data: Any) -> Path:
    return data.test.records[0].path


def predicted(run: Path, *videos: Any, **settings: Any) -> Any:
    given: dict[str, Any] = {"network": Stepwise(), "precision": "fp32", "progress": False}
    return connsearch.predict(run, list(videos), **given, **settings)


def test_predictions_stop_early(solved: Path, data: Any, tmp_path: Path) -> None:
    videos = [record.path for record in data.test.records]
    found = predicted(solved, *videos, csv=tmp_path / "a.csv")
    summary = json.loads((solved / EARLY_EXIT / SUMMARY).read_text())
    assert found.budget == HALF
    stopping = [sum(one.step == n + 1 for one in found) / 16 for n in range(STEPS)]
    assert stopping == summary["budgets"][0]["stopping"]
    assert all(one.macs == 1_000_000 * one.step for one in found)
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert {int(row["step"]) for row in rows} == {one.step for one in found}
    other = predicted(solved, *videos, budget="macs <= 2.5M")
    assert sum(one.macs for one in other) > sum(one.macs for one in found)
    whole = predicted(solved, *videos, all_steps=True)
    assert whole.budget is None
    assert {one.step for one in whole} == {None}
    last = [one for one in other if one.step == STEPS]
    same = {one.path: one.values for one in whole}
    assert last
    assert all(one.values == pytest.approx(same[one.path]) for one in last)


def test_views_stop_by_themselves(solved: Path, video: Path) -> None:
    found = predicted(solved, video, clips_per_video=2)[0]
    assert found.step is not None
    assert found.macs in {1_000_000 * (found.step + n) for n in range(1, found.step + 1)}
    timeline = predicted(solved, video, timeline=True)
    assert all(one.step for one in timeline)


def test_predictions_of_a_changed_run_compute_everything(
    solved: Path, video: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(solved, tmp_path / "run"))
    changed(run)
    said: list[str] = []
    listener = Listener(lambda event: said.append(str(getattr(event, "message", ""))))
    found = connsearch.predict(run, video, network=Stepwise(), progress=listener.hear)
    assert found.budget is None
    assert any("the run has changed since" in line for line in said)
    with pytest.raises(RunError, match=r"other weights[\s\S]*connsearch early-exit"):
        predicted(run, video, budget=HALF)


def test_budgets_that_were_not_solved_are_refused(solved: Path, run: Path, video: Path) -> None:
    with pytest.raises(RunError, match=r"known: macs<=60%, macs<=2.5M"):
        predicted(solved, video, budget="macs<=70%")
    with pytest.raises(RunError, match=r"no thresholds\n.*connsearch early-exit"):
        predicted(run, video, budget=HALF)
    with pytest.raises(SettingsError, match="not a budget"):
        predicted(solved, video, budget="half")
    with pytest.raises(SettingsError, match="--all-steps stops none"):
        predicted(solved, video, budget=HALF, all_steps=True)
    assert predicted(run, video).budget is None


def test_the_command_refuses_other_runs(
    run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["early-exit", str(tmp_path / "none")]) == 2
    assert "no such run" in capsys.readouterr().err
    assert main(["early-exit", str(run)]) == 2
    assert "only" in capsys.readouterr().err, "a module of one's own is built by its code alone"


@pytest.fixture
def store(tmp_path: Path) -> StepStore:
    return StepStore(tmp_path / "answers", {"weights": "a"})


def test_parts_are_kept(store: StepStore, tmp_path: Path) -> None:
    none = torch.zeros(0, dtype=torch.long)
    empty = StepAnswers(torch.zeros(0, 0, 0), none, none, None, {3: "torn"})
    full = StepAnswers(
        torch.randn(2, 3, 4), torch.tensor([1, 0]), torch.tensor([0, 2]), torch.ones(2, 4)
    )
    store.keep("val-0", full)
    store.keep("val-1", empty)
    again = StepStore(tmp_path / "answers", {"weights": "a"})
    assert not again.replaced
    parts = [again.read(name) for name in ("val-0", "val-1")]
    assert again.read("val-2") is None
    joined = StepAnswers.joined([part for part in parts if part is not None])
    assert joined.faults == {3: "torn"}
    assert torch.equal(joined.answers, full.answers)
    assert joined.targets is not None
    other = StepStore(tmp_path / "answers", {"weights": "b"})
    assert other.replaced
    assert other.read("val-0") is None
