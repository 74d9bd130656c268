"""``connsearch prune``: weights to a smaller network, checked to compute the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from connsearch.analysis.score_options import ScoreOptions
from connsearch.cli.budget import measure_on, refuse_beside_curve, say_reached
from connsearch.cli.command import Command, Flag
from connsearch.cli.outcome import draw, say_pictures, show_metrics
from connsearch.cli.scoring import prune_scored
from connsearch.cli.target import (
    Trained,
    is_trained,
    open_structure,
    open_trained,
    recorded_facts,
    recorded_loss,
    recorded_settings,
)
from connsearch.cli.terminal import Terminal
from connsearch.cli.work import RUNS, open_data_of
from connsearch.errors import Failure, SettingsError
from connsearch.files.paths import check_path
from connsearch.files.places import check_place, filling
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.options import PruneOptions
from connsearch.runs.documents import write_form
from connsearch.runs.formats.config import Facts, Settings
from connsearch.runs.formats.prune import (
    BeforeAfter,
    ExactnessRecord,
    PruneRecord,
    PruningSettings,
)
from connsearch.runs.names import PRUNE_RECORD, PRUNED, PRUNED_WEIGHTS, STRUCTURE

if TYPE_CHECKING:
    from connsearch.models.exactness import Exactness
    from connsearch.models.structure import Network
    from connsearch.pruning.pruner import Pruned
    from connsearch.pruning.solve import Solved
    from connsearch.runs.formats.metrics import Metrics

_OF_THE_RECORD = frozenset({"pruning", "recalibrated", "settings", "facts"})
"""What stands in ``prune.json`` and not in the command's JSON object."""


