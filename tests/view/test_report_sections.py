"""The sections of the report are a cupboard: one file adds one, and with it what it reads."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import pytest

from connsearch.registry import Registry
from connsearch.view.report.build import write_report
from connsearch.view.report.section import SectionMaker, in_order
from connsearch.view.report.sections import SECTIONS, wiring
from tests.view.report_files import Text, change, make_run, report

_ONE_FILE = """
    from connsearch.runs.formats.form import Form
    from connsearch.view.report.section import Section, SectionMaker
    from tests_cupboard import OURS

    class Weather(Form):
        sky: str

    def weather(material, findings):
        found = material.summary("weather", Weather)
        words = "no weather" if found is None else found.sky
        text = "<p>The sky is {{ values.sky }}.</p>"
        return Section("weather", "Weather", {"sky": words}, template=text)

    OURS.register("weather")(SectionMaker("weather", 15, weather, Weather))
"""


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch, no_drawings: None) -> None:
    """The picture takes longer than all the rest."""
    monkeypatch.setattr(wiring, "svg", lambda structure, **_: "<svg></svg>")


@pytest.fixture
def cupboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[SectionMaker]:
    """The report's own sections, and a folder beside them with one file."""
    package = tmp_path / "tests_cupboard"
    package.mkdir()
    opening = """
        from connsearch.registry import Registry
        OURS = Registry("section of the report", package=__name__)
    """
    (package / "__init__.py").write_text(textwrap.dedent(opening))
    (package / "weather.py").write_text(textwrap.dedent(_ONE_FILE))
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("tests_cupboard", "tests_cupboard.weather"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    from tests_cupboard import OURS  # type: ignore[import-not-found]

    for name in SECTIONS:
        OURS.register(name)(SECTIONS[name])
    return OURS


def test_a_section_is_one_file(tmp_path: Path, cupboard: Registry[SectionMaker]) -> None:
    run = make_run(tmp_path / "run")
    (run / "weather").mkdir()
    (run / "weather" / "summary.json").write_text(json.dumps({"sky": "<blue>"}))
    done = write_report(run, sections=cupboard)
    text = str(Text(done.path.read_text()))
    assert "The sky is <blue>." in text
    at = done.sections.index("weather")
    assert done.sections[at - 1 : at + 2] == ("summary", "weather", "wiring"), "in its place"
    assert "More analyses" not in text, "what it shows is not shown again"
    (run / "weather" / "summary.json").write_text(json.dumps({"sky": 1}))
    assert "weather" in write_report(run, sections=cupboard).notes
    assert "The sky" not in report(run), "without the file there is no such section"


def test_every_section_of_a_whole_run_can_be_made(tmp_path: Path) -> None:
    assert write_report(make_run(tmp_path / "run")).notes == {}


def test_no_two_sections_have_one_place() -> None:
    places = [maker.place for maker in in_order(SECTIONS)]
    assert len(set(places)) == len(places)
    assert places[0] == SECTIONS["summary"].place


def test_the_alarm_of_a_collapse_keeps_its_node_meaning_and_cure(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    edges = [[0, 5], [0, 6]]
    alarm = {"kind": "collapsed onto one peer", "what": "peer mixtures", "edges": edges, "of": 2}
    change(run / "result.json", alarms=[{**alarm, "node": 7}])
    text = str(Text(report(run)))
    alarms = text[text.rindex("2 of 2 peer mixtures") :]
    assert "collapsed onto one peer (node 7)" in alarms
    assert "More than 90% on node 7: one node gates nearly everything" in alarms
    assert "Usual cure: a lower --connection-lr" in alarms
    summary = text[: text.index("Wiring", text.index("Before you trust these numbers"))]
    assert "2 of 2 peer mixtures collapsed onto one peer (more than 90% on node 7)" in summary


def test_advice_of_the_training_is_in_the_report(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    advice = {"kind": "few steps", "said": "40 <steps> are planned", "cure": "--epochs 9"}
    change(run / "result.json", advice=[advice])
    assert "40 <steps> are planned (cure: --epochs 9)" in str(Text(report(run)))


def test_an_alarm_of_another_version_is_shown(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    change(run / "result.json", alarms=[{"kind": "too <green>", "edges": [[0, 5]], "of": 53}])
    text = str(Text(report(run)))
    assert "1 of 53 connection weights too <green>" in text
    assert "a kind of alarm of another version" in text


def test_weights_of_the_best_look_are_not_called_those_of_the_last_step(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert "which is kept" not in report(run)
    choice = {"watch": "accuracy", "step": 1, "of": 9, "value": 0.5, "last": 0.4, "looks": 3}
    change(run / "result.json", choice=choice)
    assert '<output id="weights-now">1, which is kept</output>' in report(run)
