"""What goes between the streams of any network of yours: plain PyTorch modules.

``StreamFusion`` sums streams by weights that learn, ``PeerGate`` lets some features gate others,
``parameter_groups`` gives both the treatment they need in your optimiser. ``TemporalGate`` scales
the frames of a clip by what a recurrent cell says about them. ``docs/modules.md`` shows them in
use.
"""

from connsearch.nn.cycle_consistency import GateTest
from connsearch.nn.modules.groups import connection_logits, parameter_groups
from connsearch.nn.modules.peer_gate import PeerGate
from connsearch.nn.modules.stream_fusion import StreamFusion
from connsearch.nn.temporal_gate import OpenCount, TemporalGate

__all__ = [
    "GateTest",
    "OpenCount",
    "PeerGate",
    "StreamFusion",
    "TemporalGate",
    "connection_logits",
    "parameter_groups",
]
