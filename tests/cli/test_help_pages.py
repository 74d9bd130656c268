"""Help pages: short ones with what people need, whole ones by group, all of them readable."""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from contextlib import redirect_stdout
from functools import cache

import pytest
from pydantic import BaseModel

from connsearch.cli.app import COMMANDS, command_class, main
from connsearch.cli.mirror import Option, is_basic, options_of
from connsearch.cli.parse import show_help
from connsearch.settings.nesting import flat_key, leaves

LONG = ["search", "train", "stability", "evolve", "evolve plan", "data check", "data show"]
MOST = 26

_UNCLEAR = (
    "how manyth",
    "so many ",
    "so manyth",
    "says nothing",
    "goes on where",
    "by lot",
    "are taken",
    "a second are",
    "the same line",
)
"""Words of help texts that people elsewhere would not use."""


@cache
def page(name: str, *, everything: bool = False) -> str:
    """Returns a help page as a terminal of 80 columns shows it."""
    text = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(text):
        patch.setenv("COLUMNS", "80")
        show_help(command_class(name), program=f"connsearch {name}", everything=everything)
    return text.getvalue()


def clashes(
    model: type[BaseModel], hidden: Collection[str] = ()
) -> dict[str, list[tuple[str, ...]]]:
    """Returns the settings that share their name with another one, each with its places."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for path in leaves(model):
        if flat_key(path) not in hidden:
            found.setdefault(path[-1], []).append(path)
    return {name: paths for name, paths in found.items() if len(paths) > 1}


def spelled(option: Option) -> str:
    if option.flag.positional:
        return option.name.upper()
    return "--" + (option.flag.name or option.name).replace("_", "-")


@pytest.mark.parametrize("name", COMMANDS)
def test_no_two_options_have_one_name(name: str) -> None:
    kind = command_class(name)
    assert clashes(kind, kind.HIDDEN) == {}
    words = [spelled(option) for option in options_of(kind)]
    assert len(words) == len(set(words))


def test_a_second_setting_of_one_name_is_seen() -> None:
    found = clashes(command_class("search"))
    assert found == {"seed": [("seed",), ("data", "split", "seed"), ("training", "seed")]}


@pytest.mark.parametrize("name", COMMANDS)
def test_named_options_are_there(name: str) -> None:
    kind = command_class(name)
    assert {option.name for option in options_of(kind)} >= kind.BASIC


@pytest.mark.parametrize("name", LONG)
def test_a_long_page_shows_what_people_need_and_how_many_more_there_are(name: str) -> None:
    kind = command_class(name)
    shown = {spelled(o) for o in options_of(kind) if is_basic(kind, o)}
    rest = {spelled(o) for o in options_of(kind)} - shown
    short, whole = page(name), page(name, everything=True)
    assert 10 <= len(shown) <= MOST
    for text, there in ((short, shown), (whole, shown | rest)):
        assert {
            word for word in shown | rest if re.search(rf"{word}\b(?!-)", _boxes(text))
        } == there
    last = short.strip().splitlines()[-1]
    assert str(len(rest)) in last
    assert f"connsearch {name} --help-all" in last
    assert "--help-all" not in whole


def test_a_short_page_says_where_groups_with_a_page_of_their_own_are_explained() -> None:
    short, whole = (" ".join(page("train", everything=more).split()) for more in (False, True))
    for line in (
        "focus model: --glance, --local, --patch, --segments, --window",
        "(--help-all, docs/focus_networks.md) exits: --exits, --exit-neurons (--help-all, "
        "docs/early_exit.md)",
    ):
        assert line in short
        assert line not in whole
    assert "docs/" not in page("search").replace("docs/datasets.md", "")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in LONG])
def test_a_short_command_has_one_page(name: str) -> None:
    short, whole = page(name), page(name, everything=True)
    assert short == whole
    assert all(spelled(option) in whole for option in options_of(command_class(name)))


@pytest.mark.parametrize("name", COMMANDS)
def test_pages_fit_the_terminal_and_begin_with_the_line(name: str) -> None:
    for text in (page(name), page(name, everything=True)):
        assert text.startswith(f"usage: connsearch {name} ")
        assert max(map(len, text.partition("\n\n")[2].splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_in_words_that_people_use(name: str) -> None:
    for option in options_of(command_class(name)):
        said = " ".join((option.field.description or "").split())
        assert said, f"{spelled(option)} has no help"
        assert said[0].isupper() or not said[0].isalpha() or said.split()[0].islower(), said
        assert said.endswith(".") or said.endswith("..."), said
        assert not [words for words in _UNCLEAR if words in said.lower()], said


def test_options_that_help_does_not_show_are_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("search --label-smoothing 2 --memory-mb -1 --frames 0".split()) == 2
    told = capsys.readouterr().err
    assert all(word in told for word in ("--label-smoothing", "--memory-mb", "--frames"))


def test_both_words_show_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("search --help", "search -h", "search starter --frames 4 --help-all"):
        assert main(words.split()) == 0
        assert capsys.readouterr().out.startswith("usage: connsearch search ")


def _boxes(text: str) -> str:
    """The options of a page, without what is said about them."""
    boxed = [line for line in text.splitlines() if line.startswith("│") and line[:4].strip("│ ")]
    lines = [line.strip("│ ").split("  ")[0] for line in boxed]
    return "\n".join(line for line in lines if line.startswith("-") or line.strip("[]").isupper())
