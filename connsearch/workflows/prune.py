"""A searched network cut down to the connections that matter, and checked: :func:`prune`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connsearch.data.loading.loader import SplitLoaders
from connsearch.errors import Failure, SettingsError
from connsearch.files.paths import check_path
from connsearch.files.places import check_place, filling
from connsearch.graph.cost import cost
from connsearch.graph.files import read_structure, write_structure
from connsearch.graph.spec import Edge, Structure
from connsearch.models.document import ModelDocument
from connsearch.models.exactness import Exactness, exactness
from connsearch.models.inherit import inherit
from connsearch.models.structure import Network
from connsearch.pruning.pruner import Pruned, prune_by
from connsearch.pruning.reached import Solved
from connsearch.pruning.solve import within_budget
from connsearch.runs.documents import write_form
from connsearch.runs.files import write_weights
from connsearch.runs.formats.config import Facts, Settings
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.prune import (
    BeforeAfter,
    ExactnessRecord,
    PruneRecord,
    PruningSettings,
)
from connsearch.runs.names import PRUNE_RECORD, PRUNED, PRUNED_WEIGHTS, STRUCTURE
from connsearch.runs.record import RunRecord
from connsearch.runs.recorded import is_trained, recorded_facts, recorded_settings
from connsearch.training.evaluate import evaluate, recalibrate_on
from connsearch.workflows.budget import measure_on, say_reached, say_unseen
from connsearch.workflows.data import open_data_of
from connsearch.workflows.given import RunLike, StructureLike, name_of, structure_in
from connsearch.workflows.left import node_costs, regated
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.opened import OpenedRun, opened
from connsearch.workflows.pictures import draw_pruning
from connsearch.workflows.scoring import prune_scored
from connsearch.workflows.settings.prune import PruneSettings
from connsearch.workflows.settings.run import RUNS
from connsearch.workflows.targets import open_structure, open_trained, recorded_loss


@dataclass(frozen=True, slots=True)
class Pruning:
    """A pruning that was made.

    Attributes:
        run: the pruned network, as it lies in its directory.
        pruned: what was cut, and why.
        exact: the comparison with the masked original.
    """

    run: OpenedRun
    pruned: Pruned
    exact: Exactness


def prune(run: RunLike | StructureLike, *, progress: Progress = True, **settings: Any) -> OpenedRun:
    """Returns the pruned network of a search, in a directory of its own.

    Its ``prune_record`` says what was cut, and how its outputs compare with those of the original
    in which the same connections are multiplied by zero: in mode ``pinned`` bit for bit the same.

    Args:
        run: a search or a training; a structure is pruned by its stored weights.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch prune`` by its name: ``criterion="top_k:k=4"``,
            ``budget=["macs<=60%"]``, ``recalibrate=64``.

    Raises:
        UserError: a setting cannot be used, there is no such run, or nothing fits the budget.
        Failure: the pruned network does not compute the same; nothing is written.
    """
    asked = PruneSettings.of(run=name_of(run), **settings)
    given = None if isinstance(run, RunRecord) else structure_in(run)
    return run_prune(asked, Listener.of(progress), given).run


def run_prune(
    asked: PruneSettings, listener: Listener, structure: Structure | None = None
) -> Pruning:
    """Returns the pruning that was asked for, once it is written.

    Args:
        asked: all settings.
        listener: hears what happens.
        structure: to prune without a network; None: as the settings name it.

    Raises:
        UserError: as for :func:`prune`.
    """
    known = structure is None and is_trained(asked.run)
    trained = open_trained(asked.run, listener) if known else None
    if trained is None and asked.recalibrate:
        raise SettingsError(
            "--recalibrate needs a trained network\n  cure: give the directory of a run"
        )
    if structure is None:
        structure = trained.structure if trained else open_structure(asked.run)
    place = _place(asked, structure)
    check_path(place, below=64, utf8=True)
    pruned, noted = _pruned(asked, structure, trained, listener)
    exact, child = _checked(asked, structure, pruned, trained)
    metrics = _recalibrated(asked, child, listener) if asked.recalibrate else {}
    _refuse_another(place, pruned)
    with filling(place, _line(asked), done=PRUNE_RECORD):
        _refuse_another(place, pruned)  # another process may have been faster
        _write(place, pruned, child if trained else None)
        draw_pruning(structure, pruned, place, listener)
        record = _recorded(asked, structure, pruned, exact, metrics, trained)
        write_form(place / PRUNE_RECORD, record.model_copy(update=noted))  # now it is one
    return Pruning(opened(place), pruned, exact)


def _pruned(
    asked: PruneSettings, structure: Structure, trained: RunRecord | None, listener: Listener
) -> tuple[Pruned, dict[str, Any]]:
    """The pruning by criterion or budget, and what is reported about its scores and budget."""
    classes, clip = trained.num_classes if trained else 10, _clip(asked)
    solved: list[Solved] = []

    def by(scores: Mapping[Edge, float] | None, measured: str) -> Pruned:
        if not asked.pruning.budget:
            return prune_by(structure, asked.pruning, scores=scores, measured=measured)
        measure = measure_on(asked.run, classes, clip, listener)
        solved.append(
            within_budget(
                structure,
                asked.pruning,
                num_classes=classes,
                clip=clip,
                scores=scores,
                measured=measured,
                measure=measure,
            )
        )
        return solved[-1].pruned

    scored = prune_scored(asked.run, structure, asked.pruning, asked.scoring, by, listener)
    pruned, scores = scored
    noted: dict[str, Any] = {} if scores is None else {"scores": scores}
    if solved:
        noted |= say_reached(solved[-1], listener)
    say_unseen(structure, pruned.structure, listener)
    return pruned, noted


def _place(asked: PruneSettings, structure: Structure) -> Path:
    """The output directory; one that holds something else is refused."""
    if asked.output is not None:
        place = asked.output
    else:
        changed = asked.pruning.changed()
        if asked.scoring.scores != "weight":
            changed = {"scores": asked.scoring.slug, **changed}
        if asked.recalibrate:
            changed["recalibrated"] = str(asked.recalibrate)
        slug = "-".join([PRUNED, *changed.values()])
        home = Path(asked.run) if is_trained(asked.run) else RUNS / f"prune-{structure.name}"
        place = home / slug
    check_place(place, _line(asked), done=PRUNE_RECORD)
    return place


def _line(asked: PruneSettings) -> dict[str, Any]:
    """Everything that decides what is written, as JSON values."""
    return {
        "command": "prune",
        "run": str(Path(asked.run)),
        "recalibrate": asked.recalibrate,
        "pruning": asked.pruning.model_dump(mode="json"),
        "scoring": asked.scoring.model_dump(mode="json"),
    }


def _refuse_another(place: Path, pruned: Pruned) -> None:
    """Refuses to write over another pruned network, which may have been trained since.

    Raises:
        SettingsError: there is one with other nodes, connections or shapes.
    """
    if not (place / PRUNE_RECORD).exists():
        return
    if read_structure(place / STRUCTURE) != pruned.structure:
        raise SettingsError(
            f"{place}: holds another pruned network, and perhaps its training\n"
            "  cure: --output another directory, or delete this one"
        )


def _checked(
    asked: PruneSettings, structure: Structure, pruned: Pruned, trained: RunRecord | None
) -> tuple[Exactness, Network]:
    """The comparison with the masked original, and the pruned network.

    Raises:
        Failure: a network that was pruned with its shapes pinned must be equal.
    """
    classes = trained.num_classes if trained else 10
    parent = trained.network() if trained else Network(structure, classes, seed=0)
    child = Network(pruned.structure, classes, seed=0)
    inherit(child, parent, pruned)
    exact = exactness(parent, child, pruned, clip=_clip(asked))
    if not exact.equal and asked.pruning.mode == "pinned":
        raise Failure(
            f"{structure.name}: the pruned network is not the masked original: {exact}\n"
            "  nothing was written; this is a bug in connsearch, or the processor miscalculates"
        )
    return exact, child


def _clip(asked: PruneSettings) -> tuple[int, int, int]:
    """The size of the clips the network was found with."""
    clips = recorded_settings(asked.run).get("data", {}).get("clips", {})
    size = clips.get("size", 32)
    return clips.get("frames", 8), size, size


def _recalibrated(
    asked: PruneSettings, child: Network, listener: Listener
) -> Mapping[str, Metrics]:
    """Sets the batch-norm statistics on the run's own data; how good it is without training."""
    settings = recorded_settings(asked.run)
    data = open_data_of(asked.run, listener)
    seed = settings.get("seed", 0)
    with SplitLoaders(data.parts()) as loaders:
        recalibrate_on(child, loaders["train"], clips=asked.recalibrate, seed=seed)
        if not len(data.val):
            return {}
        loss, clips = recorded_loss(asked.run), loaders["val"]
        return {"val": evaluate(child, clips, classes=data.classes, loss=loss, all_views=True)}


