"""What can be trained: a module that maps streams to logits and describes itself.

Shape letters: B clips, C channels, T frames, H W pixels, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError
from connsearch.models.document import ModelDocument
from connsearch.nn.given import COLOURS, require_streams, require_tensor


@dataclass(frozen=True, slots=True)
class LossTerm:
    """Logits that learn from the labels of their clips, and how much they count.

    Attributes:
        name: for logs, such as ``policy pass``.
        logits: (B, S, K): S answers a clip. The loss of the term is the mean over them.
        weight: by which that is multiplied.
    """

    name: str
    logits: Tensor
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Predictions:
    """The output of a model for a batch of clips.

    Attributes:
        logits: (B, K), the prediction that is evaluated.
        auxiliary: further logits (B, K) that learn from the same labels; in training their losses
            are added to that of ``logits``; they have no other use.
        per_step: (B, S, K), the answers of a model that can stop early, first step first; the last
            is ``logits``. None: it answers once.
        terms: in training, the whole loss where it is more than that of ``logits`` and
            ``auxiliary``, which then do not count.
        penalty: a number that is added to the loss; None: nothing is.
    """

    logits: Tensor
    auxiliary: tuple[Tensor, ...] = ()
    per_step: Tensor | None = None
    terms: tuple[LossTerm, ...] = ()
    penalty: Tensor | None = None

    def float(self) -> Predictions:
        """Returns the same in float32."""
        return replace(
            self,
            logits=self.logits.float(),
            auxiliary=tuple(x.float() for x in self.auxiliary),
            per_step=None if self.per_step is None else self.per_step.float(),
            terms=tuple(replace(term, logits=term.logits.float()) for term in self.terms),
            penalty=None if self.penalty is None else self.penalty.float(),
        )


class ParameterGroups(NamedTuple):
    """A model's parameters by how they learn.

    Attributes:
        filters: learn with the chosen optimiser; kernels decay, vectors only where asked.
        logits: decide something (which connections count); they learn with Adam, at a rate of their
            own, without decay, and their gradient is not clipped.
    """

    filters: Sequence[nn.Parameter]
    logits: Sequence[nn.Parameter] = ()


class Model(nn.Module):
    """A network that can be trained, evaluated and stored in a run.

    A model of your own has ``forward`` and ``describe``; a plain module becomes one by
    :class:`Wrapped`.

    Attributes:
        memory_format: layout of kernels and clips; a training sets it before it begins.
        classifier: names of the sub-modules that make its classifier: what has to be new for other
            classes, and what fine-tuning gives the full learning rate. Empty: not known.
        own_frames: numbers of frames of streams that have another one than the clips (``focus``);
            what is counted without data has them.
        decides_by_default: whether a training lets its temporal gates decide unless told otherwise.
        rates: shares of the learning rate by part (patterns as of ``--rate``, which comes before
            them); what is in none of them has all of it.
        least_clips: the fewest clips of a batch that it can learn from.
        windowed: names of the sub-modules that see windows of the frames, and not whole ones.
        by_terms: whether it learns by the terms of its :class:`Predictions`: then a run has a
            table of them.
    """

    memory_format: torch.memory_format = torch.contiguous_format
    classifier: tuple[str, ...] = ("head",)
    own_frames: Mapping[str, int] = MappingProxyType({})
    decides_by_default: bool = True
    rates: Mapping[str, float] = MappingProxyType({})
    least_clips: int = 1
    windowed: tuple[str, ...] = ()
    by_terms: bool = False

    def forward(self, streams: Mapping[str, Tensor]) -> Tensor | Predictions:
        """Maps clips to logits ``(B, K)``, or to :class:`Predictions` if there are further outputs.

        Args:
            streams: "rgb" float32 ``(B, 3, T, H, W)`` in [-1, 1]; "object" one-hot
                ``(B, C, T, H, W)`` where the data has object maps.

        Raises:
            DataError: a stream that it reads is missing.
        """
        raise NotImplementedError

    def describe(self) -> ModelDocument:
        """Returns what it is built from."""
        raise NotImplementedError

    def parameter_groups(self) -> ParameterGroups:
        """Returns its parameters by how they learn: by default all of them are filters."""
        return ParameterGroups([p for p in self.parameters() if p.requires_grad])

    def gate_name(self, path: str) -> str:
        """Returns how people call its temporal gate at a path of sub-modules."""
        return gate_name(path)


def gate_name(path: str) -> str:
    """Returns how people call the temporal gate at a path of sub-modules.

    >>> gate_name("stage2.0.gate"), gate_name("gate")
    ('stage2.0', 'gate')
    """
    return path.removesuffix(".gate") or "gate"


class Wrapped(Model):
    """A plain module as a model.

    Its weights are kept under ``module.``; only code that has the module's class can build it
    again, so commands show the contents of its run but cannot evaluate it again.

    Args:
        module: maps one stream ``(B, C, T, H, W)`` to logits ``(B, K)`` or :class:`Predictions`.
        stream: which stream it is called with; None passes all of them, as a mapping by name.
        name: for people; by default that of its class.
        classifier: names of the parts of the module that make its classifier, such as ``("fc",)``;
            by default nobody knows.

    >>> net = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(3, 2))
    >>> Wrapped(net)({"rgb": torch.zeros(4, 3, 8, 16, 16)}).shape
    torch.Size([4, 2])
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        stream: str | None = "rgb",
        name: str | None = None,
        classifier: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.module = module
        self.stream = stream
        self.name = name or type(module).__name__
        self.classifier = tuple(f"module.{part}" for part in classifier)

    def forward(self, streams: Mapping[str, Tensor]) -> Tensor | Predictions:
        """Maps clips to what the module gives."""
        if self.stream is not None:
            return self.module(one_stream(streams, self.stream))
        require_streams(streams, {"rgb": COLOURS})
        return self.module(streams)

    def describe(self) -> ModelDocument:
        """Returns its name, and the class of its module."""
        kind = type(self.module)
        settings = {"class": f"{kind.__module__}.{kind.__qualname__}", "stream": self.stream}
        return ModelDocument("module", self.name, settings)


