"""A tabular fitness: read, looked up, and written from what a study has measured."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean, stdev

import pytest

from connsearch.errors import DataError, UserError
from connsearch.evolution.child import Trial
from connsearch.evolution.history import History, birth_facts
from connsearch.evolution.population import Population
from connsearch.evolution.simulate.fitness import simulated
from connsearch.evolution.simulate.table import FitnessTable
from connsearch.graph.files import load_structure
from connsearch.graph.hashing import structure_hash
from tests.evolution.tasks import STARTER, child, judged, task

HASH = structure_hash(STARTER)
OTHER = load_structure("starter_rgb_flow")


def _file(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "table.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_structure_is_looked_up_and_the_seed_chooses_among_its_evaluations(tmp_path: Path):
    path = _file(tmp_path, {HASH: [0.5, [0.6], 0.7]})
    found = [judged(simulated(f"table:{path}"), task(seed=s))[1].values for s in range(60)]
    assert set(found) == {(0.5,), (0.6,), (0.7,)}
    again = [judged(FitnessTable.load(path), task(seed=s, attempt=1))[1].values for s in range(60)]
    assert again == found


def test_noise_is_added_to_the_first_objective_only(tmp_path: Path):
    path = _file(tmp_path, {HASH: [[0.5, 100]]})
    table = FitnessTable.load(path, objectives=2, noise=0.1)
    found = [judged(table, task(seed=seed))[1].values for seed in range(800)]
    first, second = zip(*found, strict=True)
    assert set(second) == {100}
    assert fmean(first) == pytest.approx(0.5, abs=0.015)
    assert stdev(first) == pytest.approx(0.1, rel=0.1)
    exact = FitnessTable.load(path, objectives=2)
    assert judged(exact, task())[1].values == (0.5, 100)


def test_a_structure_it_does_not_know_is_refused_by_name(tmp_path: Path):
    table = FitnessTable.load(_file(tmp_path, {HASH: [0.5]}))
    said = (
        rf"table.json: has no entry for child 8, structure hash {structure_hash(OTHER)}.*\n  cure"
    )
    with pytest.raises(DataError, match=said):
        judged(table, task(OTHER, number=8))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ([1], "no structures; a table is"),
        ({}, "no structures; a table is"),
        ({"a": 0.5}, "structure a: read 0.5; a table is"),
        ({"a": []}, r"structure a: read \[\]"),
        ({"a": [0.5, "x"]}, "structure a: read 'x'"),
        ({"a": [[0.5, None]]}, r"structure a: read \[0.5, None\]"),
        ('{"a": [NaN]}', "structure a: read nan"),
        ({"a": [True]}, "structure a: read True"),
        ({"a": [[0.5, 3]]}, "an evaluation has 2 values, but the study 1 objectives"),
        ({"a": [[]]}, "an evaluation has 0 values"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path: Path, content: object, said: str):
    with pytest.raises(UserError, match=said):
        FitnessTable.load(_file(tmp_path, content))


def _trial(number: int, of: int, evaluation: int, value: float | None) -> Trial:
    structure = OTHER if of == 1 else STARTER
    facts = {"child": of, "evaluation": evaluation, "attempt": 0}
    if evaluation == 0:
        facts["birth"] = birth_facts(child(structure, number=of))
    state = "complete" if value is not None else "running"
    values = None if value is None else (value, 7.0)
    return Trial(number, state, values, facts, {}, 0.0, float(number))


def write_table(path: Path, history: History) -> int:
    """Writes what a study has measured as a table; returns of how many structures.

    Children that are the same structure share a row.
    """
    found: dict[str, list[list[float]]] = {}
    for number in sorted(history.judged):
        evaluations = history.judged[number].values
        if evaluations:
            row = found.setdefault(history.births[number]["hash"], [])
            row += [list(evaluations[n]) for n in sorted(evaluations)]
    rows = (f"{json.dumps(key)}: {json.dumps(row)}" for key, row in sorted(found.items()))
    path.write_text("{" + ",\n ".join(rows) + "}\n")
    return len(found)


def test_what_a_study_has_measured_becomes_a_table(tmp_path: Path):
    """Children 0 and 2 are the same structure; child 1 is not judged yet; child 0 twice."""
    history = History(STARTER, (1, -1), Population(9))
    rows = [(0, 0, 0.5), (1, 0, None), (2, 0, 0.75), (0, 1, 0.25)]
    history.update(_trial(n, of, evaluation, v) for n, (of, evaluation, v) in enumerate(rows))
    path = tmp_path / "table.json"
    assert write_table(path, history) == 1
    table = FitnessTable.load(path, objectives=2)
    assert dict(table.values) == {HASH: ((0.5, 7.0), (0.25, 7.0), (0.75, 7.0))}
    history.update([_trial(1, 1, 0, 0.5)])
    assert write_table(path, history) == 2
    assert set(FitnessTable.load(path, objectives=2).values) == {HASH, structure_hash(OTHER)}
