"""Temporal gates of a search that make no choice: they never open, or never shut.

That is said of ``val``, once they decide; the limits are those of ``training.gate_advice``, which
speaks of training clips.
"""

from __future__ import annotations

from collections.abc import Sequence

from connsearch.graph.gates import connection_gate_name
from connsearch.graph.spec import Structure
from connsearch.oneshot.alarms import GATES, Alarm, Kind, in_order
from connsearch.runs.formats.gates import GateCounts
from connsearch.training.gate_advice import NEVER_OPEN, NEVER_SHUT


def gate_alarms(structure: Structure, found: GateCounts | None) -> tuple[Alarm, ...]:
    """Returns the alarms of temporal gates that make no choice.

    Gates that see one frame are always open, and say nothing.

    Args:
        structure: whose connections may have gates.
        found: how often gates were open on ``val``; None: there are none. While gates do not decide
            there is no alarm.

    >>> from connsearch.runs.formats.gates import GateCount
    >>> counts = {"node 8": GateCount(opened=1, clips=40), "node 9": GateCount(opened=8, clips=40)}
    >>> structure = Structure("none", "assemblenet", ())
    >>> [alarm.gates for alarm in gate_alarms(structure, GateCounts(deciding=True, gates=counts))]
    [('node 8',)]
    """
    if found is None or not found.deciding:
        return ()
    rates = {n: c.rate for n, c in found.gates.items() if c.rate is not None and c.frames != 1}
    known = {connection_gate_name(e): e for e, c in structure.connections() if c.gated}

    def about(kind: Kind, gates: Sequence[str]) -> Alarm:
        edges = in_order([known[name] for name in gates if name in known])
        return Alarm(kind, edges, len(rates), GATES, gates=tuple(gates))

    shut = about("never open", [name for name, rate in rates.items() if rate < NEVER_OPEN])
    wide = about("never shut", [name for name, rate in rates.items() if rate > NEVER_SHUT])
    return tuple(alarm for alarm in (shut, wide) if alarm.gates)
