"""Opening a run whose network can stop early: its data, its costs, its answers of all steps."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from torch import nn

from connsearch.analysis.early_exit import solve
from connsearch.analysis.stopping import StoppingClips
from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import Loader
from connsearch.data.records import listed
from connsearch.errors import DataError, RunError, SettingsError
from connsearch.files.disk import is_there
from connsearch.models.early_exit import EarlyExitModel
from connsearch.models.focus.focus import FocusModel
from connsearch.models.model import Model
from connsearch.models.structure import Network
from connsearch.pruning.budget import Budget
from connsearch.runs.checkpoint import digest
from connsearch.runs.documents import keep_evaluation, read_form
from connsearch.runs.formats.early_exit import EarlyExitSummary
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.names import EARLY_EXIT, STEP_ANSWERS, SUMMARY
from connsearch.runs.record import RunRecord
from connsearch.runs.step_answers import StepStore
from connsearch.training.environment import describe_environment
from connsearch.training.evaluate import Compute
from connsearch.training.losses import choose_loss
from connsearch.training.options import ComputeOptions
from connsearch.training.step_answers import all_steps
from connsearch.workflows.evaluate import data_of
from connsearch.workflows.filed_evaluation import evaluation_of
from connsearch.workflows.listening import Listener
from connsearch.workflows.settings.early_exit import EarlyExitSettings, mean_budgets
from connsearch.workflows.settings.evaluate import EvaluateSettings
from connsearch.workflows.targets import recorded_loss, say_classes

T = TypeVar("T")


def stepwise(network: nn.Module, directory: Path) -> EarlyExitModel:
    """Returns a network as one that can stop early.

    Raises:
        RunError: it answers once.
    """
    if isinstance(network, EarlyExitModel) and network.exits > 1:
        return network
    if isinstance(network, Network):
        cure = f"connsearch train {directory} --exits, which gives this structure exits"
    elif isinstance(network, FocusModel) and network.settings.heads == "sum":
        cure = (
            f"connsearch train {network.name} --model-options heads=running_max, which answers "
            "after the glance, too (this one has heads=sum)"
        )
    else:
        cure = (
            "train a network that answers after several steps: connsearch train STRUCTURE "
            "--exits, or connsearch train adafocus (docs/early_exit.md)"
        )
    raise RunError(
        f"{directory}: its network answers once, after all of its work, and cannot stop early\n"
        f"  cure: {cure}"
    )


def weights_digest(run: RunRecord) -> str:
    """Returns a hash of the weights of a run and of what its network is built from."""
    return digest(run.tensors, {"model": (run.outcome or run.model).to_json()})


@dataclass(frozen=True)
class StoppingRun:
    """A run whose network can stop early, and what one call works on.

    Attributes:
        asked: all settings.
        trained: the run.
        network: with its weights, in evaluation mode.
        data: of the run.
        compute: device and precision.
        loaders: of val, and of the split that is reported on.
        costs: multiply-accumulates of a clip until each exit.
        store: of the answers of all steps.
        budgets: that were asked for, each within reach.
        weights: the digest of the network.
        before: what was found for the same weights before.
    """

    asked: EarlyExitSettings
    trained: RunRecord
    network: Model
    data: DataSplits
    compute: Compute
    loaders: Mapping[str, Loader]
    costs: Sequence[int]
    store: StepStore
    budgets: Sequence[Budget]
    weights: str
    before: EarlyExitSummary | None = None

    @property
    def all_budgets(self) -> list[Budget]:
        """Those that are asked for, and behind them those of before."""
        earlier = [] if self.before is None else [one.budget for one in self.before.budgets]
        found = {str(one): one for one in (*self.budgets, *mean_budgets(tuple(earlier)))}
        return list(found.values())

    @property
    def chosen(self) -> str | None:
        """The budget that predictions take: the first asked for now, or that of before."""
        if self.budgets:
            return str(self.budgets[0])
        return None if self.before is None else self.before.chosen

    @property
    def place(self) -> Path:
        """The directory of its files."""
        return self.trained.directory / EARLY_EXIT


def open_stopping(
    asked: EarlyExitSettings,
    trained: RunRecord,
    network: Model | None,
    listener: Listener,
    stack: ExitStack,
) -> StoppingRun:
    """Everything that the work needs; whatever can be refused is refused here.

    Raises:
        UserError: a split is empty, or a budget is out of reach.
    """
    wanted = ComputeOptions(device=asked.device, precision=asked.precision)
    found = describe_environment(wanted)
    compute = Compute(found["device"], found["precision"])
    data = data_of(
        EvaluateSettings(run=asked.run, split=asked.split, source=asked.source), listener
    )
    _require_clips(asked, data)
    say_classes(trained, data.classes, listener)
    ready = trained.load_model(network, classes=data.classes).to(compute.device).eval()
    model = stepwise(ready, trained.directory)
    costs = model.exit_costs(shapes_of(data))
    budgets = mean_budgets(asked.budget)
    for budget in budgets:
        solved_share(budget, costs)
    weights = weights_digest(trained)
    before = _before(asked, trained, weights, data, listener)
    facts = {
        "weights": weights,
        "classes": list(data.classes),
        "data": data.fingerprint,
        "precision": compute.precision,
        "device": compute.device,
    }
    store = StepStore(trained.directory / EARLY_EXIT / STEP_ANSWERS, facts)
    if store.replaced:
        listener.warn(
            "the answers that were kept here are of other weights, other data or another "
            "precision: clips are answered again"
        )
    names = dict.fromkeys(("val", asked.split))
    splits = {"val": data.val, "test": data.test}
    loaders = {name: stack.enter_context(Loader(splits[name])) for name in names}
    return StoppingRun(
        asked, trained, ready, data, compute, loaders, costs, store, budgets, weights, before
    )


def _before(
    asked: EarlyExitSettings,
    trained: RunRecord,
    weights: str,
    data: DataSplits,
    listener: Listener,
) -> EarlyExitSummary | None:
    """What was found for these weights before; its budgets stay."""
    path = trained.directory / EARLY_EXIT / SUMMARY
    try:
        found = read_form(path, EarlyExitSummary, "a summary") if is_there(path) else None
    except RunError:  # damaged: it is written again
        return None
    if found is None or (found.weights, found.data) != (weights, data.fingerprint):
        return None
    if found.confidence != asked.confidence:
        listener.say(
            f"thresholds by {found.confidence} are replaced by those by {asked.confidence}"
        )
        return None
    if found.split != asked.split:
        listener.say(
            f"the tables and pictures of {found.split} are replaced by those of {asked.split}; "
            f"connsearch early-exit {asked.run} --split {found.split} makes them again, from the "
            "answers that are kept"
        )
    return found


def _require_clips(asked: EarlyExitSettings, data: DataSplits) -> None:
    """Refuses splits without clips.

    Raises:
        DataError: val is empty, or the split that is reported on.
    """
    if not len(data.val):
        raise DataError(
            f"{data.name} has no clips in its split val: thresholds are solved on clips that the "
            "network has not learned from, and never on those of its training, on which it is too "
            "sure\n  cure: train with a --val-share above 0"
        )
    if asked.split == "test" and not len(data.test):
        raise DataError(
            f"{data.name} has no clips in its split test\n"
            "  cure: --split val (there, thresholds look better than they are), or train with a "
            "--test-share above 0"
        )


def shapes_of(data: DataSplits) -> dict[str, tuple[int, int, int, int]]:
    """Returns the shapes ``(C, T, H, W)`` of the streams of a clip, as evaluations read it."""
    clips = data.options.clips
    size = clips.eval_sides.size
    shapes = {"rgb": (3, clips.frames, size, size)}
    if data.object_classes:
        shapes["object"] = (data.object_classes, clips.frames, size, size)
    return shapes


def solved_share(budget: Budget, costs: Sequence[int]) -> float:
    """The ``q`` of a budget.

    Raises:
        SettingsError: it is out of reach.
    """
    limit = budget.limit(costs[-1])
    try:
        return solve(limit, costs)
    except SettingsError:
        first, last = (f"{cost / 1e6:.6g}M" for cost in (costs[0], costs[-1]))
        share = 100 * costs[0] / costs[-1]
        read = f"{limit / 1e6:.6g}M" if limit >= 1e5 else f"{limit:,.6g}"
        cure = ""
        if limit >= costs[-1]:
            cure = (
                "\n  cure: leave it out: all steps need no thresholds, connsearch evaluate judges "
                "them, and connsearch predict --all-steps answers by them"
            )
        raise SettingsError(
            f"--budget {budget}: is out of reach\n"
            f"  read: {read} multiply-accumulates of a clip on average\n"
            f"  allowed: above {first} ({share:.3g}%, all clips stop at the first of "
            f"{len(costs)} exits) and below {last} (100%, all steps){cure}"
        ) from None


def answered_clips(work: StoppingRun, name: str, listener: Listener) -> StoppingClips:
    """The answers of all steps to a split, computed or read."""
    loader = work.loaders[name]
    answers = all_steps(work.network, loader, work.store, name, compute=work.compute)
    found = counted(answers, len(loader.dataset), f"clips of {name}", listener)
    if found.faults:
        listener.warn(
            f"{len(found.faults)} of {len(loader.dataset)} clips of {name} cannot be read, and are "
            f"left out of all numbers\n{listed(list(found.faults.values()))}"
        )
    loss = choose_loss(recorded_loss(work.asked.run), multi_label=work.data.multi_label)
    return StoppingClips(found, work.data.classes, loss, work.costs, work.asked.confidence)


def counted(work: Generator[int, None, T], total: int, what: str, listener: Listener) -> T:
    """What a generator returns, after all that it yields was counted."""
    result: list[T] = []

    def items() -> Iterator[int]:
        result.append((yield from work))

    for _ in listener.count(items(), total, what):
        pass
    return result[0]


def tested_clips(work: StoppingRun, listener: Listener) -> StoppingClips:
    """The answers to the test split, which is opened if it was not before for these weights."""
    before = RunRecord(work.trained.directory).evaluations.get("test")
    if work.store.head.opened is None:
        times = 1 if before is None else before.times_opened + 1
        work.store.opened(datetime.now(UTC).isoformat(timespec="seconds"), times)
        listener.say("the test split is opened; its answers of all steps are kept")
    else:
        listener.say(
            f"the test split was opened on {work.store.head.opened}; its answers are read again"
        )
    found = answered_clips(work, "test", listener)
    _file(work, before, found, listener)
    return found


def _file(
    work: StoppingRun, before: Evaluation | None, found: StoppingClips, listener: Listener
) -> None:
    """Takes down in the run that the test split was opened; what was found before stays.

    Clips are answered by their centre: where the run is evaluated in several views, nothing of that
    is its result, and the answers alone say that the split was opened.
    """
    head = work.store.head
    assert head.opened is not None
    assert head.times_opened is not None
    if before is not None:
        if before.times_opened < head.times_opened:
            again = before.model_copy(update={"times_opened": head.times_opened})
            keep_evaluation(work.trained.directory, "test", again)
        return
    clips = work.data.options.clips
    views = clips.clips_per_video * clips.crops_per_clip
    if views > 1:
        listener.say(
            f"evaluations of this run pool {views} views of a video, these answers are of its "
            "centre: connsearch evaluate finds the result, and opens the split once more"
        )
        return
    evaluation = evaluation_of(
        found.judged(found.all_at(-1)),
        work.network,
        work.data,
        work.compute.precision,
        opened=head.opened,
        times=head.times_opened,
    )
    keep_evaluation(work.trained.directory, "test", evaluation)
