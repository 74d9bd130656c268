"""What a pruned network may cost, as a person writes it: ``macs<=60%``, ``latency<=40ms``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from connsearch.errors import SettingsError
from connsearch.registry import suggest

_COUNTS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

UNITS: Mapping[str, Mapping[str, Decimal]] = {
    "macs": {unit: Decimal(size) for unit, size in _COUNTS.items()},
    "params": {unit: Decimal(size) for unit, size in _COUNTS.items()},
    "connections": {"": Decimal(1)},
    "latency": {"us": Decimal("1e-6"), "ms": Decimal("1e-3"), "s": Decimal(1)},
}
"""What can be limited, and the units of its amounts; each can also be a share in percent."""

LATENCY = "latency"
"""The one quantity that is measured; the others follow from the structure by arithmetic."""

_EXAMPLES = "quantity<=amount, such as macs<=60%, params<=100k, connections<=20 or latency<=40ms"
_SHAPE = re.compile(r"([^<>=≤≥\s]*)\s*([<>=≤≥]+)\s*(.*)")
_AMOUNT = re.compile(r"(\d+\.?\d*|\.\d+)\s*([^\d\s.]*)")


@dataclass(frozen=True, slots=True)
class BudgetForm:
    """What a use of budgets allows.

    Attributes:
        allowed: in words, with examples.
        quantities: that may be limited.
        whole: what 100% is, behind "more than".
    """

    allowed: str
    quantities: tuple[str, ...]
    whole: str


PRUNED = BudgetForm(_EXAMPLES, tuple(UNITS), "the unpruned network has")


@dataclass(frozen=True, slots=True)
class Budget:
    """An upper limit of one quantity.

    Attributes:
        quantity: ``macs`` of one clip, ``params`` that learn, ``connections``, or ``latency``.
        amount: in operations, parameters, connections or seconds; percent if ``share``.
        share: whether it is a share of what the unpruned network has.
        text: as it was read, without blanks.
    """

    quantity: str
    amount: Decimal
    share: bool
    text: str

    def __str__(self) -> str:
        return self.text

    def limit(self, whole: float) -> float:
        """Returns the largest value it allows, where the unpruned network has ``whole``."""
        return float(self._limit(whole))

    def allows(self, value: float, whole: float) -> bool:
        """Returns whether ``value`` is within it; nothing is rounded."""
        return Fraction(value) <= self._limit(whole)

    @property
    def slug(self) -> str:
        """The budget as part of a file name.

        >>> parse_budgets(["macs<=60%"])[0].slug
        'macs-60pct'
        """
        return self.text.replace("<=", "-").replace("%", "pct")

    def _limit(self, whole: float) -> Fraction:
        amount = Fraction(self.amount)
        return amount * Fraction(whole) / 100 if self.share else amount


def parse_budgets(texts: Sequence[str], form: BudgetForm = PRUNED) -> tuple[Budget, ...]:
    """Returns the budgets in the texts, each of which may contain several, separated by commas.

    >>> [str(budget) for budget in parse_budgets(["macs <= 60%, latency<=40ms"])]
    ['macs<=60%', 'latency<=40ms']

    Args:
        texts: as people write them.
        form: what is allowed, and how messages say it.

    Raises:
        SettingsError: one that cannot be read, or two of the same quantity; all are named.
    """
    parts = [part.strip() for text in texts for part in text.split(",")]
    found: list[Budget] = []
    faults: list[str] = []
    for part in parts:
        try:
            budget = _parse(part, form)
            if any(other.quantity == budget.quantity for other in found):
                raise SettingsError(f"{budget.quantity} is limited twice; give one limit")
            found.append(budget)
        except SettingsError as error:
            faults.append(f"read {part!r}: {error}")
    if faults:
        raise SettingsError("\n    ".join([*faults, f"allowed: {form.allowed}"]))
    return tuple(found)


def _parse(text: str, form: BudgetForm) -> Budget:
    match = _SHAPE.fullmatch(text)
    if match is None:
        hint = f"; write {form.quantities[0]}<={text}" if _AMOUNT.fullmatch(text) else ""
        raise SettingsError(f"not a budget: it has no <={hint}")
    quantity, sign, rest = match.groups()
    if quantity not in UNITS:
        raise SettingsError(suggest("quantity", quantity, list(form.quantities)))
    if sign != "<=":
        raise SettingsError(f"a budget is an upper limit: write {quantity}<={rest}, not {sign}")
    number = _AMOUNT.fullmatch(rest)
    if number is None:
        raise SettingsError(
            f"{rest!r} is not an amount above 0, such as 60% or {_example(quantity)}"
        )
    amount, unit = Decimal(number[1]), number[2]
    if amount == 0:
        raise SettingsError("a budget of 0 leaves no network")
    if unit == "%":
        if amount > 100:
            raise SettingsError(f"{amount}% is more than {form.whole}; at most 100%")
        return Budget(quantity, amount, True, f"{quantity}<={number[1]}%")
    return Budget(
        quantity, _scaled(quantity, amount, unit), False, f"{quantity}<={number[1]}{unit}"
    )


def _scaled(quantity: str, amount: Decimal, unit: str) -> Decimal:
    units = UNITS[quantity]
    if unit not in units:
        known = ", ".join(name or "none" for name in units)
        read = f"unit {unit!r}" if unit else "no unit"
        raise SettingsError(f"{read}; allowed for {quantity}: {known}, or %")
    if quantity == "connections" and amount != int(amount):
        raise SettingsError("a number of connections is a whole number")
    return amount * units[unit]


def _example(quantity: str) -> str:
    return {"macs": "40M", "params": "100k", "connections": "20", LATENCY: "40ms"}[quantity]
