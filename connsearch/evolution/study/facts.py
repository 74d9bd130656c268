"""What a study may contain: a storage may be untrusted, so each fact in it is checked once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from connsearch.errors import RunError
from connsearch.evolution.child import Trial
from connsearch.graph.checks import show

_MOST = 2**63

_STRANGE = (ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError)


@contextmanager
def understood(directory: Path) -> Generator[None]:
    """Turns the errors of an invalid study into one message about it.

    Raises:
        RunError: the study contains what no evolution writes.
    """
    try:
        yield
    except (*_STRANGE, RecursionError) as error:
        said = "nested too deep" if isinstance(error, RecursionError) else show(str(error))
        raise RunError(
            f"{directory}: its study contains what connsearch evolve does not write "
            f"({type(error).__name__}: {said})\n  cure: restore the directory as evolve wrote it, "
            "or choose another one"
        ) from None


def check_trials(trials: Iterable[Trial], objectives: int) -> None:
    """Refuses trials that no evolution writes.

    Args:
        trials: all of a study.
        objectives: the number of values of a complete trial.

    Raises:
        ValueError: a fact is missing, of a wrong type or out of range; the message says which.
    """
    born: set[int] = set()
    trials = sorted(trials, key=lambda trial: trial.number)
    for trial in trials:
        facts, place = trial.facts, f"trial {trial.number}"
        for key in ("child", "evaluation", "attempt"):
            _ask(_is_count, facts, key, place)
        _check_optional(facts, place)
        if trial.state == "complete":
            _require(
                trial.values is not None
                and len(trial.values) == objectives
                and all(map(_is_number, trial.values)),
                f"{place}: values {show(trial.values)}",
            )
        if facts["evaluation"] == facts["attempt"] == 0 and facts["child"] not in born:
            _check_birth(facts.get("birth"), facts["child"], f"{place}: birth", born)
            born.add(facts["child"])
        _require(facts["child"] in born, f"{place}: there is no child {facts['child']}")


def _check_optional(facts: Mapping[str, Any], place: str) -> None:
    for key, fits in _OPTIONAL.items():
        if key in facts:
            _ask(fits, facts, key, place)
    result = facts.get("result", {})
    for key, fits in _RESULT.items():
        if key in result:
            _ask(fits, result, key, f"{place}: result")
    lease = facts.get("lease", {})
    for key, fits in _LEASE.items():
        if key in lease:
            _ask(fits, lease, key, f"{place}: lease")


def _check_birth(birth: object, child: int, place: str, born: set[int]) -> None:
    _require(_is_object(birth), f"{place} is not an object")
    facts = cast("dict[str, Any]", birth)
    for key, fits in _BIRTH.items():
        _ask(fits, facts, key, place)
    for key, fits in _BIRTH_WHERE_THERE.items():
        if key in facts:
            _ask(fits, facts, key, place)
    for parent in facts["parents"]:  # following parents always ends
        _require(parent < child and parent in born, f"{place}: parent {parent} of {child}")


def _ask(fits: Callable[[object], bool], facts: Mapping[str, Any], key: str, place: str) -> None:
    if key not in facts:
        raise ValueError(f"{place}: no {key}")
    _require(fits(facts[key]), f"{place}: {key} is {show(facts[key])}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST


def _is_count(value: object) -> bool:
    return _is_whole(value) and cast(int, value) >= 0


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= 1e300  # nor is NaN


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_object(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, cast("dict[Any, Any]", value)))


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _list_of(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, cast("list[object]", value)))


def _row_of(*kinds: Callable[[object], bool]) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        if not isinstance(value, list) or len(row := cast("list[object]", value)) != len(kinds):
            return False
        return all(kind(entry) for kind, entry in zip(kinds, row, strict=True))

    return fits


def _counts(value: object) -> bool:
    return _is_object(value) and all(map(_is_count, cast("dict[str, object]", value).values()))


_BIRTH: Mapping[str, Callable[[object], bool]] = {
    "nodes": lambda value: isinstance(value, Sequence) and not isinstance(value, str),
    "weights": _is_object,
    "parents": _list_of(_is_count),
    "steps": _list_of(_row_of(_is_text, _is_whole)),
    "hash": _is_text,
    "macs": _is_count,
    "parameters": _is_count,
    "refused": _counts,
}
_BIRTH_WHERE_THERE: Mapping[str, Callable[[object], bool]] = {
    "kinds": _is_object,
    "posts": _is_object,
    "temporal_strides": _is_object,
    "gates": _list_of(_is_text),
}
_OPTIONAL: Mapping[str, Callable[[object], bool]] = {
    "strikes": _is_count,
    "seed": _is_whole,
    "result": _is_object,
    "lease": _is_object,
    "worker": _is_text,
    "cause": _is_text,
    "given_up": _is_flag,
    "free": _is_flag,
    "began": _is_number,
    "ended": _is_number,
}
_RESULT: Mapping[str, Callable[[object], bool]] = {
    "weights": _list_of(_row_of(_is_count, _is_count, _is_number)),
    "turn": _is_count,
    "seconds": _is_number,
    "steps": _is_number,
    "run": _is_text,
}
_LEASE: Mapping[str, Callable[[object], bool]] = {
    "worker": _is_text,
    "token": _is_text,
    "length": _is_number,
    "beat": _is_count,
    "host": _is_text,
    "pid": _is_count,
}
