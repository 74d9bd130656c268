from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from connsearch.errors import UnknownNameError
from connsearch.registry import Registry, names_in, suggest


@pytest.fixture
def cupboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[object]:
    """A registry over a package on disk with two members."""
    package = tmp_path / "shapes_cupboard"
    package.mkdir()
    (package / "__init__.py").write_text(
        textwrap.dedent("""
            from connsearch.registry import Registry
            SHAPES = Registry("shape", package=__name__)
        """)
    )
    for name in ("square", "circle"):
        (package / f"{name}.py").write_text(
            f"from shapes_cupboard import SHAPES\n\n@SHAPES.register({name!r})\nclass Shape: ...\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    import shapes_cupboard  # pyright: ignore[reportMissingImports]

    yield shapes_cupboard.SHAPES
    for name in [n for n in sys.modules if n.startswith("shapes_cupboard")]:
        del sys.modules[name]


def test_a_folder_is_the_list_of_its_members(cupboard: Registry[object]) -> None:
    assert list(cupboard) == ["circle", "square"]


def test_members_are_imported_on_the_first_look_up_only(cupboard: Registry[object]) -> None:
    assert "shapes_cupboard.square" not in sys.modules
    assert "square" in cupboard
    assert "shapes_cupboard.square" in sys.modules


def test_names_are_read_without_an_import(cupboard: Registry[object]) -> None:
    assert names_in("shapes_cupboard", "SHAPES") == ["circle", "square"]
    assert "shapes_cupboard.square" not in sys.modules
    assert names_in("shapes_cupboard", "COLOURS") == []
    assert names_in("nowhere", "SHAPES") == []


def test_an_unknown_name_names_the_nearest_and_the_known(cupboard: Registry[object]) -> None:
    with pytest.raises(UnknownNameError) as caught:
        cupboard["sqare"]
    assert str(caught.value) == (
        "no shape named 'sqare', did you mean 'square'? Known: circle, square"
    )


def test_part_of_a_name_is_not_the_name(cupboard: Registry[object]) -> None:
    with pytest.raises(UnknownNameError):
        cupboard["squ"]
    assert "squ" not in cupboard


def test_a_name_registered_twice_is_refused() -> None:
    colours: Registry[str] = Registry("colour")
    colours.register("red")("#f00")
    with pytest.raises(ValueError, match="'red' is registered twice"):
        colours.register("red")("#e00")


def test_nothing_near_suggests_nothing() -> None:
    assert suggest("colour", "zzz", []) == "no colour named 'zzz'. Known: none"
