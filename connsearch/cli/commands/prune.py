"""``connsearch prune``: weights to a smaller network, checked to compute the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    PRUNED_RECORD,
    PRUNED_STRUCTURE,
    PRUNED_WEIGHTS,
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
from connsearch.files.places import check_place, filling
from connsearch.graph.spec import Edge, Structure
from connsearch.pruning.options import PruneOptions

if TYPE_CHECKING:
    from connsearch.models.exactness import Exactness
    from connsearch.models.structure import Network
    from connsearch.pruning.pruner import Pruned
    from connsearch.pruning.solve import Solved
    from connsearch.runs.metrics import Metrics


class Prune(Command):
    """Cuts a searched network down to the connections that matter.

    Weights are inherited, branches that lead nowhere go. In mode pinned the result is compared with
    the original in which the same connections are multiplied by zero: the outputs must be equal
    bit for bit, and the difference is printed.

    Interrupted or killed, the same line completes what it has left.
    """

    run: Annotated[str, Flag(positional=True)]
    """The directory of a search or a training; a structure's name or file is pruned by its stored
    weights, without a network."""
    output: Annotated[Path | None, Flag(short="-o", metavar="DIR")] = None
    """Where the pruned network goes; by default pruned in the run, and after it what is not
    default."""
    recalibrate: int = Field(default=0, ge=0, le=10**6)
    """Training clips to set the batch-norm statistics of the pruned network from; 0 keeps those of
    the original."""
    curve: Annotated[bool, Flag(switch=True)] = False
    """Write no pruned network; show what accuracy costs over the whole range, from the searched
    network to its strongest path: over MACs and over measured latency, as connsearch curve does."""
    points: Annotated[int, Field(ge=2, le=1000)] = 12
    """Networks on the curve."""
    pruning: PruneOptions = PruneOptions()
    scoring: ScoreOptions = ScoreOptions()

    @model_validator(mode="after")
    def _curve_alone(self) -> Prune:
        refuse_beside_curve(self.curve, self.recalibrate, self.points, self.pruning)
        return self

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Prunes, checks, writes, draws; returns what was done."""
        from connsearch.files.paths import check_path

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
        with filling(place, self._line(), done=PRUNED_RECORD):
            self._refuse_another(place, pruned)  # somebody may have been quicker
            pictures = self._write(place, structure, pruned, child if trained else None, terminal)
            report = self._report(structure, pruned, exact, metrics, trained) | noted
            self._show(terminal, place, pruned, exact, report)
            show_metrics(metrics, terminal)
            self._record(place, report)
        say_pictures(pictures, terminal)
        scratch = "" if trained else " --from-scratch"
        terminal.say(f"next: connsearch train {place}{scratch}")
        return {**report, "output": str(place), "pictures": [str(path) for path in pictures]}

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
        pruned, noted = scored
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
            slug = "-".join(["pruned", *changed.values()])
            home = Path(self.run) if is_trained(self.run) else RUNS / f"prune-{structure.name}"
            place = home / slug
        check_place(place, self._line(), done=PRUNED_RECORD)
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

        if not (place / PRUNED_RECORD).exists():
            return
        if read_structure(place / PRUNED_STRUCTURE) != pruned.structure:
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
        data = recorded_settings(self.run).get("data", {})
        size = data.get("size", 32)
        return data.get("frames", 8), size, size

    def _recalibrated(self, child: Network, terminal: Terminal) -> Mapping[str, Metrics]:
        """Sets the batch-norm statistics on the run's own data; how good it is without training."""
        from connsearch.data.loading.loader import SplitLoaders
        from connsearch.training.evaluate import evaluate, recalibrate_on

        settings = recorded_settings(self.run)
        data = open_data_of(self.run, terminal)
        seed = settings.get("seed", 0)
        with SplitLoaders(data.parts()) as loaders:
            recalibrate_on(child, loaders["train"], clips=self.recalibrate, seed=seed)
            if not len(data.select):
                return {}
            loss, clips = recorded_loss(self.run), loaders["select"]
            return {
                "select": evaluate(child, clips, classes=data.classes, loss=loss, all_views=True)
            }

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

        write_structure(pruned.structure, place / PRUNED_STRUCTURE)
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

    def _report(
        self,
        structure: Structure,
        pruned: Pruned,
        exact: Exactness,
        metrics: Mapping[str, Metrics],
        trained: Trained | None,
    ) -> dict[str, Any]:
        from connsearch.graph.cost import cost

        classes = trained.num_classes if trained else 10
        both = {"before": structure, "after": pruned.structure}
        costs = {k: cost(s, num_classes=classes, clip=exact.clip) for k, s in both.items()}
        return {
            "command": "prune",
            "run": self.run,
            "nodes": {k: len(s) for k, s in both.items()},
            "connections": {k: len(s.edges()) for k, s in both.items()},
            "parameters": {k: c.parameters for k, c in costs.items()},
            "macs": {k: c.macs for k, c in costs.items()},
            "clip": list(exact.clip),
            "exactness": asdict(exact),
            "removed": [list(edge) for edge in pruned.removed],
            "dead": list(pruned.dead),
            "repairs": [str(repair) for repair in pruned.repairs],
            "substitutes": [str(substitute) for substitute in pruned.substitutes],
            "changes": [str(change) for change in pruned.changes],
            "metrics": {name: found.to_json() for name, found in metrics.items()},
        }

    def _show(
        self,
        terminal: Terminal,
        place: Path,
        pruned: Pruned,
        exact: Exactness,
        report: Mapping[str, Any],
    ) -> None:
        from connsearch.view.structures.tables import prune_table

        terminal.show(prune_table(pruned))
        for what in ("nodes", "connections", "parameters", "macs"):
            before, after = report[what]["before"], report[what]["after"]
            terminal.say(f"{what}: {before:,} -> {after:,}")
        terminal.say(f"pruned network against the masked original: {exact}")
        if not is_trained(self.run):
            terminal.say("  (with random filters: a structure has no trained ones)")
        terminal.say(f"pruned: {place}")

    def _record(self, place: Path, report: Mapping[str, Any]) -> None:
        """Writes what was done, last: the directory is a pruned network once this file is there."""
        from connsearch.graph.files import atomic_write_text

        settings = dict(recorded_settings(self.run))
        record = {
            **report,
            "pruning": self.pruning.model_dump(),
            "recalibrated": self.recalibrate,
            "settings": settings,
            "facts": recorded_facts(self.run),
        }
        atomic_write_text(place / PRUNED_RECORD, json.dumps(record, indent=2) + "\n")