def _write(place: Path, pruned: Pruned, child: Network | None) -> None:
    """Writes structure and weights."""
    write_structure(pruned.structure, place / STRUCTURE)
    if child is not None:
        write_weights(
            place / PRUNED_WEIGHTS, child.state_dict(), ModelDocument.of(pruned.structure)
        )


def _recorded(
    asked: PruneSettings,
    structure: Structure,
    pruned: Pruned,
    exact: Exactness,
    metrics: Mapping[str, Metrics],
    trained: RunRecord | None,
) -> PruneRecord:
    """What was done, without the scores and budgets it was done by."""
    classes = trained.num_classes if trained else 10
    both = (structure, pruned.structure)
    costs = [cost(one, num_classes=classes, clip=exact.clip) for one in both]
    record = PruneRecord(
        command="prune",
        run=asked.run,
        nodes=_counts(len(one) for one in both),
        connections=_counts(len(one.edges()) for one in both),
        parameters=_counts(one.parameters for one in costs),
        macs=_counts(one.macs for one in costs),
        clip=list(exact.clip),
        exactness=_exactness(exact),
        removed=[list(edge) for edge in pruned.removed],
        dead=list(pruned.dead),
        repairs=[str(repair) for repair in pruned.repairs],
        substitutes=[str(substitute) for substitute in pruned.substitutes],
        regated=[regated(substitute) for substitute in pruned.substitutes],
        costs=node_costs(structure, pruned, *costs),
        changes=[str(change) for change in pruned.changes],
        metrics=dict(metrics),
        pruning=PruningSettings.model_validate(asked.pruning.model_dump(mode="json")),
        recalibrated=asked.recalibrate,
        settings=Settings.model_validate(recorded_settings(asked.run)),
        facts=Facts.model_validate(recorded_facts(asked.run)),
    )
    if not pruned.opened:
        return record
    return record.model_copy(update={"opened": list(pruned.told_opened())})


def _exactness(exact: Exactness) -> ExactnessRecord:
    found = {**asdict(exact), "clip": list(exact.clip)}
    if exact.gates is None:
        del found["gates"]
    return ExactnessRecord.model_validate(found)


def _counts(both: Iterable[int]) -> BeforeAfter:
    before, after = both
    return BeforeAfter(before=before, after=after)
