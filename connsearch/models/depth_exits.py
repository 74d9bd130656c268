"""The network of a structure with exits along its depth: it answers after levels of nodes.

As FrameExit (arXiv 2104.13400) and AdaFocusV2 (arXiv 2112.14238) stop after a frame, this stops
after a level: the largest of each feature so far is classified. The last answer is the network's
own, as if there were no exits.

Shape letters: B clips (A of them not finished), E exits, N neurons, C channels, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from connsearch.errors import SettingsError
from connsearch.models.count import macs_of_steps
from connsearch.models.document import ModelDocument
from connsearch.models.early_exit import Steps
from connsearch.models.gates import let_decide, temporal_gates
from connsearch.models.model import LossTerm, Model, ParameterGroups, Predictions
from connsearch.models.pixels import refuse_one_vector
from connsearch.models.settings import Width
from connsearch.models.structure import Network
from connsearch.nn.layers import dense
from connsearch.nn.layout import lay_out
from connsearch.nn.seeded import seeded

KIND = "exits"


class ExitSettings(BaseModel):
    """What a network with exits is made of.

    Attributes:
        structure: its model document, as JSON has it.
        levels: after which levels there is an exit; None: after all but the last with blocks.
        neurons: width of the layer whose largest features are classified.
        dropout: drop rate before the classifier of each exit but the last.
        gated: whether its temporal gates decide; None: as the structure says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    structure: Mapping[str, Any]
    levels: tuple[int, ...] | None = None
    neurons: Width = 256
    dropout: float = Field(default=0.2, strict=True, ge=0, lt=1)
    gated: bool | None = Field(default=None, strict=True)


class ExitLayer(nn.Module):
    """What is new at a level: the means of its nodes, each through a layer of its own, added up.

    Args:
        widths: C of each node, by its number.
        neurons: N.
    """

    def __init__(self, widths: Mapping[int, int], neurons: int) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({str(n): nn.Linear(c, neurons) for n, c in widths.items()})
        self.norm = nn.BatchNorm1d(neurons)

    def forward(self, means: Mapping[int, Tensor]) -> Tensor:
        """Maps the means ``(B, C)`` of the nodes to features ``(B, N)``."""
        parts = [layer(means[int(node)]) for node, layer in self.layers.items()]
        return self.norm(torch.stack(parts).sum(0)).relu()