def model_of(network: object) -> Model:
    """Returns a module as a model: as it is, or :class:`Wrapped`.

    Raises:
        SettingsError: it is no module.
    """
    if not isinstance(network, nn.Module):
        kind = network.__name__ if isinstance(network, type) else type(network).__name__
        raise SettingsError(
            f"network: read a value of the type {kind}\n  allowed: a torch.nn.Module"
        )
    return network if isinstance(network, Model) else Wrapped(network)


def require_model(network: nn.Module) -> None:
    """Refuses a network that cannot be trained here.

    Raises:
        SettingsError: it has no ``describe`` or no ``parameter_groups``.
    """
    asked = ("describe", "parameter_groups")
    missing = [name for name in asked if not callable(getattr(network, name, None))]
    if missing:
        raise SettingsError(
            f"{type(network).__name__}: is not a model: it has no {' and no '.join(missing)}\n"
            "  cure: models.model.Wrapped(network), or a class of your own that extends Model"
        )


def one_stream(streams: Mapping[str, Tensor], name: str) -> Tensor:
    """Returns the stream of that name.

    Raises:
        DataError: it is missing or no tensor, or ``streams`` is no mapping.
    """
    require_streams(streams, {name: COLOURS if name == "rgb" else "float (clips, ...)"})
    if name not in streams:
        raise DataError(f"stream {name!r} is missing; given: {', '.join(streams) or 'none'}")
    require_tensor(streams[name], name)
    return streams[name]


def as_predictions(output: Tensor | Predictions) -> Predictions:
    """Returns the output of a model as :class:`Predictions`."""
    return output if isinstance(output, Predictions) else Predictions(output)
