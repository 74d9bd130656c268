"""What a command writes has a form, its readers use that form, and nothing else is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connsearch.data.options import DataOptions
from connsearch.graph.document_nodes import node_document
from connsearch.graph.files import load_structure
from connsearch.graph.parse import rows
from connsearch.oneshot.options import SearchOptions
from connsearch.runs import names
from connsearch.runs.documents import described, new_config, write_form
from connsearch.runs.formats.analyses import (
    CompareRow,
    CompareSummary,
    CurveRow,
    CurveSummary,
    GapRow,
    GapSummary,
    RankRow,
    RankSummary,
)
from connsearch.runs.formats.config import ChildRecord, Config
from connsearch.runs.formats.evaluation import Evaluation
from connsearch.runs.formats.export import ExportRecord
from connsearch.runs.formats.form import Form, columns, undeclared
from connsearch.runs.formats.importance import ImportanceRow, ImportanceSummary
from connsearch.runs.formats.ledger import (
    CurveUnit,
    GapUnit,
    ImportanceUnit,
    LedgerHead,
    RankedUnit,
    SearchUnit,
    TestedUnit,
    TimingUnit,
    TrainedUnit,
    Unit,
    WholeUnit,
)
from connsearch.runs.formats.prune import PruneRecord
from connsearch.runs.formats.result import Quarantined, Result
from connsearch.runs.formats.studies import EvolutionSummary, StabilitySummary
from connsearch.runs.formats.tables import (
    ConnectionRow,
    MetricsRow,
    QuarantineRow,
    Row,
    StabilityRow,
)
from connsearch.runs.ledger import Ledger
from connsearch.runs.logs import CsvLog
from connsearch.runs.record import open_run
from tests.cli.commands import TINY, Command
from tests.cli.conftest import cache, run  # noqa: F401 (fixtures)

SUMMARIES: Mapping[str, type[Form]] = {
    names.GAP: GapSummary,
    names.CURVE: CurveSummary,
    names.COMPARE: CompareSummary,
    names.RANK_CORRELATION: RankSummary,
    names.IMPORTANCE: ImportanceSummary,
    names.STABILITY: StabilitySummary,
    "evolution": EvolutionSummary,
}
TABLES: Mapping[str, type[Row]] = {
    names.METRICS: MetricsRow,
    names.CONNECTIONS: ConnectionRow,
    names.QUARANTINE: QuarantineRow,
    names.table(names.GAP): GapRow,
    names.table(names.CURVE): CurveRow,
    names.table(names.COMPARE): CompareRow,
    names.table(names.RANK_CORRELATION): RankRow,
    names.table(names.STABILITY): StabilityRow,
    "ablation.csv": ImportanceRow,
    "perturbation-steps-1.csv": ImportanceRow,
}
NOW = {before: after for after, before in names.EARLIER.items()}
"""What the folders of earlier versions are called now."""

UNITS: Mapping[str, tuple[type[Unit], ...]] = {
    names.GAP: (GapUnit,),
    names.CURVE: (CurveUnit, TimingUnit),
    names.COMPARE: (TrainedUnit, TestedUnit),
    names.RANK_CORRELATION: (RankedUnit,),
    names.STABILITY: (SearchUnit,),
    "ablation": (WholeUnit, ImportanceUnit),
    "perturbation-steps-1": (ImportanceUnit,),
}
OTHERS = {"structure.json", "learned.json", "model.json", "best.json", "consensus.json"} | {
    "published.json"
}
"""Documents of structures and models, whose forms ``graph`` and ``models`` keep."""
STUDY = {"study.json", "children.csv", "operators.csv", "diversity.csv"}
"""What an evolution says of itself, and the tables drawn from its history."""


def form_of(path: Path) -> type[Form] | None:
    """Returns the form of a JSON file, by its name and its folder; None: it is a structure."""
    if path.name in OTHERS | STUDY:
        return None
    known: dict[str, type[Form]] = {
        names.CONFIG: Config,
        names.RESULT: Result,
        names.PRUNE_RECORD: PruneRecord,
        names.EXPORT_RECORD: ExportRecord,
        "ablation.json": ImportanceSummary,
        "perturbation-steps-1.json": ImportanceSummary,
    }
    return (
        known[path.name]
        if path.name in known
        else SUMMARIES[NOW.get(path.parent.name, path.parent.name)]
    )


def strangers(path: Path) -> list[str]:
    """Returns everything in a file of a run that no field of its form stands for."""
    if path.name == names.EVALUATION:
        found = json.loads(path.read_text()).values()
        return [name for entry in found for name in undeclared(Evaluation.model_validate(entry))]
    if path.suffix == ".json":
        form = form_of(path)
        found = json.loads(path.read_text())
        return [] if form is None else list(undeclared(form.model_validate(found)))
    if path.suffix == ".jsonl":
        head, *lines = [json.loads(line) for line in path.read_text().splitlines()]
        found = list(undeclared(LedgerHead.model_validate(head)))
        for line in lines:
            del line["unit"]
            kinds = UNITS[NOW.get(path.parent.name, path.parent.name)]
            fit = [kind for kind in kinds if set(line) <= set(kind.model_fields)]
            found += [] if fit else [f"{path.parent.name}: {sorted(line)}"]
        return found
    if path.suffix == ".csv" and path.name not in STUDY:
        header = path.read_text().splitlines()[0].split(",")
        return [
            name
            for name in header
            if name not in columns(TABLES[names.table(NOW.get(path.stem, path.stem))])
        ]
    return []


def files(place: Path) -> list[Path]:
    return [p for p in sorted(place.rglob("*")) if p.suffix in (".json", ".jsonl", ".csv")]


_TINY = [*TINY, "--steps", "1", "--epochs", "1", "--data", "synthetic:motion", "--streams", "rgb"]


@pytest.mark.slow
def test_every_key_that_a_command_writes_is_a_field(
    tmp_path: Path,
    run: Command,  # noqa: F811
) -> None:
    lines = [
        ["search", "starter", *_TINY, "--run", "run"],
        ["prune", "run", "--recalibrate", "2", "-o", "run/small"],
        ["prune", "run", "--scores", "ablation", "-o", "run/by-ablation"],
        ["prune", "run", "--scores", "perturbation", "--score-steps", "1", "-o", "run/by-other"],
        ["prune", "run", "--budget", "macs<=90%", "-o", "run/within"],
        ["evaluate", "run"],
        ["train", "run/small", "--steps", "1"],
        ["gap", "run", "--shares", "0.5", "--tune-steps", "1"],
        ["curve", "run", "--points", "2", "--rounds", "1"],
        [
            "compare",
            "run",
            "--random",
            "2",
            "--seeds",
            "2",
            "--steps",
            "1",
            "--open-test",
            "--budget",
            "connections<=60%",  # many others have as many: after one step no weight tells
        ],
        ["rank-correlation", "run", "--subnets", "3", "--steps", "1"],
        ["stability", "starter", *_TINY, "--searches", "2", "--run", "stability"],
        ["export", "run", "--format", "published"],
        ["export", "run", "--format", "torch"],
        ["evolve", "starter", *_TINY, "--rounds", "2", "--run", "evolution"],
        ["report", "run"],
    ]
    for line in lines:
        done = run(*line)
        assert done.code == 0, (line, done.err)
    found = files(tmp_path)
    assert {path: strange for path in found if (strange := strangers(path))} == {}
    names_found = {path.name for path in found}
    assert {*TABLES, names.LEDGER, names.EVALUATION, names.EXPORT_RECORD} <= names_found
    assert {p.parent.name for p in found if p.name == names.SUMMARY} == set(SUMMARIES)
    config = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert set(config["data"]) == set(DataOptions.model_fields)
    assert set(config["training"]) == set(SearchOptions.model_fields)
    _planted(tmp_path)


def _planted(place: Path) -> None:
    """A key of nobody, in files of each kind, is seen."""
    for path in (place / "run" / name for name in ("result.json", "gap/summary.json")):
        found = json.loads(path.read_text())
        path.write_text(json.dumps({**found, "of_nobody": 1}))
        assert strangers(path) == ["of_nobody"]
    path = place / "run" / "result.json"
    found = json.loads(path.read_text())
    del found["of_nobody"]
    found["metrics"]["val"]["of_nobody"] = 1
    path.write_text(json.dumps(found))
    assert strangers(path) == ["metrics.val.of_nobody"]
    assert open_run(place / "run").result is not None, "who reads it reads past it"


WRITTEN_BEFORE = Path(__file__).parents[1] / "earlier" / "written"


def test_every_key_of_files_written_before_is_a_field() -> None:
    found = files(WRITTEN_BEFORE)
    assert len(found) > 20
    assert {path: strange for path in found if (strange := strangers(path))} == {}


def test_a_value_without_a_field_is_not_written(tmp_path: Path) -> None:
    metrics: dict[str, Any] = {}
    with pytest.raises(ValueError, match=r"no field .* of_nobody"):
        write_form(tmp_path / "a.json", Result.model_validate({"metrics": metrics, "of_nobody": 1}))
    entry = {"split": "train", "name": "a", "reason": "b", "of_nobody": 1}
    result = Result(metrics={}, quarantine=[Quarantined.model_validate(entry)])
    with pytest.raises(ValueError, match=r"no field is declared for quarantine\.0\.of_nobody"):
        write_form(tmp_path / "a.json", result)
    with pytest.raises(ValueError, match=r"no field .* of_nobody"):
        new_config({"command": "search", "settings": {}, "of_nobody": 1})
    with pytest.raises(ValueError, match=r"no field is declared for rungs\.of_nobody"):
        described({"rungs": {"at": [1], "of_nobody": 1}})
    log = CsvLog(tmp_path / "metrics.csv", MetricsRow, length=None)
    with pytest.raises(ValueError, match=r"no field .* of_nobody"):
        log.add([{"step": 1, "split": "train", "of_nobody": 1}])
    log.close()
    with Ledger(tmp_path / "ledger", {}) as ledger, pytest.raises(ValueError, match="of_nobody"):
        ledger.file("one", Unit.model_validate({"summary": "a", "of_nobody": 1}))
    assert not (tmp_path / "a.json").exists()
    assert "of_nobody" not in (tmp_path / "metrics.csv").read_text()


def test_the_forms_import_no_torch() -> None:
    import subprocess
    import sys

    script = (
        "import sys, pkgutil, importlib, connsearch.runs.formats as room\n"
        "for found in pkgutil.iter_modules(room.__path__):\n"
        "    importlib.import_module(f'{room.__name__}.{found.name}')\n"
        "import connsearch.runs.record\n"
        "assert not {'torch', 'networkx'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["starter", "mixed_starter"])
def test_the_record_of_a_child_says_what_is_written_of_its_structure(name: str):
    structure = load_structure(name)
    nodes = {"nodes": rows(structure), **node_document(structure)}
    document = {"number": 3, "evaluation": 0, **nodes, "rungs": [0.5]}
    assert ChildRecord.model_validate(document).to_json() == document