class DepthExits(Model):
    """The network of a structure that may stop after a level of its nodes.

    At an exit every block that was computed since the exit before is looked at: its mean over time
    and space. In training all exits learn from the same labels, and count alike; the gradient
    reaches the network (``--rate network=0`` keeps it as it is).

    Args:
        settings: what it is made of.
        num_classes: K.
        name: for its model document.
        seed: seed of the first values; None takes torch's global generator as it stands.
        network: of the structure, with weights; None: a new one.
        memory_format: layout of clips.

    Attributes:
        network: of the structure, whole; the last exit is its answer.
        levels: after which there is an exit before it.
        exits: how many there are.

    Raises:
        SettingsError: there is no exit, or one after a level that has none.
    """

    least_clips = 2
    by_terms = True

    def __init__(
        self,
        settings: ExitSettings,
        num_classes: int,
        *,
        name: str,
        seed: int | None = None,
        network: Network | None = None,
        memory_format: torch.memory_format = torch.channels_last_3d,
    ) -> None:
        super().__init__()
        self.settings, self.num_classes, self.name = settings, num_classes, name
        document = ModelDocument.read(settings.structure, where="structure")
        if document.structure is None:
            raise SettingsError(f"{name}: its settings hold no structure, but {document.kind}")
        with seeded(seed):
            self.network = network or Network(document.structure, num_classes)
            self.levels = self._chosen(settings.levels)
            self._ends = [self._end(level) for level in self.levels]
            self.exits = len(self.levels) + 1
            self.layers, self.heads = nn.ModuleList(), nn.ModuleList()
            begin, plans = 0, self.network.plan.nodes
            for end in self._ends:
                widths = {n: plans[n].width for n in self._blocks(begin, end)}
                self.layers.append(ExitLayer(widths, settings.neurons))
                self.heads.append(dense(settings.neurons, num_classes))
                begin = end
            self.dropout = nn.Dropout(settings.dropout)
        self.modalities = self.network.modalities
        self.classifier = ("heads", *(f"network.{part}" for part in self.network.classifier))
        if settings.gated is not None:
            let_decide(self, gated=settings.gated)
        self.decides_by_default = bool(temporal_gates(self)) and self.network.decides_by_default
        self.memory_format = memory_format
        lay_out(self, memory_format)

    @classmethod
    def around(
        cls,
        network: Network,
        *,
        levels: Sequence[int] | None,
        neurons: int | None,
        seed: int,
    ) -> DepthExits:
        """Returns a network with exits; its own weights stay.

        Args:
            network: any.
            levels: after which there are exits; None: after all but the last.
            neurons: of each exit; None: as usual.
            seed: of the first values of the exits.

        Raises:
            SettingsError: there is no exit, or one after a level that has none.
        """
        document = network.describe()
        chosen = None if levels is None else tuple(levels)
        settings = ExitSettings(structure=document.to_json(), levels=chosen)
        if neurons is not None:
            settings = settings.model_copy(update={"neurons": neurons})
        return cls(
            settings,
            network.num_classes,
            name=document.name,
            seed=seed,
            network=network,
            memory_format=network.memory_format,
        )

    def forward(self, streams: Mapping[str, Tensor]) -> Predictions:
        """Maps clips to the answers at all exits; the last is the network's own.

        Args:
            streams: as the network of the structure takes them.

        Raises:
            DataError: as the network of the structure does; or, in training, there is one clip.
        """
        if self.training:
            refuse_one_vector(len(next(iter(streams.values()), ())), f"{self.name}: one clip")
        way, largest_BN, answers = self.network.begin(streams), None, list[Tensor]()
        for number in range(len(self.levels)):
            largest_BN = self._largest(way.advance(*self._until(number)), number, largest_BN)
            answers.append(self.heads[number](self.dropout(largest_BN)))
        way.advance(len(self.network.nodes))
        answers.append(self.network.classified(self.network.kept_finals(way.features)))
        exact = torch.promote_types(answers[-1].dtype, torch.float32)
        answers_BEK = torch.stack([answer.to(exact) for answer in answers], 1)
        terms = [
            LossTerm(f"exit {number}", answers_BEK[:, number - 1 : number], 1 / self.exits)
            for number in range(1, self.exits + 1)
        ]
        kept = tuple(terms) if self.training else ()
        return Predictions(answers_BEK[:, -1], per_step=answers_BEK, terms=kept)

    def steps(self, streams: Mapping[str, Tensor]) -> Steps:
        """Yields the answers ``(A, K)`` at every exit; see ``models.early_exit``."""
        way, largest_AN = self.network.begin(streams), None
        for number in range(len(self.levels)):
            largest_AN = self._largest(way.advance(*self._until(number)), number, largest_AN)
            goes_on_A = yield self.heads[number](self.dropout(largest_AN))
            if not goes_on_A.all():
                largest_AN = largest_AN[goes_on_A]
                way.keep(goes_on_A)
        way.advance(len(self.network.nodes))
        yield self.network.classified(self.network.kept_finals(way.features))

    def exit_costs(
        self, shapes: Mapping[str, Sequence[int]], *, training_heads: bool = False
    ) -> tuple[int, ...]:
        """Returns multiply-accumulates of one clip until each exit; see ``models.early_exit``.

        All heads are needed: a training has no other ones.
        """
        return macs_of_steps(self, shapes)

    def empty_clip(self, clip: tuple[int, int, int]) -> dict[str, Tensor]:
        """Returns a clip of (T, H, W) of every stream that it reads, on the meta device."""
        settings = self.network.structure.network
        widths = {str(m): settings.stream_width(m) for m in self.network.structure.modalities()}
        return {n: torch.empty(1, c, *clip, device="meta") for n, c in widths.items()}

    def describe(self) -> ModelDocument:
        """Returns what it is built from; the reader of its kind builds it again."""
        settings = {"classes": self.num_classes, **self.settings.model_dump(mode="json")}
        settings["levels"] = list(self.levels)
        return ModelDocument(KIND, self.name, settings)

    def parameter_groups(self) -> ParameterGroups:
        """Returns what decides in the network (free connections, peers) apart from all others."""
        logits = self.network.parameter_groups().logits
        own = set(logits)
        return ParameterGroups(
            [p for p in self.parameters() if p not in own and p.requires_grad], logits
        )

    def gate_name(self, path: str) -> str:
        """Returns the node or the connection that a temporal gate of the network belongs to."""
        return self.network.gate_name(path.removeprefix("network."))

    def _largest(
        self, means: Mapping[int, Tensor], number: int, before_BN: Tensor | None
    ) -> Tensor:
        found_BN = self.layers[number](means)
        return found_BN if before_BN is None else torch.maximum(before_BN, found_BN)

    def _until(self, number: int) -> tuple[int, list[int]]:
        """Where an exit is, and the blocks that were computed since the exit before."""
        begin = self._ends[number - 1] if number else 0
        return self._ends[number], self._blocks(begin, self._ends[number])

    def _blocks(self, begin: int, end: int) -> list[int]:
        return [n for n, _ in self.network.structure.blocks() if begin <= n < end]

    def _end(self, level: int) -> int:
        """One more than the last node of the levels up to this one, in the order of computing."""
        return 1 + max(n for n, b in self.network.structure.blocks() if b.level <= level)

    def _chosen(self, asked: Sequence[int] | None) -> tuple[int, ...]:
        """The levels after which there is an exit.

        Raises:
            SettingsError: there is none, or one after a level that has no block or is the last.
        """
        there = sorted({block.level for _, block in self.network.structure.blocks()})
        if not there[:-1]:
            raise SettingsError(
                f"exits: {self.name} has one level of blocks, and nothing to stop before\n"
                "  cure: a structure with more levels"
            )
        found = there[:-1] if asked is None else sorted(set(asked))
        wrong = [level for level in found if level not in there[:-1]]
        if wrong or not found:
            raise SettingsError(
                f"exits: read {' '.join(map(str, wrong)) or 'no level'}\n"
                f"  allowed: levels of {self.name} before its last: "
                f"{' '.join(map(str, there[:-1]))}, such as --exits {there[0]}"
            )
        return tuple(found)
