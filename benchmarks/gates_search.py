"""Searches over mixed kinds and gates: what is found, what stays, and is it better than chance?

A structure of mixed kinds (``structures/mixed_starter.json``) is searched on a planted task in
which the order of the frames decides, and on real clips: as it is, without any gate, with SR or
SRTG behind every block, and with gates on the connections between streams. Every search is pruned
to the same share of its connections (also by the score ``gate``, where connections have gates),
fine-tuned, and judged on the test split, opened once a network. What was found in the mixed
structure is compared with random wirings.

    python benchmarks/gates_search.py --clips cc-motion/clips.csv --seeds 3

Everything is filed in ``--runs`` when it is done, task by task, so that two processes may do a task
each (``--tasks``); the same line again goes on, also within a search or a training that was killed.
``--table`` prints what is there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from common import Ledger
from gates_arms import ARMS, BUDGET, COMPARED, STRUCTURE, TASKS
from gates_tables import report
from page import write_markdown

import connsearch
from connsearch.graph.families import kind_name
from connsearch.graph.spec import Edge, Post, Structure
from connsearch.runs.formats.gates import GateCounts
from connsearch.runs.record import RunRecord

Work = Callable[[], dict[str, Any]]


def place(task: str, arm: str, seed: int, given: argparse.Namespace) -> Path:
    """Returns the directory of a search."""
    return given.runs / task / "searches" / f"{arm.replace(', ', '-').replace(' ', '-')}-{seed}"


def of_training(task: str, given: argparse.Namespace) -> dict[str, Any]:
    """Returns the options of every training of a task, by name."""
    shorter = {} if given.epochs is None else {"epochs": given.epochs}
    return {**TASKS[task].training, **shorter, "threads": given.threads}


def searched(task: str, arm: str, seed: int, given: argparse.Namespace) -> RunRecord:
    """Returns the search of an arm; it is made once."""
    data, made = dict(TASKS[task].data), ARMS[arm]
    data.setdefault("source", given.clips)
    return connsearch.search(
        made.start(connsearch.load_structure(STRUCTURE)),
        **data,
        **of_training(task, given),
        **made.search,
        seed=seed,
        run=str(place(task, arm, seed, given)),
        progress=False,
    )


def filed_search(task: str, arm: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """Returns the ledger entry of a search: accuracy on val, open rates, steps."""
    run = searched(task, arm, seed, given)
    result = run.result
    assert result is not None, "a search that came back is finished"
    found = result.metrics["val"]
    return {
        "val": found.accuracy,
        "open": open_rates(found.gates),
        "steps": result.steps,
        "summary": f"val {found}",
    }


def pruned(task: str, arm: str, scores: str, seed: int, given: argparse.Namespace) -> RunRecord:
    """Returns what pruning leaves of the search of an arm; it is made once."""
    home = place(task, arm, seed, given)
    return connsearch.prune(
        str(home),
        budget=[BUDGET],
        scores=scores,
        recalibrate=128,
        output=str(home / f"pruned-{scores}"),
        progress=False,
    )


def filed_pruning(
    task: str, arm: str, scores: str, seed: int, given: argparse.Namespace
) -> dict[str, Any]:
    """Returns the ledger entry of a pruned network: what stays, and how good it is fine-tuned."""
    left = pruned(task, arm, scores, seed, given)
    record = left.prune_record
    assert record is not None
    assert record.exactness is not None
    trained = connsearch.train(
        left,
        **{**of_training(task, given), "epochs": TASKS[task].tune if given.epochs is None else 1},
        seed=seed,
        run=str(left.directory / "tuned"),
        progress=False,
    )
    test = connsearch.evaluate(trained, "test", progress=False).metrics
    assert trained.result is not None
    return {
        "difference": record.exactness.max_abs_difference,
        "connections": record.connections.after,
        "macs": record.macs.after,
        "parameters": record.parameters.after,
        "val": record.metrics["val"].accuracy,
        "tuned": trained.result.metrics["val"].accuracy,
        "test": test.accuracy,
        "open": open_rates(test.gates),
        "stays": staying(left.structure),
        "summary": f"{record.connections.after} connections, test {test}",
    }


def staying(structure: Structure) -> dict[str, Any]:
    """Returns what is left of a pruned structure, by the numbers it had: kinds, posts, gates."""
    nodes: list[int] = list(structure.provenance["nodes"])
    blocks = {nodes[index]: block for index, block in structure.blocks()}
    edges = [Edge(nodes[e.source], nodes[e.target]) for e in structure.edges()]
    gated = [Edge(nodes[e.source], nodes[e.target]) for e, c in structure.connections() if c.gated]
    return {
        "kinds": {str(index): kind_name(structure, block) for index, block in blocks.items()},
        "posts": {str(i): b.post.value for i, b in blocks.items() if b.post is not Post.NONE},
        "edges": [[*edge] for edge in edges],
        "gates": [[*edge] for edge in gated],
    }


def open_rates(found: GateCounts | None) -> dict[str, Any]:
    """Returns open rate and frames of every gate, by its name."""
    gates = {} if found is None else found.gates
    return {name: [count.rate, count.frames] for name, count in gates.items()}


def filed_comparison(task: str, given: argparse.Namespace) -> dict[str, Any]:
    """Returns the ledger entry of a comparison of what was found with random wirings."""
    found = connsearch.compare(
        str(place(task, COMPARED, 0, given)),
        pruned=pruned(task, COMPARED, "weight", 0, given).directory,
        random=given.random,
        seeds=given.compare_seeds,
        progress=False,
    )
    rows = [row.model_dump(mode="json") for row in found.rows]
    return {"rows": rows, "verdict": found.verdict, "summary": found.verdict}


def units(task: str, given: argparse.Namespace) -> Iterator[tuple[str, Work]]:
    """Yields the name and the work of everything that is filed of a task, seed by seed."""
    for seed in range(given.seeds):
        for arm in given.arms:
            name = f"{task}/{arm}/{seed}"
            yield name, partial(filed_search, task, arm, seed, given)
            for scores in ARMS[arm].scores:
                yield f"{name}/{scores}", partial(filed_pruning, task, arm, scores, seed, given)
    if COMPARED in given.arms:
        yield f"{task}/compare", partial(filed_comparison, task, given)


def commands(filed: Mapping[str, Any]) -> Iterator[str]:
    """Yields the lines that make what is filed: one a task, as seeds may differ."""
    for task in TASKS:
        parts = [unit.split("/") for unit in filed]
        numbers = [int(part[2]) for part in parts if part[0] == task and len(part) > 2]
        if numbers:
            clips = "" if "source" in TASKS[task].data else "--clips cc-motion/clips.csv "
            line = f"python benchmarks/gates_search.py --tasks {task} {clips}"
            yield f"{line}--seeds {max(numbers) + 1}"


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", help="real clips: a CSV or a folder")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--random", type=int, default=5, help="random wirings")
    parser.add_argument("--compare-seeds", type=int, default=3, help="trainings of each wiring")
    parser.add_argument("--epochs", type=int, help="of every search; a smoke test")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs/gates_search"))
    parser.add_argument("--table", action="store_true", help="search nothing, print what is there")
    parser.add_argument("--markdown", type=Path, help="also write the page here")
    given = parser.parse_args(words)
    if "clips" in given.tasks and given.clips is None and not given.table:
        parser.error("--clips: give a list of real clips, or --tasks order")
    return given


def main(words: Sequence[str] | None = None) -> None:
    """Does what is missing, prints the tables, and writes the page."""
    given = parse(words)
    settings = {"epochs": given.epochs, "budget": BUDGET}
    filed: dict[str, Mapping[str, Any]] = {}
    for task in given.tasks:
        with Ledger(given.runs / task / "ledger.jsonl", settings) as ledger:
            for name, work in () if given.table else units(task, given):
                ledger.measure(name, work)
            filed |= ledger.results
    lines = report(filed)
    print("\n".join(lines))
    if given.markdown:
        write_markdown(given.markdown, "Gates in the search", "\n    ".join(commands(filed)), lines)


if __name__ == "__main__":
    main()
