"""Would another seed have found the same connections? :func:`stability`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.analysis.stability import Found, agree, learned, unit
from connsearch.analysis.statistics import as_json
from connsearch.analysis.units import UnitWork, work_through
from connsearch.data.loading.load import DataSplits
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.pruner import Pruned
from connsearch.pruning.solve import prune_counted, refuse_measured
from connsearch.runs.documents import write_form
from connsearch.runs.formats.ledger import SearchUnit
from connsearch.runs.formats.studies import EstimateRecord, StabilitySummary
from connsearch.runs.ledger import Ledger
from connsearch.runs.names import SUMMARY
from connsearch.workflows.advised import advise
from connsearch.workflows.agreeing import write_agreement
from connsearch.workflows.analyses import refuse_strange
from connsearch.workflows.data import begun_with, open_data, suit
from connsearch.workflows.given import StructureLike, named, structure_in
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.loaded import DataLike, given_data, splits_in
from connsearch.workflows.settings.run import RUNS
from connsearch.workflows.settings.search import SearchSettings
from connsearch.workflows.settings.stability import StabilitySettings
from connsearch.workflows.targets import open_structure


@dataclass(frozen=True, slots=True)
class StabilityStudy:
    """How far several searches agree.

    Attributes:
        directory: where everything lies.
        found: what each search keeps, and their agreement.
        consensus: what at least half of them keep.
        summary: what is written of it.
    """

    directory: Path
    found: Found
    consensus: Pruned
    summary: StabilitySummary


def stability(
    structure: StructureLike | None = None,
    data: DataLike | None = None,
    *,
    progress: Progress = True,
    **settings: Any,
) -> StabilitySummary:
    """Returns how far searches with different seeds agree, and keeps it in their directory.

    Args:
        structure: a value, a name, a file, or an earlier run; by default ``starter``.
        data: loaded data, or what ``load_data`` finds it by; by default ``synthetic:mix``.
        progress: True shows a bar, False none; a function hears every event.
        settings: any option of ``connsearch stability`` by its name: ``searches=4``.

    Raises:
        UserError: a setting, the structure or the data cannot be used.
    """
    asked = StabilitySettings.of(**given_data(data, settings), **named("structure", structure))
    given = structure_in(structure), splits_in(data)
    return run_stability(asked, Listener.of(progress), *given).summary


def run_stability(
    asked: StabilitySettings,
    listener: Listener,
    structure: Structure | None = None,
    data: DataSplits | None = None,
) -> StabilityStudy:
    """Returns how far the searches agree, once everything is written.

    Raises:
        UserError: as for :func:`stability`.
    """
    refuse_measured(asked.pruning)
    if structure is None:
        structure = open_structure(asked.structure)
    place = asked.directory(RUNS / f"stability-{Path(asked.structure).stem}")
    refuse_strange(place)
    listener.say(f"run: {place}")
    clips = open_data(asked.data_options(), listener) if data is None else data
    start = suit(structure, clips, asked)
    advise(start, clips, asked.training, listener)
    settings = {"command": "stability", "settings": asked.settings()}

    def begin(fingerprint: str) -> Ledger:
        return Ledger(place, {**settings, "data": fingerprint})

    with begun_with(clips, begin, listener) as ledger:
        work = {name: _unit(asked, name, start, clips, place) for name in _names(asked)}
        results = listener.work_through(work_through(ledger, work), "searches")
        searched = [learned(place / name) for name in work]
        found = agree(searched, _kept(asked, searched, clips), seed=asked.seed)
        scores = {name: results.read(name, SearchUnit).score for name in work}
        return _write(asked, place, found, scores, listener)


def _kept(
    asked: StabilitySettings, searched: Sequence[Structure], data: DataSplits
) -> list[frozenset[Edge]]:
    """The connections that pruning leaves of each search."""
    classes, clip = len(data.classes), data.clip
    return [
        prune_counted(one, asked.pruning, num_classes=classes, clip=clip).edges for one in searched
    ]


def _names(asked: StabilitySettings) -> Mapping[str, int]:
    """The seed of every search, by the name of its directory."""
    return {f"seed-{asked.seed + number}": asked.seed + number for number in range(asked.searches)}


def _unit(
    asked: StabilitySettings, name: str, structure: Structure, data: DataSplits, place: Path
) -> UnitWork:
    """One search, recorded as ``connsearch search`` would record it."""
    one = SearchSettings(
        structure=asked.structure,
        seed=_names(asked)[name],
        data_seed=asked.data_options().split.seed,
        streams=asked.streams,
        attention=asked.attention,
        data=asked.data,
        training=asked.training,
    )
    options = asked.training.with_values(seed=one.seed)
    config = {"command": "search", "settings": one.settings()}
    return unit(structure, data, options, place / name, config)


def _write(
    asked: StabilitySettings,
    place: Path,
    found: Found,
    scores: Mapping[str, float | None],
    listener: Listener,
) -> StabilityStudy:
    """Writes everything, the summary last."""
    consensus, path, pictures = write_agreement(found, place, listener, what="searches")
    report = StabilitySummary(
        command="stability",
        run=str(place),
        verdict=found.verdict,
        searches=asked.searches,
        scores=dict(scores),
        kept={name: len(kept) for name, kept in zip(scores, found.kept, strict=True)},
        criterion=", ".join(asked.pruning.budget) or asked.pruning.criterion,
        jaccard=EstimateRecord(**as_json(found.agreement)),
        chance=found.chance,
        p=found.p,
        consensus=[list(edge) for edge in sorted(consensus.edges)],
        repairs=[str(repair) for repair in consensus.repairs],
        rows=found.rows(),
        structure=str(path),
        pictures=[str(picture) for picture in pictures],
    )
    write_form(place / SUMMARY, report)
    return StabilityStudy(place, found, consensus, report)
