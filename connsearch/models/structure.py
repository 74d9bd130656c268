"""A structure as a trainable network. A supernet is no other class: it is one with free weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from connsearch.graph.gates import connection_gate_name, module_gate_name, post_gate_name
from connsearch.graph.plan import BlockPlan, StemPlan, plan
from connsearch.graph.spec import Block, Edge, Peer, Structure
from connsearch.models.block_node import BlockNode
from connsearch.models.clip_needs import norm_strides, refuse_one_number
from connsearch.models.document import ModelDocument
from connsearch.models.features import Features
from connsearch.models.gates import decides
from connsearch.models.model import Model, ParameterGroups
from connsearch.models.node_pass import NodePass
from connsearch.nn.attention import PeerAttention
from connsearch.nn.connection import ConnectionFusion
from connsearch.nn.head import Head
from connsearch.nn.layered import Layered
from connsearch.nn.layout import lay_out
from connsearch.nn.mask import Mask
from connsearch.nn.relaxation import PUBLISHED, Relaxation
from connsearch.nn.seeded import seeded
from connsearch.nn.streams import ready_streams


class Network(Model):
    """The network of a structure.

    Args:
        structure: a valid structure (``graph.rules.validate``).
        num_classes: number of logits.
        learn_connections: whether stored connection weights learn (a search) or stay as
            coefficients (training a found structure). Free weights learn either way, and a
            connection whose weight is None always has coefficient 1.
        seed: seed of the first values; None takes torch's global generator as it stands.
        memory_format: layout of features and kernels; channels last is several times faster on
            CPUs with bf16.

    Attributes:
        modalities: names of the streams it reads; ``flow`` is computed from ``rgb`` if absent.
        map_channels: channels that its classifier reads, those of :meth:`features`.
    """

    classifier = ("head.dense",)
    temporal = True

    def __init__(
        self,
        structure: Structure,
        num_classes: int,
        *,
        learn_connections: bool = False,
        seed: int | None = None,
        memory_format: torch.memory_format = torch.channels_last_3d,
    ) -> None:
        super().__init__()
        self.structure = structure
        self.num_classes = num_classes
        self.plan = plan(structure)
        self.memory_format = memory_format
        self.masked_finals: frozenset[int] | None = None
        self.relaxation = PUBLISHED
        self.modalities: tuple[str, ...] = structure.modalities()
        with seeded(seed):
            self._build(learn_connections)
        self.map_channels = self.feature_size = self.head.features
        self._last_use, self._norm_strides = self._find_last_uses(), norm_strides(self.plan)
        self._peers = {n for _, fusion in self._fusions() for n in _candidates(fusion)}
        lay_out(self, memory_format)

    def _build(self, learn: bool) -> None:
        settings = self.structure.network
        widths = {i: shape.width for i, shape in enumerate(self.plan.nodes)}
        self.nodes = nn.ModuleList()
        for node, shape in zip(self.structure.nodes, self.plan.nodes, strict=True):
            if isinstance(shape, StemPlan):
                self.nodes.append(Layered(shape.layers))
            else:
                assert isinstance(node, Block)
                self.nodes.append(
                    BlockNode(
                        node,
                        shape,
                        widths,
                        learn=learn,
                        attention=settings.attention,
                        normalise=settings.normalise_inputs,
                        gate_fusion=settings.gate_fusion,
                    )
                )
        self.head = Head(
            self.plan.pooled_width(),
            self.num_classes,
            pooling=settings.head,
            widths=settings.head_widths,
            dropout=settings.dropout,
        )

    def forward(self, streams: Mapping[str, Tensor]) -> Tensor:
        """Maps clips to logits ``(B, K)``.

        Args:
            streams: ``rgb`` ``(B, 3, T, H, W)``; ``object`` ``(B, C, T, H, W)`` where the structure
                has object stems; ``flow`` ``(B, 2, T, H, W)`` is computed from ``rgb`` if absent.

        Raises:
            DataError: a stream is missing, or has another shape than the structure or the other
                streams need; or, in training, a single clip is so small that a channel ends as one
                number, which no batch normalisation can normalise.
        """
        return self.classified(self._finals(streams))

    def features(self, streams: Mapping[str, Tensor]) -> Features:
        """Returns what it sees in clips of any number of frames; see ``models.features``.

        The map is that of the final nodes: each through the convolutions of the head, all brought
        to the finest of their sizes in time, height and width by means of the places that are
        covered (``nn.spread``), and averaged. The vector is its mean over h and w. Classified and
        averaged over time it gives :meth:`forward` where the head averages; where the head weighs
        frames, it does so too if all final nodes have the same stride in time.

        Args:
            streams: as :meth:`forward` takes them.

        Raises:
            DataError: as :meth:`forward` does.
        """
        map_BCthw = self.head.joined(list(self._finals(streams).values()))
        return Features(map_BCthw, map_BCthw.mean((3, 4)).transpose(1, 2))

    def _rates(self, finals: Mapping[int, Tensor]) -> list[int]:
        return [self.plan.nodes[index].temporal_stride for index in finals]

    def _finals(self, streams: Mapping[str, Tensor]) -> dict[int, Tensor]:
        """Features ``(B, C, T, H, W)`` of the final nodes, in the order the head adds them."""
        way = self.begin(streams)
        way.advance(len(self.nodes))
        return self.kept_finals(way.features)

    def begin(self, streams: Mapping[str, Tensor]) -> NodePass:
        """Returns clips before the first node; see :meth:`forward` for arguments and errors."""
        ready = ready_streams(streams, self.structure, self.memory_format)
        if self.training:
            refuse_one_number(self._norm_strides, next(iter(ready.values())).shape)
        nodes = list(self.nodes)
        return NodePass(nodes, self.plan, ready, last_use=self._last_use, peers=self._peers)

    def kept_finals(self, features: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Returns those of the final nodes that no mask takes away."""
        kept = self.masked_finals
        return {i: features[i] for i in self.plan.finals if kept is None or i in kept}

    def classified(self, finals: Mapping[int, Tensor]) -> Tensor:
        """Returns the logits ``(B, K)`` of the features of the final nodes."""
        return self.head(list(finals.values()), self._rates(finals))

    def describe(self) -> ModelDocument:
        """Returns the structure it is built from; see :meth:`learned_structure`."""
        return ModelDocument.of(self.structure)

    def gate_name(self, path: str) -> str:
        """Returns the node or the connection that a temporal gate belongs to.

        ``node 8``: it follows its modules; ``node 8 <- 3``: it is that of a connection; ``node 8,
        module 2``: it is in one of its modules, counted from 0, under the usual name ``gate``;
        another name stands behind that.
        """
        match path.split("."):
            case ["nodes", node, "post"]:
                return post_gate_name(int(node))
            case ["nodes", node, "fusion", "gates", source]:
                return connection_gate_name(Edge(int(source), int(node)))
            case ["nodes", node, "residual", module, *inside]:
                name = module_gate_name(int(node), int(module))
                return name if inside == ["gate"] else f"{name}, {'.'.join(inside)}"
            case _:
                return super().gate_name(path)

    def parameter_groups(self) -> ParameterGroups:
        """Returns connection and peer logits that learn apart from everything else that does."""
        logits = [*self.connection_parameters(), *self.peer_parameters()]
        own = {id(p) for p in logits}
        others = [p for p in self.parameters() if id(p) not in own and p.requires_grad]
        return ParameterGroups(others, logits)

    def connection_parameters(self) -> list[nn.Parameter]:
        """Returns the connection logits that learn, one vector a node."""
        return [f.logits for _, f in self._fusions() if f.logits is not None]

    def connection_chances(self) -> dict[tuple[int, int], Tensor]:
        """Returns the post-sigmoid weight of every connection that has one, with its gradient."""
        return {
            (source, target): weight
            for target, fusion in self._fusions()
            for source, weight in fusion.weights().items()
        }

    def peer_parameters(self) -> list[nn.Parameter]:
        """Returns the peer logits that learn, one ``(E, P)`` matrix a node."""
        return [a.logits for _, _, a in self._peer_attentions() if a.logits is not None]

    def connection_logits(self) -> dict[Edge, Tensor]:
        """Returns the logit of every connection that has a weight: 0-d, float32, detached."""
        found: dict[Edge, Tensor] = {}
        for target, fusion in self._fusions():
            if fusion.logits is not None:
                logits = fusion.logits.detach().unbind()
                found.update(
                    (Edge(s, target), logit)
                    for s, logit in zip(fusion.learned, logits, strict=True)
                )
            found.update(
                (Edge(s, target), torch.logit(c))
                for s, c in zip(fusion.fixed, fusion.coefficients.unbind(), strict=True)
            )
        return found

    def peer_logits(self) -> dict[Edge, Tensor]:
        """Returns the learned peer logits ``(P,)`` of every connection, detached."""
        return {
            Edge(source, target): row
            for target, _, attention in self._peer_attentions()
            if attention.logits is not None
            for source, row in zip(attention.sources, attention.logits.detach(), strict=True)
        }

    def learned_structure(self) -> Structure:
        """Returns the structure with what was learned by now.

        Weights (post-sigmoid), peer coefficients, and whether its temporal gates decide.
        """
        weights: dict[Edge, float | None] = {}
        peers: dict[Edge, tuple[Peer, ...]] = {}
        with torch.no_grad():
            for target, fusion in self._fusions():
                weights.update((Edge(s, target), float(w)) for s, w in fusion.weights().items())
            for target, _, attention in self._peer_attentions():
                if attention.logits is None:
                    continue
                rows = attention.coefficients().tolist()
                for source, row in zip(attention.sources, rows, strict=True):
                    pairs = zip(attention.candidates, row, strict=True)
                    peers[Edge(source, target)] = tuple(Peer(n, c) for n, c in pairs)
        learned = self.structure.with_weights(weights).with_peers(peers)
        return replace(learned, gates_decide=decides(self))

    def relax(self, relaxation: Relaxation) -> None:
        """Computes with relaxed connection weights and peer mixtures from now on."""
        if relaxation == PUBLISHED:
            relaxation = PUBLISHED  # the very one: what is compiled tells them apart by that
        self.relaxation = relaxation
        for _, fusion in self._fusions():
            fusion.relaxation = relaxation
        for _, _, attention in self._peer_attentions():
            attention.temperature = relaxation.temperature

    @torch.no_grad()
    def settle(self) -> None:
        """Writes the temperature into the logits: what was learned no longer depends on it."""
        for logits in (*self.connection_parameters(), *self.peer_parameters()):
            logits.div_(self.relaxation.temperature)
        self.relax(replace(self.relaxation, temperature=1.0))

    def mask(self, mask: Mask | None) -> None:
        """Multiplies everything outside ``mask`` by zero from now on; None lifts the mask."""
        self.masked_finals = None if mask is None else mask.finals
        kept: dict[int, set[int]] = {}
        peers: dict[int, dict[int, tuple[Peer, ...]]] = {}
        for source, target in mask.edges if mask is not None else ():
            kept.setdefault(target, set()).add(source)
        for (source, target), named in (mask.peers if mask is not None else {}).items():
            peers.setdefault(target, {})[source] = named
        ungated = frozenset[Edge]() if mask is None else mask.ungated
        opened = frozenset[Edge]() if mask is None else mask.opened
        for target, fusion in self._fusions():
            fusion.masked = None if mask is None else frozenset(kept.get(target, ()))
            fusion.opened = frozenset(e.source for e in opened if e.target == target)
            if isinstance(fusion.attention, PeerAttention):
                fusion.attention.masked = peers.get(target, {})
                fusion.attention.ungated = frozenset(
                    e.source for e in ungated if e.target == target
                )
                fusion.attention.silence(None if mask is None else mask.nodes)

    def _fusions(self) -> Iterator[tuple[int, ConnectionFusion]]:
        for index, node in enumerate(self.nodes):
            if isinstance(node, BlockNode):
                yield index, node.fusion

    def _peer_attentions(self) -> Iterator[tuple[int, ConnectionFusion, PeerAttention]]:
        for index, fusion in self._fusions():
            if isinstance(fusion.attention, PeerAttention):
                yield index, fusion, fusion.attention

    def _find_last_uses(self) -> dict[int, list[int]]:
        """Returns, per node, the features that are not read after it."""
        last: dict[int, int] = {i: i for i in range(len(self.nodes))}
        for index, shape in enumerate(self.plan.nodes):
            if isinstance(shape, BlockPlan):
                last.update(dict.fromkeys(shape.sources, index))
        uses: dict[int, list[int]] = {}
        for node, index in last.items():
            if node not in self.plan.finals:
                uses.setdefault(index, []).append(node)
        return uses


def _candidates(fusion: ConnectionFusion) -> tuple[int, ...]:
    return fusion.attention.candidates if isinstance(fusion.attention, PeerAttention) else ()
