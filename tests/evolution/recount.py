"""What a study says, counted once more from Optuna's own trials: nothing of the engine is used."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState


@dataclass
class Recount:
    """Children and their evaluations.

    Attributes:
        values: by child and evaluation.
        given_up: evaluations that were.
        faults: what must not be, in words.
        attempts: counting trials in all.
        voids: the others.
    """

    values: dict[int, dict[int, tuple[float, ...]]] = field(default_factory=dict)
    given_up: set[tuple[int, int]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    attempts: int = 0
    voids: int = 0


def recount(storage: Any, name: str, *, rounds: int) -> Recount:
    """Returns the table of a study that has ended, and everything that is wrong with it."""
    rows = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
    found = Recount()
    tasks: dict[tuple[int, int], dict[int, FrozenTrial]] = defaultdict(dict)
    for row in rows:
        if not row.state.is_finished():
            found.faults.append(f"trial {row.number} is left {row.state.name}")
        facts = row.user_attrs
        task, attempt = (facts["child"], facts["evaluation"]), facts["attempt"]
        if attempt not in tasks[task]:
            tasks[task][attempt] = row
            continue
        found.voids += 1
        if row.state != TrialState.FAIL or not facts.get("cause", "").startswith("void"):
            found.faults.append(f"trial {row.number} repeats {task}, attempt {attempt}")
    births = sorted(child for child, evaluation in tasks if evaluation == 0)
    if births != list(range(rounds)):
        found.faults.append(f"children {births}")
    for (child, evaluation), attempts in tasks.items():
        _one_task(found, child, evaluation, attempts)
    return found


def _one_task(
    found: Recount, child: int, evaluation: int, attempts: dict[int, FrozenTrial]
) -> None:
    where = f"child {child}, evaluation {evaluation}"
    found.attempts += len(attempts)
    if sorted(attempts) != list(range(len(attempts))):
        found.faults.append(f"{where}: attempts {sorted(attempts)}")
    if ("birth" in attempts[0].user_attrs) != (evaluation == 0):
        found.faults.append(f"{where}: has no structure, or a second one")
    last = attempts[max(attempts)]
    if any(row.state != TrialState.FAIL for row in attempts.values() if row is not last):
        found.faults.append(f"{where}: attempted again though an attempt had ended well")
    if last.state == TrialState.COMPLETE:
        found.values.setdefault(child, {})[evaluation] = tuple(last.values)
    elif last.state == TrialState.FAIL:
        found.given_up.add((child, evaluation))
        if not last.user_attrs.get("given_up"):
            found.faults.append(f"{where}: neither judged nor given up")