class Prune(Command):
    """Cuts a searched network down to the connections that matter.

    Weights are inherited, branches that lead nowhere go. In mode pinned the result is compared with
    the original in which the same connections are multiplied by zero: the outputs must be equal
    bit for bit, and the difference is printed.

    Interrupted or killed, the same line completes what it has left.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search or a training, or the name or file of a structure, which is pruned
    by its stored weights, without a network."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Directory of the pruned network; by default RUN/pruned, followed by the settings that are not
    the default ones."""
    recalibrate: int = Field(default=0, ge=0, le=10**6)
    """Compute the batch-norm statistics of the pruned network from this many training clips; 0
    keeps those of the original."""
    curve: Annotated[bool, Flag(switch=True)] = False
    """Do not write a pruned network; show accuracy over MACs and over measured latency, from the
    whole searched network to its strongest path, like connsearch curve."""
    points: Annotated[int, Field(ge=2, le=1000)] = 12
    """Number of networks on the curve."""
    pruning: PruneOptions = PruneOptions()
    scoring: ScoreOptions = ScoreOptions()

    @model_validator(mode="after")
    def _curve_alone(self) -> Prune:
        refuse_beside_curve(self.curve, self.recalibrate, self.points, self.pruning)
        return self

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Prunes, checks, writes, draws; returns what was done."""
        if self.curve:
            return self._drawn_curve(terminal)
        trained = open_trained(self.run) if is_trained(self.run) else None
        if trained is None and self.recalibrate:
            raise SettingsError(
                "--recalibrate needs a trained network; give the directory of a run"
            )
        structure = trained.structure if trained else open_structure(self.run)
        place = self._place(structure)
        check_path(place, below=64, utf8=True)
        pruned, noted = self._pruned(structure, trained, terminal)
        exact, child = self._checked(structure, pruned, trained)
        metrics = self._recalibrated(child, terminal) if self.recalibrate else {}
        self._refuse_another(place, pruned)
        with filling(place, self._line(), done=PRUNE_RECORD):
            self._refuse_another(place, pruned)  # somebody may have been quicker
            pictures = self._write(place, structure, pruned, child if trained else None, terminal)
            record = self._recorded(structure, pruned, exact, metrics, trained)
            record = record.model_copy(update=noted)
            self._show(terminal, place, pruned, exact, record)
            show_metrics(metrics, terminal)
            write_form(place / PRUNE_RECORD, record)  # it makes the directory a pruned network
        say_pictures(pictures, terminal)
        scratch = "" if trained else " --from-scratch"
        terminal.say(f"next: connsearch train {place}{scratch}")
        told = {k: v for k, v in record.to_json().items() if k not in _OF_THE_RECORD}
        return {**told, "output": str(place), "pictures": [str(path) for path in pictures]}

    def _drawn_curve(self, terminal: Terminal) -> Mapping[str, Any]:
        from connsearch.cli.commands.curve import Curve

        options = self.pruning
        found = Curve(
            run=self.run,
            output=self.output,
            points=self.points,
            mode=options.mode,
            peers=options.peers,
            json_line=self.json_line,
        )
        return found.execute(terminal)

    def _pruned(
        self, structure: Structure, trained: Trained | None, terminal: Terminal
    ) -> tuple[Pruned, dict[str, Any]]:
        """The pruning by criterion or budget, and what is reported about its scores and budget."""
        from connsearch.pruning.pruner import prune_by
        from connsearch.pruning.solve import within_budget

        classes, clip = trained.num_classes if trained else 10, self._clip()
        solved: list[Solved] = []

        def by(scores: Mapping[Edge, float] | None, measured: str) -> Pruned:
            if not self.pruning.budget:
                return prune_by(structure, self.pruning, scores=scores, measured=measured)
            measure = measure_on(self.run, classes, clip, terminal)
            solved.append(
                within_budget(
                    structure,
                    self.pruning,
                    num_classes=classes,
                    clip=clip,
                    scores=scores,
                    measure=measure,
                )
            )
            return solved[-1].pruned

        scored = prune_scored(self.run, structure, self.pruning, self.scoring, by, terminal)
        pruned, scores = scored
        noted: dict[str, Any] = {} if scores is None else {"scores": scores}
        return pruned, {**noted, "budget": say_reached(solved[-1], terminal) if solved else {}}

    def _place(self, structure: Structure) -> Path:
        """The output directory; one that holds something else is refused."""
        if self.output is not None:
            place = self.output
        else:
            changed = self.pruning.changed()
            if self.scoring.scores != "weight":
                changed = {"scores": self.scoring.slug, **changed}
            if self.recalibrate:
                changed["recalibrated"] = str(self.recalibrate)
            slug = "-".join([PRUNED, *changed.values()])
            home = Path(self.run) if is_trained(self.run) else RUNS / f"prune-{structure.name}"
            place = home / slug
        check_place(place, self._line(), done=PRUNE_RECORD)
        return place

    def _line(self) -> dict[str, Any]:
        """Everything that decides what is written, as JSON values."""
        return {
            "command": "prune",
            "run": str(Path(self.run)),
            "recalibrate": self.recalibrate,
            "pruning": self.pruning.model_dump(mode="json"),
            "scoring": self.scoring.model_dump(mode="json"),
        }

    def _refuse_another(self, place: Path, pruned: Pruned) -> None:
        """Refuses to write over another pruned network, which may have been trained since.

        Raises:
            SettingsError: there is one with other nodes, connections or shapes.
        """
        from connsearch.graph.files import read_structure

        if not (place / PRUNE_RECORD).exists():
            return
        if read_structure(place / STRUCTURE) != pruned.structure:
            raise SettingsError(
                f"{place}: holds another pruned network, and perhaps its training\n"
                "  cure: --output another directory, or delete this one"
            )

    def _checked(
        self, structure: Structure, pruned: Pruned, trained: Trained | None
    ) -> tuple[Exactness, Network]:
        """The comparison with the masked original, and the pruned network.

        Raises:
            Failure: a network that was pruned with its shapes pinned must be equal.
        """
        from connsearch.models.exactness import exactness
        from connsearch.models.inherit import inherit
        from connsearch.models.structure import Network

        classes = trained.num_classes if trained else 10
        parent = trained.network() if trained else Network(structure, classes, seed=0)
        child = Network(pruned.structure, classes, seed=0)
        inherit(child, parent, pruned)
        exact = exactness(parent, child, pruned, clip=self._clip())
        if not exact.equal and self.pruning.mode == "pinned":
            raise Failure(
                f"{structure.name}: the pruned network is not the masked original: {exact}\n"
                "  nothing was written; this is a fault of connsearch or of the processor's maths"
            )
        return exact, child

    def _clip(self) -> tuple[int, int, int]:
        """The size of the clips the network was found with."""
        clips = recorded_settings(self.run).get("data", {}).get("clips", {})
        size = clips.get("size", 32)
        return clips.get("frames", 8), size, size

    def _recalibrated(self, child: Network, terminal: Terminal) -> Mapping[str, Metrics]:
        """Sets the batch-norm statistics on the run's own data; how good it is without training."""
        from connsearch.data.loading.loader import SplitLoaders
        from connsearch.training.evaluate import evaluate, recalibrate_on

        settings = recorded_settings(self.run)
        data = open_data_of(self.run, terminal)
        seed = settings.get("seed", 0)
        with SplitLoaders(data.parts()) as loaders:
            recalibrate_on(child, loaders["train"], clips=self.recalibrate, seed=seed)
            if not len(data.val):
                return {}
            loss, clips = recorded_loss(self.run), loaders["val"]
            return {"val": evaluate(child, clips, classes=data.classes, loss=loss, all_views=True)}

    def _write(
        self,
        place: Path,
        structure: Structure,
        pruned: Pruned,
        child: Network | None,
        terminal: Terminal,
    ) -> list[Path]:
        """Writes structure and weights, draws before and after; returns the pictures."""
        from connsearch.graph.files import write_structure

        write_structure(pruned.structure, place / STRUCTURE)
        if child is not None:
            from connsearch.models.document import ModelDocument
            from connsearch.runs.files import write_weights

            write_weights(
                place / PRUNED_WEIGHTS, child.state_dict(), ModelDocument.of(pruned.structure)
            )
        pictures: list[Path] = []
        for name, drawn in (("before", structure), ("after", pruned.structure)):
            for suffix in ("svg", "png"):
                pictures += draw(drawn, place / f"{name}.{suffix}", terminal)
        return pictures

    def _recorded(
        self,
        structure: Structure,
        pruned: Pruned,
        exact: Exactness,
        metrics: Mapping[str, Metrics],
        trained: Trained | None,
    ) -> PruneRecord:
        """What was done, without the scores and budgets it was done by."""
        from connsearch.graph.cost import cost

        classes = trained.num_classes if trained else 10
        both = (structure, pruned.structure)
        costs = [cost(one, num_classes=classes, clip=exact.clip) for one in both]
        return PruneRecord(
            command="prune",
            run=self.run,
            nodes=_counts(len(one) for one in both),
            connections=_counts(len(one.edges()) for one in both),
            parameters=_counts(one.parameters for one in costs),
            macs=_counts(one.macs for one in costs),
            clip=list(exact.clip),
            exactness=ExactnessRecord.model_validate({**asdict(exact), "clip": list(exact.clip)}),
            removed=[list(edge) for edge in pruned.removed],
            dead=list(pruned.dead),
            repairs=[str(repair) for repair in pruned.repairs],
            substitutes=[str(substitute) for substitute in pruned.substitutes],
            changes=[str(change) for change in pruned.changes],
            metrics=dict(metrics),
            pruning=PruningSettings.model_validate(self.pruning.model_dump(mode="json")),
            recalibrated=self.recalibrate,
            settings=Settings.model_validate(recorded_settings(self.run)),
            facts=Facts.model_validate(recorded_facts(self.run)),
        )

    def _show(
        self,
        terminal: Terminal,
        place: Path,
        pruned: Pruned,
        exact: Exactness,
        record: PruneRecord,
    ) -> None:
        from connsearch.view.structures.tables import prune_table

        terminal.show(prune_table(pruned))
        for what in ("nodes", "connections", "parameters", "macs"):
            count: BeforeAfter = getattr(record, what)
            terminal.say(f"{what}: {count.before:,} -> {count.after:,}")
        terminal.say(f"pruned network against the masked original: {exact}")
        if not is_trained(self.run):
            terminal.say("  (with random filters: a structure has no trained ones)")
        terminal.say(f"pruned: {place}")


def _counts(both: Iterable[int]) -> BeforeAfter:
    before, after = both
    return BeforeAfter(before=before, after=after)
