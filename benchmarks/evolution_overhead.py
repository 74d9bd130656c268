"""What an evolution costs beside its trainings: asking, telling and opening, by storage and size.

    python benchmarks/evolution_overhead.py

A study is filled with children that were judged, as a finished evolution leaves them, and then some
more are asked for and told, proposals included. ``--postgresql`` names an empty database that may
be written; where a server of the system's packages is found, it is started and no name is needed.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from page import table, write_markdown

from connsearch.evolution.child import Outcome
from connsearch.evolution.options import EvolutionOptions
from connsearch.evolution.proposal import Space
from connsearch.evolution.study.evolution import Evolution
from connsearch.evolution.study.storage import open_storage
from connsearch.evolution.study.study import Study
from connsearch.graph.files import load_structure

SIZES = (10, 1_000, 10_000)
PAIRS = 25
NAME = "overhead"
OPTIONS = EvolutionOptions()
START = load_structure("starter_rgb_flow")
SPACE = Space.of(START, OPTIONS, classes=5, clip=(16, 64, 64))


@dataclass(frozen=True)
class Measured:
    """Seconds of ask and tell, of a cold open, and bytes on disk."""

    pairs: Sequence[float]
    opened: float
    size: int | None

    def row(self) -> list[str]:
        """Returns the cells of a table."""
        ordered = sorted(self.pairs)
        high = ordered[int(0.95 * (len(ordered) - 1) + 0.5)]
        size = "" if self.size is None else f"{self.size / 1e6:.1f} MB"
        middle = statistics.median(ordered)
        return [f"{middle * 1e3:.1f} ms", f"{high * 1e3:.1f} ms", f"{self.opened:.2f} s", size]


def evolution(place: Any) -> Evolution:
    """Returns an evolution at a place, opened anew."""
    storage = open_storage(place) if isinstance(place, str) else place
    return Evolution(Study(storage, NAME, [True], {"seed": 0}), SPACE, OPTIONS, seed=0)


def pair(at: Evolution) -> float:
    """Returns the seconds of one ask and tell."""
    began = time.perf_counter()
    task = at.ask(rounds=10**9)
    asked = time.perf_counter() - began
    assert task is not None
    weights = {edge: (task.seed >> 9) % 997 / 997 for edge in task.child.structure.edges()}
    outcome = Outcome((task.seed % 9973 / 9973,), weights, {"seconds": 61.5})
    began = time.perf_counter()
    assert at.tell(task, outcome)
    return asked + time.perf_counter() - began


def models(number: int) -> list[dict[str, Any]]:
    """Returns the facts of real trials, of which the others are copies."""
    at = evolution("memory")
    for _ in range(number):
        pair(at)
    return [dict(trial.facts) for trial in at.history.trials.values()]


def rows(begin: int, end: int, known: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yields the facts of trials that were judged; every child has a hash of its own."""
    for number in range(begin, end):
        facts = known[number % len(known)]
        birth = {**facts["birth"], "hash": f"{facts['birth']['hash'][:48]}{number:016d}"}
        result = {**facts["result"], "turn": number + 1}
        yield {**facts, "child": number, "birth": birth, "result": result, "seed": number}


def value(number: int) -> float:
    return (number * 7919) % 10_007 / 10_007


def fill_journal(path: Path, begin: int, end: int, known: Sequence[dict[str, Any]]) -> None:
    """Writes the lines a worker would have: a birth, a sign of life, a result and an end each."""
    with path.open("a") as file:
        for number, facts in enumerate(rows(begin, end, known), start=begin):
            result, moment = facts.pop("result"), _moment(number).isoformat()
            base = {"worker_id": "filled"}
            birth = {
                **{"op_code": 4, **base, "study_id": 0, "datetime_start": moment, "state": 0},
                **{"value": None, "values": None, "distributions": {}, "params": {}},
                **{"user_attrs": facts, "system_attrs": {}, "intermediate_values": {}},
            }
            note = {"op_code": 8, **base, "trial_id": number}
            end_ = {"op_code": 6, **base, "trial_id": number, "state": 1}
            for line in (
                birth,
                {**note, "user_attr": {"lease": facts["lease"]}},
                {**note, "user_attr": {"result": result}},
                {**end_, "values": [value(number)], "datetime_complete": moment},
            ):
                file.write(json.dumps(line, separators=(",", ":")) + "\n")


def fill_memory(storage: Any, begin: int, end: int, known: Sequence[dict[str, Any]]) -> None:
    for number, facts in enumerate(rows(begin, end, known), start=begin):
        trial = optuna.trial.create_trial(value=value(number), user_attrs=facts)
        storage.create_new_trial(0, trial)


