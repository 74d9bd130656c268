from __future__ import annotations

import pytest

from connsearch import errors
from connsearch.errors import ConnsearchError, Failure, Fault, StructureError, UserError

FAMILY = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, ConnsearchError)
]


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_every_error_is_a_mistake_or_a_failure_never_both(kind: type[ConnsearchError]) -> None:
    if kind is not ConnsearchError:
        assert issubclass(kind, UserError) != issubclass(kind, Failure)


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_every_error_prints_its_message(kind: type[ConnsearchError]) -> None:
    error = kind("name", []) if kind is StructureError else kind("what happened")
    assert str(error).strip()
    assert kind.__doc__


def test_a_structure_error_shows_all_faults_with_place_row_and_cure() -> None:
    faults = (
        Fault("inputs", "input 11 is not an earlier node", 3, "[1, [0, 11], 64]", "name 0 to 2"),
        Fault("stems", "no stem"),
    )
    error = StructureError("asn", faults)
    assert error.faults == faults
    assert str(error) == (
        "structure asn: 2 faults\n"
        "node 3: input 11 is not an earlier node [inputs]\n"
        "  read: [1, [0, 11], 64]\n"
        "  cure: name 0 to 2\n"
        "no stem [stems]"
    )


def test_one_fault_is_counted_in_the_singular() -> None:
    assert str(StructureError("asn", [Fault("stems", "no stem")])).startswith(
        "structure asn: 1 fault\n"
    )
