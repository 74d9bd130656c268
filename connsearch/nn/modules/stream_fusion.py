"""Learnable connections between the streams of any network: a plain module on named features.

The arithmetic is that of the searched networks (``nn.connection``, ``nn.attention``); here stands
only what turns names and any number of axes into what they know.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError, UnknownNameError
from connsearch.graph.plan import Bucket
from connsearch.graph.spec import FREE, Attention, Connection
from connsearch.nn.attention import PeerAttention
from connsearch.nn.connection import ConnectionFusion
from connsearch.nn.modules.ranks import as_clip, as_rank, check_features, means_over, pool_frames
from connsearch.nn.modules.sizes import Size, check_rule, fused_size, survives
from connsearch.nn.modules.wiring import (
    check_given,
    check_names,
    check_widths,
    fusion_plan,
    peer_widths,
)
from connsearch.registry import suggest

_MODES = (Attention.NONE, Attention.PEER, Attention.SELF, Attention.STATIC)
_NUMBERED = re.compile(r"(?<=^fusion\.attention\.)(gates|project)\.(\d+)")


class StreamFusion(nn.Module):
    r"""Sums named streams, each scaled by a weight that learns and by an attention gate.

    .. math:: y = \sum_b W_b \sum_{i \in b} \sigma(w_i)\, a_i\, P(x_i)

    ``P`` max-pools to the fused size, buckets ``b`` hold streams of equal width, and ``W_b`` is one
    bias-free 1x1 convolution for each width that is not ``width`` (AssembleNet, section 3.1; the
    gates ``a``: AssembleNet++, section 3.2). There is no normalisation and no nonlinearity.

    Streams are vectors ``(B, C)``, audio ``(B, C, T)``, images ``(B, C, H, W)`` or video
    ``(B, C, T, H, W)``, all of one fusion the same. Gates are per frame where there is a time axis
    and per clip where there is none. For half precision use autocast: weights stay in float32.

    Args:
        widths: channels of every stream, by name, in the order in which they are added.
        width: channels of the result.
        attention: ``none``; ``static``, one learned vector a stream; ``self``, each stream gates
            itself; ``peer``, a learned mixture of ``peers`` gates each stream.
        peers: channels of what gates the streams, by name; any number of axes. None: the streams
            themselves. A name that is also a stream's means that stream.
        weights: post-sigmoid weights in [0, 1] to start from, by stream; others start undecided.
        learn: False keeps ``weights`` as they are; a stream without one has coefficient 1.
        size: of the result. None: the smallest of the streams along every axis; a name: that of
            this stream; numbers: one for every axis behind (B, C).
        attention_width: channels peers are projected to. None: those of the widest.

    Raises:
        SettingsError: no stream, a width below 1, or settings that contradict each other.
        UnknownNameError: an attention mode or a name that is not known.

    >>> import torch
    >>> fusion = StreamFusion({"rgb": 8, "flow": 4}, 8)
    >>> fusion({"rgb": torch.rand(2, 8, 3, 6, 6), "flow": torch.rand(2, 4, 3, 6, 6)}).shape
    torch.Size([2, 8, 3, 6, 6])
    >>> sorted(fusion.weights())
    ['flow', 'rgb']
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        width: int,
        *,
        attention: str = "none",
        peers: Mapping[str, int] | None = None,
        weights: Mapping[str, float] | None = None,
        learn: bool = True,
        size: Size = None,
        attention_width: int | None = None,
    ) -> None:
        super().__init__()
        mode = _mode(attention, peers)
        check_widths("stream", widths)
        check_widths("result", {"width": width})
        self.widths, self.width, self.attention, self.learn = dict(widths), width, mode, learn
        self.peers = peer_widths(widths, peers) if mode is Attention.PEER else {}
        self.size = check_rule(size, widths)
        self._started = _start(weights or {}, widths)
        self._number = {n: i for i, n in enumerate(dict.fromkeys([*widths, *self.peers]))}
        self._sizes: dict[str, tuple[int, ...]] = {}
        plan = fusion_plan(
            tuple(self._number[n] for n in widths),
            self._buckets(),
            width,
            candidates=tuple(self._number[n] for n in self.peers),
            attention_width=attention_width,
            widths={self._number[n]: w for n, w in {**self.peers, **widths}.items()},
        )
        self.attention_width = plan.attention_width
        self.fusion = ConnectionFusion(
            [self._connection(n) for n in widths],
            plan,
            {self._number[n]: w for n, w in {**self.peers, **widths}.items()},
            learn=learn,
            attention=mode,
        )

    def _connection(self, name: str) -> Connection:
        return Connection(self._number[name], self._started.get(name, FREE if self.learn else None))

    def _buckets(self) -> tuple[Bucket, ...]:
        """Streams by width, the widest first: an order that losing a stream does not change."""
        groups: dict[int, list[int]] = {}
        for name, width in self.widths.items():
            groups.setdefault(width, []).append(self._number[name])
        return tuple(
            Bucket(width, tuple(group), width != self.width)
            for width, group in sorted(groups.items(), reverse=True)
        )

    @property
    def logits(self) -> nn.Parameter | None:
        """The weights before the sigmoid ``(E,)``, in the streams' order; None: nothing learns."""
        return self.fusion.logits

    def weights(self) -> dict[str, Tensor]:
        """Returns the post-sigmoid weight of every stream, 0-d, float32; 1 where it has none."""
        known, one = self.fusion.weights(), self.fusion.coefficients.new_ones(())
        return {name: known.get(self._number[name], one) for name in self.widths}

    def coefficients(self) -> dict[str, dict[str, Tensor]]:
        """Returns how much of every peer gates each stream: 0-d, they add up to 1.

        Raises:
            SettingsError: nothing is gated by peers.
        """
        attention = self.fusion.attention
        if not isinstance(attention, PeerAttention):
            raise SettingsError(f"attention is {self.attention!r}: only 'peer' has coefficients")
        rows = zip(self.widths, attention.coefficients().unbind(), strict=True)
        return {name: dict(zip(self.peers, row.unbind(), strict=True)) for name, row in rows}

    def forward(
        self, streams: Mapping[str, Tensor], peers: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """Fuses E streams ``(B, C_i, ...)`` into one ``(B, C, ...)`` with the same axes.

        Args:
            streams: every declared stream, by name.
            peers: every declared peer that is not among the streams.

        Raises:
            UnknownNameError: a stream or a peer that is not declared.
            DataError: one is missing, or has another width or other axes than it should.
        """
        rank = self._check(streams)
        heard = self._heard(streams, peers or {})
        clips = {name: as_clip(x) for name, x in streams.items()}
        sizes = {name: tuple(x.shape[2:]) for name, x in clips.items()}
        if not torch.compiler.is_compiling():  # what is traced has symbols for sizes
            self._sizes = sizes
        frames, height, width = fused_size(self.size, sizes, rank)
        means = {self._number[n]: means_over(x, frames) for n, x in heard.items()}
        inputs = {self._number[n]: pool_frames(x, frames) for n, x in clips.items()}
        return as_rank(self.fusion(inputs, (frames, height, width), means), rank)

    def mask(self, names: Collection[str] | None, *, peers: Collection[str] | None = None) -> None:
        """Multiplies every stream outside ``names`` by zero from now on; None lifts the mask.

        Args:
            names: the streams that stay.
            peers: the peers that stay in the mixtures; None: all.

        Raises:
            UnknownNameError: a name that is not declared.
            SettingsError: no stream or no peer is left.
        """
        kept = None if names is None else self._kept(names, peers)
        self.fusion.masked = None if kept is None else frozenset(self._number[n] for n in kept[0])
        if isinstance(self.fusion.attention, PeerAttention):
            alive = None if kept is None else frozenset(self._number[n] for n in kept[1])
            self.fusion.attention.silence(alive)

    def keep(
        self,
        names: Collection[str],
        *,
        peers: Collection[str] | None = None,
        size: Size = None,
    ) -> StreamFusion:
        """Returns a smaller module of some streams; it computes what :meth:`mask` leaves.

        Bit for bit so, in evaluation, in float32 on one device. What was learned goes over; peers
        stay as they are and are still given to it, unless ``peers`` says which of them stay.

        Args:
            names: the streams that stay.
            peers: the peers that stay in the mixtures; None: all.
            size: rule of the smaller module; None: that of this one.

        Raises:
            UnknownNameError: a name that is not declared.
            SettingsError: nothing is left, or the size of the result came, or may have come, from
                a stream that is dropped.
        """
        streams, heard = self._kept(names, peers)
        if size is None:
            survives(self.size, self._sizes, kept=streams, all_streams=tuple(self.widths))
        child = StreamFusion(
            {n: self.widths[n] for n in streams},
            self.width,
            attention=self.attention,
            peers={n: self.peers[n] for n in heard} if heard else None,
            weights={n: w for n, w in self._started.items() if n in streams},
            learn=self.learn,
            size=self.size if size is None else size,
            attention_width=self.attention_width,
        )
        self._hand_down(child)
        return child.train(self.training)

    def _kept(
        self, names: Collection[str], peers: Collection[str] | None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The streams and the peers that stay, in the order they have here."""
        check_names("stream", names, self.widths)
        check_names("peer", peers or (), self.peers)
        streams = tuple(n for n in self.widths if n in names)
        heard = tuple(n for n in self.peers if peers is None or n in peers)
        if not streams or (self.peers and not heard):
            what = "stream" if not streams else "peer"
            raise SettingsError(f"no {what} is left; keep at least one of those declared")
        return streams, heard

    def _hand_down(self, child: StreamFusion) -> None:
        """Gives a smaller module its share of what was learned, as the very same numbers."""
        names = {number: name for name, number in child._number.items()}
        rows = [i for i, n in enumerate(self.widths) if n in child.widths]
        fixed = [i for i, n in enumerate(self._started) if n in child.widths]
        columns = [i for i, n in enumerate(self.peers) if n in child.peers]
        mine, theirs = self.state_dict(), dict[str, Tensor]()
        for name in child.state_dict():
            old = _NUMBERED.sub(lambda m: f"{m[1]}.{self._number[names[int(m[2])]]}", name)
            match name:
                case "fusion.logits":
                    theirs[name] = mine[old][rows]
                case "fusion.coefficients":
                    theirs[name] = mine[old][fixed] if not self.learn else mine[old].clone()
                case "fusion.attention.logits":
                    theirs[name] = mine[old][rows][:, columns]
                case _:
                    theirs[name] = mine[old].clone()
        child.load_state_dict(theirs, assign=True)  # with its place and precision

    def _check(self, streams: Mapping[str, Tensor]) -> int:
        """Refuses streams that do not fit; returns their number of axes."""
        check_given("stream", streams, tuple(self.widths))
        for name, width in self.widths.items():
            check_features(f"stream {name!r}", streams[name], width)
        shapes = {name: tuple(x.shape) for name, x in streams.items()}
        first, *others = shapes.values()
        # Sizes that are symbols (an export with an open batch) can be compared, not hashed.
        if any((len(shape), shape[0]) != (len(first), first[0]) for shape in others):
            listed = "; ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise DataError(
                f"all streams of a fusion must have the same axes and clips, got {listed}\n"
                "  cure: pool the axes that only some of them have; peers may have any"
            )
        return len(first)

    def _heard(
        self, streams: Mapping[str, Tensor], peers: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The tensors that gate: those given as peers, and streams that are peers."""
        check_given("peer", peers, [n for n in self.peers if n not in self.widths])
        clips = next(iter(streams.values())).shape[0]  # len() would settle it in an export
        for name, x in peers.items():
            check_features(f"peer {name!r}", x, self.peers[name], clips=clips)
        return {n: streams[n] if n in streams else peers[n] for n in self.peers}

    def extra_repr(self) -> str:
        """Returns what stands in the brackets when the module is printed."""
        streams = ", ".join(f"{name} {width}" for name, width in self.widths.items())
        return f"{streams} -> {self.width}, attention={self.attention.value}"


def _mode(name: str, peers: Mapping[str, int] | None) -> Attention:
    """Returns the attention mode of that name; peers only go with ``peer``."""
    if name not in _MODES:
        raise UnknownNameError(suggest("attention mode", name, [m.value for m in _MODES]))
    if peers is not None and name != Attention.PEER:
        raise SettingsError(f"peers are given, so attention must be 'peer', not {str(name)!r}")
    return Attention(name)


def _start(weights: Mapping[str, float], widths: Mapping[str, int]) -> dict[str, float]:
    """Returns the weights to start from, in the order of the streams."""
    check_names("stream", weights, widths)
    for name, weight in weights.items():
        if not 0 <= weight <= 1:
            raise SettingsError(f"weight of {name!r}: got {weight}; allowed: 0 to 1")
    return {name: float(weights[name]) for name in widths if name in weights}