def fill_database(storage: Any, begin: int, end: int, known: Sequence[dict[str, Any]]) -> None:
    """Inserts the rows Optuna would have, many at once."""
    import sqlalchemy
    from optuna.storages._rdb import models as tables

    trials: list[dict[str, Any]] = []
    values: list[dict[str, Any]] = []
    facts_: list[dict[str, Any]] = []
    for number, facts in enumerate(rows(begin, end, known), start=begin):
        moment, place = _moment(number).replace(tzinfo=None), {"trial_id": number + 1}
        trials.append(
            {
                **{**place, "study_id": 1, "number": number, "state": "COMPLETE"},
                **{"datetime_start": moment, "datetime_complete": moment},
            }
        )
        kind = tables.TrialValueModel.TrialValueType.FINITE
        values.append({**place, "objective": 0, "value": value(number), "value_type": kind})
        facts_ += [{**place, "key": k, "value_json": json.dumps(v)} for k, v in facts.items()]
    with storage._backend.engine.begin() as connection:
        for model, found in (
            (tables.TrialModel, trials),
            (tables.TrialValueModel, values),
            (tables.TrialUserAttributeModel, facts_),
        ):
            for part in range(0, len(found), 2000):
                connection.execute(sqlalchemy.insert(model), found[part : part + 2000])
        if connection.engine.name == "postgresql":
            connection.exec_driver_sql(
                "select setval('trials_trial_id_seq', (select max(trial_id) from trials))"
            )
        connection.exec_driver_sql("analyze")  # a study that has grown was analysed on its way


def _moment(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)


def measure(place: Any, size: int | None) -> Measured:
    """Returns what a filled study costs."""
    began = time.perf_counter()
    at = evolution(place)
    opened = time.perf_counter() - began
    return Measured([pair(at) for _ in range(PAIRS)], opened, size)


def measured(kind: str, place: str, folder: Path, limit: float) -> Iterator[tuple[int, Measured]]:
    """Yields a storage's costs at one size after the other, as far as its time allows."""
    known, began, filled = models(60), time.monotonic(), 0
    storage: Any = open_storage(place) if kind != "grpc" else None
    path = folder / f"{kind}.journal"
    for size in SIZES:
        if time.monotonic() - began > limit:
            return
        if kind in ("journal", "grpc"):
            evolution(str(path))
            fill_journal(path, filled, size, known)
        else:
            (fill_memory if kind == "memory" else fill_database)(
                evolution(storage).study.storage, filled, size, known
            )
        on_disk = sum(p.stat().st_size for p in folder.glob(f"{kind}.*") if p.is_file())
        with ExitStack() as stack:
            if kind == "grpc":
                stack.callback(_serve(path, int(place.rpartition(":")[2])))
                open_storage(place)
            yield size, measure(storage if kind == "memory" else place, on_disk or None)
        filled = size + PAIRS


def _serve(path: Path, port: int) -> Any:
    line = (
        "from connsearch.evolution.study.storage import serve\n"
        f"serve({str(path)!r}, host='localhost', port={port})"
    )
    process = subprocess.Popen([sys.executable, "-c", line])

    def stop() -> None:
        process.kill()
        process.wait()

    return stop


def places(folder: Path, database: str | None) -> dict[str, str]:
    """Returns the storages to be measured."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    found = {
        "memory": "memory",
        "journal": str(folder / "journal.journal"),
        "sqlite": f"sqlite:///{folder}/sqlite.db",
        "grpc": f"grpc://localhost:{port}",
    }
    return found if database is None else {**found, "postgresql": database}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgresql", help="URL of an empty database")
    parser.add_argument("--only", nargs="*", help="storages; all by default")
    parser.add_argument("--limit", type=float, default=60, help="seconds a storage")
    given = parser.parse_args()
    names = {"grpc": "grpc over a journal"}
    found: list[list[str]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = given.postgresql
        if database is None and (not given.only or "postgresql" in given.only):
            sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
            try:
                from tests.evolution.postgresql import running

                database = stack.enter_context(running())
            except (ImportError, RuntimeError) as error:
                print(f"no PostgreSQL: {error}")
        for kind, place in places(folder, database).items():
            if given.only and kind not in given.only:
                continue
            reached = dict(measured(kind, place, folder, given.limit))
            for size in SIZES:
                cells = reached[size].row() if size in reached else ["not reached", "", "", ""]
                found.append([names.get(kind, kind), f"{size:,}", *cells])
                print("  ".join(found[-1]), flush=True)
    heads = ["storage", "trials", "ask and tell, median", "95 %", "cold open", "on disk"]
    if not given.only:
        command = "python benchmarks/evolution_overhead.py"
        page = Path(__file__).with_suffix(".md")
        write_markdown(
            page,
            "What an evolution costs beside its trainings",
            command,
            [
                f"{PAIRS} pairs at every size, proposals included; populations of "
                f"{OPTIONS.population}, one objective. A cold open reads the whole study and its "
                "history; the start of the process is not counted.",
                "",
                *table(heads, found),
            ],
        )


if __name__ == "__main__":
    main()
