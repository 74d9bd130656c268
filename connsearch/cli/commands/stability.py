"""``connsearch stability``: would another seed have found the same connections?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from connsearch.cli.analyses import refuse_strange
from connsearch.cli.command import Flag
from connsearch.cli.commands.search import Search
from connsearch.cli.outcome import draw, say_pictures
from connsearch.cli.target import open_structure
from connsearch.cli.terminal import Terminal
from connsearch.cli.work import RUNS, Work, begun_with, open_data, suit
from connsearch.oneshot.options import SearchOptions
from connsearch.pruning.options import PruneOptions
from connsearch.runs.documents import write_form
from connsearch.runs.formats.ledger import SearchUnit
from connsearch.runs.formats.studies import EstimateRecord, StabilitySummary
from connsearch.runs.formats.tables import StabilityRow
from connsearch.runs.ledger import Ledger
from connsearch.runs.logs import write_table
from connsearch.runs.names import CONSENSUS, STABILITY, SUMMARY, table

if TYPE_CHECKING:
    from connsearch.analysis.stability import Found
    from connsearch.analysis.units import UnitWork
    from connsearch.pruning.pruner import Pruned

MOST_SHOWN = 20
"""Connections in the table on the terminal; the CSV has all."""


class Stability(Work):
    """Searches several times with different seeds, and says how far the results agree.

    All searches see the same data. Each has a run directory of its own, which the other commands
    can work on. What at least half of them keep is the consensus.

    Interrupted or killed, the same line goes on where it was; a larger --searches adds to what is
    there, and another --criterion looks at the same searches anew.
    """

    NAMED: ClassVar[tuple[str, ...]] = ("structure",)

    BASIC: ClassVar[frozenset[str]] = frozenset(
        """
        run config seed searches streams attention json_line source frames stride fps size augment
        batch_size workers val_share epochs lr method temperature criterion budget device threads
        """.split()
    )

    structure: Annotated[str, Flag(positional=True)] = "starter"
    """The name of a structure (see `connsearch inspect`), a structure file, or an earlier run."""
    searches: int = Field(default=4, ge=2, le=1000)
    """Number of searches, with the seeds --seed, --seed + 1 and so on."""
    training: SearchOptions = SearchOptions()
    pruning: PruneOptions = PruneOptions()

    def settings(self) -> dict[str, Any]:
        """Returns everything that decides a search, as JSON values."""
        values = super().settings()
        return {k: v for k, v in values.items() if k not in ("searches", "pruning")}

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Searches, or goes on, and returns frequencies, agreement and consensus."""
        from connsearch.analysis.stability import agree, learned
        from connsearch.analysis.units import work_through

        structure = open_structure(self.structure)
        place = self.directory(RUNS / f"stability-{Path(self.structure).stem}")
        refuse_strange(place)
        terminal.say(f"run: {place}")
        data = open_data(self.data_options(), terminal)
        structure = suit(structure, data, self)
        settings = {"command": "stability", "settings": self.settings()}

        def begin(fingerprint: str) -> Ledger:
            return Ledger(place, {**settings, "data": fingerprint})

        with begun_with(data, begin, terminal) as ledger:
            work = {name: self._unit(name, structure, data, place) for name in self._names()}
            results = terminal.work_through(work_through(ledger, work), "searches")
            found = agree([learned(place / name) for name in work], self.pruning, seed=self.seed)
            scores = {name: results.read(name, SearchUnit).score for name in work}
            return self._write(place, found, scores, terminal)

    def _names(self) -> Mapping[str, int]:
        """The seed of every search, by the name of its directory."""
        return {f"seed-{self.seed + number}": self.seed + number for number in range(self.searches)}

    def _unit(self, name: str, structure: Any, data: Any, place: Path) -> UnitWork:
        """One search, recorded as ``connsearch search`` would record it."""
        from connsearch.analysis.stability import unit

        one = Search(
            structure=self.structure,
            seed=self._names()[name],
            data_seed=self.data_options().split.seed,
            streams=self.streams,
            attention=self.attention,
            data=self.data,
            training=self.training,
        )
        options = self.training.with_values(seed=one.seed)
        config = {"command": "search", "settings": one.settings()}
        return unit(structure, data, options, place / name, config)

    def _write(
        self, place: Path, found: Found, scores: Mapping[str, float | None], terminal: Terminal
    ) -> Mapping[str, Any]:
        """Shows and writes everything, the summary last; returns the whole report."""
        from connsearch.analysis.statistics import as_json
        from connsearch.graph.files import write_structure

        consensus, rows = found.consensus(), found.rows()
        write_table(place / table(STABILITY), StabilityRow, rows)
        write_structure(consensus.structure, place / CONSENSUS)
        title = f"{found.space.name}: share of {self.searches} searches that keep a connection"
        pictures = [
            picture
            for suffix in ("svg", "png")
            for picture in draw(
                found.frequencies(), place / f"{STABILITY}.{suffix}", terminal, title=title
            )
        ]
        _show(place, found, consensus, terminal)
        say_pictures(pictures, terminal)
        report = StabilitySummary(
            command="stability",
            run=str(place),
            verdict=found.verdict,
            searches=self.searches,
            scores=dict(scores),
            kept={name: len(kept) for name, kept in zip(scores, found.kept, strict=True)},
            criterion=self.pruning.criterion,
            jaccard=EstimateRecord(**as_json(found.agreement)),
            chance=found.chance,
            p=found.p,
            consensus=[list(edge) for edge in sorted(consensus.edges)],
            repairs=[str(repair) for repair in consensus.repairs],
            rows=rows,
            structure=str(place / CONSENSUS),
            pictures=[str(path) for path in pictures],
        )
        write_form(place / SUMMARY, report)
        return report.to_json()


def _show(place: Path, found: Found, consensus: Pruned, terminal: Terminal) -> None:
    """Says which connections are kept most often, and what most searches agree on."""
    from connsearch.view.structures.tables import metrics_table

    ranked = sorted(found.rows(), key=lambda row: (-row.frequency, -row.weight))
    shown = [row.to_json() for row in ranked[:MOST_SHOWN]]
    title = f"the {len(shown)} connections kept most often, of {len(ranked)}"
    terminal.show(metrics_table(shown, title=title))
    terminal.say(
        f"consensus: {place / CONSENSUS} ({len(consensus.structure)} nodes, "
        f"{len(consensus.edges)} connections that at least half of the searches keep)"
    )
    for repair in consensus.repairs:
        terminal.warn(f"the consensus alone reaches no output: {repair}")
    terminal.say(found.verdict)
