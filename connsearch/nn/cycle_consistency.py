"""Whether two sequences of frames agree: soft nearest neighbours and back (arXiv 1904.07846).

By this test a temporal gate (``nn.temporal_gate``) decides, clip by clip, whether what its
recurrent cell says is let in. Shape letters: B clips, C channels, T frames; I J K count frames,
too; N sequences that are compared, one a clip or one a channel of a clip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from connsearch.errors import DataError, SettingsError, UnknownNameError
from connsearch.nn.given import told
from connsearch.registry import suggest

Test = Literal["cycle", "align"]
Both = Literal["and", "or"]
Distance = Literal["vector", "per_channel"]
Normalise = Literal["none", "l2", "zscore"]
Ties = Literal["first", "tolerant"]

WORDS: dict[str, tuple[str, ...]] = {
    "test": get_args(Test),
    "both": get_args(Both),
    "distance": get_args(Distance),
    "normalise": get_args(Normalise),
    "ties": get_args(Ties),
}
TIE = 1e-5
"""With ``ties="tolerant"``: distances that differ by less, as a share of the clip's largest."""


@dataclass(frozen=True)
class GateTest:
    """How a temporal gate decides; the defaults are the definition.

    Attributes:
        test: ``cycle``: the soft nearest neighbour of frame i in the other sequence must have frame
            i as the nearest frame of its own. ``align``: the nearest frame of the other sequence
            must be frame i; unlike ``cycle`` it asks for the same order in both.
        both: whether the test must hold from both sequences (``and``) or from one (``or``).
        distance: squared, of whole frames (``vector``), or of every channel by itself.
        temperature: squared distances are divided by it in the soft nearest neighbour. ``auto``:
            the mean squared distance between the frames of the two sequences, clip by clip.
        normalise: both sequences beforehand: not at all, every frame to length 1 (``l2``), or every
            channel to mean 0 and spread 1 over time (``zscore``).
        min_fraction: share of the frames that must pass, above 0, up to 1.
        ties: of equally near frames the first counts (``first``), so a still clip does not pass, or
            any of them (``tolerant``).

    Raises:
        UnknownNameError: a word that is none of these.
        SettingsError: a number out of range, or no number.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}  # where a model document holds it

    test: Test = "cycle"
    both: Both = "and"
    distance: Distance = "vector"
    temperature: float | Literal["auto"] = 1.0
    normalise: Normalise = "none"
    min_fraction: float = 1.0
    ties: Ties = "first"

    def __post_init__(self) -> None:
        for name, known in WORDS.items():
            word = getattr(self, name)
            if word not in known:
                told = suggest("word", str(word), list(known))
                raise UnknownNameError(f"{name} of a gate test: {told}")
        if self.temperature != "auto" and not _number(self.temperature, math.inf):
            raise SettingsError(
                f"temperature of a gate test: got {self.temperature!r}; allowed: a finite number "
                "above 0, or 'auto'"
            )
        if not _number(self.min_fraction, 1):
            raise SettingsError(
                f"min_fraction of a gate test: got {self.min_fraction!r}; allowed: above 0, up to 1"
            )


def _number(value: object, most: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value <= most and value < math.inf


def consistent(u_BCT: Tensor, s_BCT: Tensor, test: GateTest) -> Tensor:
    """Returns of every clip whether its two sequences agree: bool ``(B,)``, without a gradient.

    Computed in float32, or in float64 where that is given, also under autocast. A clip decides by
    itself: neither its place in the batch nor its neighbours matter. A clip of one frame agrees;
    one with a distance that is not finite does not.

    Raises:
        DataError: what is given are no two tensors of one shape of three axes.
    """
    _check(u_BCT, s_BCT)
    clips = u_BCT.shape[0]
    u_NTC, s_NTC = _sequences(u_BCT.detach(), test), _sequences(s_BCT.detach(), test)
    squared_NIJ = _squared_distances(u_NTC, s_NTC)
    if test.test == "align":
        ways = _is_own(squared_NIJ, test), _is_own(squared_NIJ.transpose(1, 2), test)
    else:
        ways = (
            _returns(u_NTC, s_NTC, squared_NIJ, test),
            _returns(s_NTC, u_NTC, squared_NIJ.transpose(1, 2), test),
        )
    there_B, back_B = (_enough(way.reshape(clips, -1), test) for way in ways)
    agree_B = there_B & back_B if test.both == "and" else there_B | back_B
    return agree_B & squared_NIJ.isfinite().reshape(clips, -1).all(1)


def _check(u: object, s: object) -> None:
    if isinstance(u, Tensor) and isinstance(s, Tensor) and u.dim() == 3 and u.shape == s.shape:
        return
    raise DataError(
        f"two sequences to compare: got {told(u)} and {told(s)}; both must be tensors of one shape "
        "(clips, channels, frames)"
    )


def _sequences(x_BCT: Tensor, test: GateTest) -> Tensor:
    """Sequences of frames ``(N, T, C)``: clips, or every channel of every clip by itself."""
    x_BCT = x_BCT.to(torch.promote_types(x_BCT.dtype, torch.float32))
    if test.normalise == "l2":
        x_BCT = F.normalize(x_BCT, dim=1)
    elif test.normalise == "zscore":
        spread_BC, mean_BC = torch.std_mean(x_BCT, 2, correction=0, keepdim=True)
        tiny = torch.finfo(x_BCT.dtype).tiny
        x_BCT = (x_BCT - mean_BC) / spread_BC.clamp_min(tiny)
    if test.distance == "per_channel":
        return x_BCT.flatten(0, 1).unsqueeze(2)
    return x_BCT.transpose(1, 2)


def _squared_distances(a_NIC: Tensor, b_NJC: Tensor) -> Tensor:
    """``(N, I, J)``, by differences.

    Norms and a matrix product would lose what lies close together far from zero, and autocast and
    TF32 would round the product; nothing they round is used here.
    """
    return (a_NIC.unsqueeze(2) - b_NJC.unsqueeze(1)).square().sum(3)


def _returns(a_NTC: Tensor, b_NTC: Tensor, squared_NIJ: Tensor, test: GateTest) -> Tensor:
    """Of every frame of a whether it is found again by way of b: bool ``(N, T)``."""
    temperature: float | Tensor
    if test.temperature == "auto":
        tiny = torch.finfo(squared_NIJ.dtype).tiny
        temperature = squared_NIJ.mean((1, 2), keepdim=True).clamp_min(tiny)
    else:
        temperature = test.temperature
    shares_NIJ = (-squared_NIJ / temperature).softmax(2)
    soft_NIC = (shares_NIJ.unsqueeze(3) * b_NTC.unsqueeze(1)).sum(2)
    return _is_own(_squared_distances(soft_NIC, a_NTC), test)


def _is_own(squared_NIK: Tensor, test: GateTest) -> Tensor:
    """Of every frame i whether frame i is the nearest: bool ``(N, T)``."""
    frames = torch.arange(squared_NIK.shape[1], device=squared_NIK.device)
    nearest_NI = squared_NIK.argmin(2) == frames  # the first of equals
    if test.ties == "first":
        return nearest_NI
    slack_N1 = TIE * squared_NIK.amax((1, 2))[:, None]
    return nearest_NI | (squared_NIK.diagonal(dim1=1, dim2=2) <= squared_NIK.amin(2) + slack_N1)


def _enough(passed_BN: Tensor, test: GateTest) -> Tensor:
    """Of every clip whether so many of its frames (or frames of channels) passed."""
    if test.min_fraction == 1:
        return passed_BN.all(1)
    return passed_BN.float().mean(1) >= test.min_fraction - 1e-6  # .7 is not exact
