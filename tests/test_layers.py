"""The house rules a reviewer need not remember: stairs, doors, rooms without torch, cheap help."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "connsearch"

STAIRS = """
    errors registry flags seeds settings files graph pruning evolution nn models data runs training
    oneshot analysis view workflows cli __main__
""".split()
"""A room imports itself and the rooms before it."""

TORCH_FREE = set("errors registry flags seeds settings files graph pruning evolution cli".split())
"""Rooms that never import torch, not even inside a function (cli: not even through a door)."""

CUPBOARDS = {
    "evolution/mutations",
    "graph/kinds",
    "models/focus",  # the parts of one family, which members of the zoo are made of
    "models/weights",
    "models/zoo",
    "nn/modules",
    "oneshot/hooks",
    "pruning/criteria",
}
"""Folders that belong to what lies beside them; every other folder in a room is a room."""

OF_STRUCTURES = (
    *(f"connsearch.{room}" for room in ("graph", "pruning", "evolution", "models.structure")),
)
"""What a training does not know: it trains whatever is a ``Model``."""

_STUDY = {f"evolution/study/{name}.py" for name in ("study", "storage", "databases", "patience")}

DOORS = {
    "networkx": {"graph/dag.py"},
    "optuna": _STUDY,
    "graphviz": {"view/structures/draw.py"},
    "pygraphviz": {"view/structures/graphviz_process.py"},
    "pandas": {"view/structures/tables.py"},
    "av": {f"data/media/{name}.py" for name in ("decode", "opening", "survey")},
    "safetensors": {"runs/tensors.py", "models/weight_file.py"},  # ours, and those of others
    "simplejpeg": {"data/media/jpeg.py"},
    "tyro": {"cli/"},
    "rich": {"view/", "cli/"},
    "IPython": {"view/progress/canvas.py"},  # only where a notebook runs it
    "torchmetrics": {"runs/metrics.py"},
    "matplotlib": {
        "view/charts/",
        "view/fonts.py",
        "view/clips/contact_sheet.py",
        "view/runs/animate_frames.py",
    },
    "scipy": {"analysis/statistics.py"},
    "PIL": {"data/", "view/"},
    "jinja2": {"view/report/"},
    "markupsafe": {"view/report/"},
    "onnxruntime": {"models/export_onnx.py", "data/tools/onnx_session.py"},  # ours, others'
}
"""The only files and rooms that import a dependency."""

FORBIDDEN = {"torchvision", "torchaudio", "torchcodec", "pickle", "dill", "joblib"}
"""What nobody imports: it replaces torch, or it executes what it loads."""


@cache
def nodes(source: str) -> list[ast.AST]:
    """Returns everything in a file; many tests ask for the same ones."""
    return list(ast.walk(ast.parse(source)))


def imports(source: str) -> Iterator[str]:
    """Yields the full name of every module a file imports, wherever in the file."""
    for node in nodes(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute: the stairs are read from them"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def faults(path: str, source: str) -> list[str]:
    """Returns the house rules that a file at ``path`` (below the package) breaks."""
    room = path.split("/")[0].removesuffix(".py")
    found = []
    for name in imports(source):
        parts = name.split(".")
        if parts[0] == "connsearch" and len(parts) > 1 and parts[1] in STAIRS:
            if STAIRS.index(parts[1]) > STAIRS.index(room):
                found.append(f"{path} imports {name}: upstairs")
            elif room == "training" and name.startswith(OF_STRUCTURES):
                found.append(f"{path} imports {name}: training knows no connections, a hook may")
        elif parts[0] == "torch" and room in TORCH_FREE:
            found.append(f"{path} imports {name}: {room} knows no torch")
        elif parts[0] in FORBIDDEN:
            found.append(f"{path} imports {name}: forbidden")
        elif parts[0] in DOORS and not any(path.startswith(door) for door in DOORS[parts[0]]):
            found.append(f"{path} imports {name}: its door is {sorted(DOORS[parts[0]])}")
    return found


def modules() -> list[str]:
    return sorted(
        p.relative_to(PACKAGE).as_posix()
        for p in PACKAGE.rglob("*.py")
        if p.relative_to(PACKAGE).parts != ("__init__.py",)
    )


@pytest.mark.parametrize("path", modules())
def test_file_keeps_the_house_rules(path: str) -> None:
    assert faults(path, (PACKAGE / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("graph/dag.py", "from connsearch.models import structure"),
        ("pruning/pruner.py", "import torch"),
        ("graph/cost.py", "def f():\n    from torch import nn"),
        ("models/structure.py", "import networkx as nx"),
        ("view/structures/tables.py", "import graphviz"),
        ("view/runs/plots.py", "from matplotlib.figure import Figure"),
        ("data/clips/dataset.py", "from torchvision.io import read_video"),
        ("runs/checkpoint.py", "import pickle"),
        ("training/loop.py", "from rich.progress import Progress"),
        ("training/training.py", "from connsearch.models.structure import Network"),
        ("training/hooks.py", "from connsearch.graph import spec"),
    ],
)
def test_a_planted_fault_is_seen(path: str, source: str) -> None:
    assert len(faults(path, source)) == 1


@cache
def graph() -> dict[str, set[str]]:
    """Returns which modules each module imports, wherever in the file."""
    known = {_dotted(path): path for path in modules()}
    found: dict[str, set[str]] = {}
    for name, path in known.items():
        asked = {
            full if full in known else full.rpartition(".")[0]
            for full in imports((PACKAGE / path).read_text(encoding="utf-8"))
        }
        found[name] = (asked & known.keys()) - {name}
    return found


def _dotted(path: str) -> str:
    return "connsearch." + path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def room_of(path: str) -> str:
    """Returns the room a file lies in: its folder, or what a cupboard stands in.

    >>> room_of("data/media/decode.py"), room_of("evolution/mutations/add.py"), room_of("seeds.py")
    ('data/media', 'evolution', 'seeds')
    """
    folders = path.split("/")[:-1][:2]
    room = "/".join(folders) or path.removesuffix(".py")
    return folders[0] if room in CUPBOARDS else room


def circles(of: dict[str, set[str]]) -> list[list[str]]:
    """Returns what imports itself in the end, each circle as its sorted members.

    >>> circles({"a": {"b"}, "b": {"c"}, "c": {"b"}})
    [['b', 'c']]
    """
    return sorted(sorted(c) for c in nx.strongly_connected_components(nx.DiGraph(of)) if len(c) > 1)


def test_no_file_imports_itself_in_the_end() -> None:
    assert circles(graph()) == []


def test_no_room_imports_itself_in_the_end() -> None:
    rooms: dict[str, set[str]] = {}
    places = {_dotted(path): room_of(path) for path in modules()}
    for name, asked in graph().items():
        rooms.setdefault(places[name], set()).update(places[other] for other in asked)
    assert circles({room: others - {room} for room, others in rooms.items()}) == []


def test_only_cli_and_view_print() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in modules()
        if path.split("/")[0] not in {"cli", "view"}
        for node in nodes((PACKAGE / path).read_text(encoding="utf-8"))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert found == []


def loads(source: str) -> list[bool]:
    """Returns, for every ``torch.load`` in a file, whether it takes weights only."""
    return [
        any(
            k.arg == "weights_only" and isinstance(k.value, ast.Constant) and k.value.value is True
            for k in node.keywords
        )
        for node in nodes(source)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func) == "torch.load"
    ]


def test_torch_load_has_one_door_and_takes_weights_only() -> None:
    found = {path: loads((PACKAGE / path).read_text(encoding="utf-8")) for path in modules()}
    assert {path: safe for path, safe in found.items() if safe} == {"models/weight_file.py": [True]}
    assert loads("torch.load(f); torch.load(f, weights_only=False)") == [False, False]
    assert not [p for p in modules() if "from torch import load" in (PACKAGE / p).read_text()]


def test_rooms_are_opened_by_a_docstring_only() -> None:
    """An ``__init__`` that imports would make every import dear; a cupboard makes its registry.

    ``nn.modules`` is a door: people import from it.
    """
    for path in modules():
        if path.endswith("__init__.py"):
            tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
            assert ast.get_docstring(tree), path
            allowed = ("connsearch.registry.", "__future__.", "typing.", "collections.abc.")
            cupboard = path == "nn/modules/__init__.py" or "Registry(" in (
                PACKAGE / path
            ).read_text(encoding="utf-8")
            rest = [n for n in imports(ast.unparse(tree)) if not n.startswith(allowed)]
            assert cupboard or not rest, f"{path} imports {rest}"


def test_the_linter_sees_every_file() -> None:
    """An ``exclude`` of a folder's name would leave out every room that is called like it."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--show-files", "connsearch"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=PACKAGE.parent,
    )
    seen = {Path(line).relative_to(PACKAGE).as_posix() for line in done.stdout.splitlines()}
    assert {path for path in modules() if path not in seen} == set()


