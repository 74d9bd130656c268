"""What is said about budgets: what stood next, and that much of one is left."""

from __future__ import annotations

from collections.abc import Sequence

from connsearch.graph.cost import cost
from connsearch.graph.spec import Modality
from connsearch.graph.streams import keep_streams
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.reached import Solved
from connsearch.pruning.solve import within_budget
from connsearch.runs.events import NoteEvent, WarningEvent
from connsearch.workflows.budget import say_reached, say_unseen
from connsearch.workflows.listening import Listener
from connsearch.workflows.targets import open_structure
from tests.pruning.exhaustive import CLASSES, CLIP, with_peers


def solved(macs: int) -> Solved:
    options = PruneOptions(budget=(f"macs<={macs}",))
    return within_budget(with_peers(6, most=7), options, num_classes=CLASSES, clip=CLIP)


def told(found: Solved) -> tuple[Sequence[str], Sequence[str], dict[str, object]]:
    """Notes, warnings, and what the record has."""
    events: list[object] = []
    record = say_reached(found, Listener.of(events.append))
    notes = [event.message for event in events if isinstance(event, NoteEvent)]
    return notes, [e.message for e in events if isinstance(e, WarningEvent)], record


def test_what_stood_next_is_said_and_a_warning_where_much_is_left() -> None:
    """From a limit that is met exactly to one below the next network, which does not fit yet."""
    whole = cost(with_peers(6, most=7), num_classes=CLASSES, clip=CLIP).macs
    exact = solved(whole * 60 // 100)
    value = int(exact.reached["macs"].value)
    notes, warned, record = told(solved(value))
    assert not warned
    assert notes[-1].startswith("the next larger network: with ")
    assert "following" in record
    loose = next(
        found
        for limit in range(value, whole, max(1, value // 10))
        if (found := solved(limit)).far_under
    )
    notes, warned, _ = told(loose)
    (warning,) = warned
    assert warning.startswith(f"only {loose.reached['macs'].used:.0%} of the budget is used; ")
    assert str(loose.following) in warning


def test_nothing_is_said_where_everything_fits() -> None:
    notes, warned, record = told(solved(10**12))
    assert (len(notes), warned, "following" in record) == (1, [], False)


def test_a_stream_that_no_stem_sees_any_more_is_named() -> None:
    both = open_structure("starter_rgb_flow")
    events: list[object] = []
    say_unseen(both, both, Listener.of(events.append))
    assert not events
    say_unseen(both, keep_streams(both, {Modality.FLOW}), Listener.of(events.append))
    (event,) = events
    assert isinstance(event, NoteEvent)
    assert event.message == "no longer seen: rgb (none of its stems stays)"