HELP = [
    "--help",
    *(
        f"{command} --help"
        for command in (
            *("search", "prune", "train", "evaluate", "predict", "gap", "compare", "stability"),
            *("report", "export", "diff", "animate", "data show", "data stats", "data check"),
        )
    ),
]


def test_help_does_not_import_torch() -> None:
    """All pages in one process: what one imports is seen after it."""
    script = (
        "import sys\n"
        "from connsearch.cli.app import main\n"
        "for line in sys.argv[1:]:\n"
        "    try: code = main(line.split())\n"
        "    except SystemExit as end: code = end.code\n"
        "    heavy = {'torch', 'pandas', 'matplotlib', 'av', 'networkx'} & set(sys.modules)\n"
        "    assert not heavy and not code, (line, code, heavy)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *HELP],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=PACKAGE.parent,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.lower().count("usage") >= len(HELP)


def test_graph_pruning_and_evolution_run_without_torch() -> None:
    names = [
        "connsearch." + path.removesuffix(".py").replace("/", ".")
        for path in modules()
        if path.split("/")[0] in {"graph", "pruning", "evolution"}
        and not path.endswith("__init__.py")
    ]
    script = (
        "import importlib, sys\n"
        "sys.modules['torch'] = None\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *names],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=PACKAGE.parent,
    )
    assert done.returncode == 0, done.stderr
