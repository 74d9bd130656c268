"""What an evolution says about posts and kinds: what changed in words, and which survive."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from connsearch.evolution.review.block_changes import block_changes
from connsearch.evolution.review.survival import generations
from connsearch.evolution.steps import Step
from connsearch.graph.families import kind_name
from connsearch.graph.spec import Post
from connsearch.view.evolution.story import Story
from connsearch.view.evolution.survival import OTHERS, _of_kinds, survival_chart
from connsearch.view.evolution.survival_tables import survival_table, switches_table
from connsearch.view.evolution.tables import ancestry_table, write_tables
from connsearch.view.report.evolution import write_evolution_report
from tests.evolution.hand_made import Evolution, evolved
from tests.evolution.studies import story
from tests.view.report_files import Text
from tests.view.test_evolution_tables import printed

KINDS = ("r3d_basic", "srtg_r3d_basic")


@cache
def mixed() -> Evolution:
    return evolved(
        24, population=6, operators=("post", "kind", "split", "merge"), kinds=KINDS, mishaps=False
    )


@cache
def told() -> Story:
    evolution = mixed()
    return Story.of(evolution.history, evolution.options, title="mixed")


def test_changes_are_told_in_words_and_are_right() -> None:
    history, changes = mixed().history, told().changes
    assert changes
    for number, found in changes.items():
        child = history.child(number).structure
        parent = history.child(history.child(number).parents[0]).structure
        posts = {b.post.value for _, b in parent.blocks()}
        names = {kind_name(parent, b) for _, b in parent.blocks()}
        for change in found:
            block = child.block(change.node)
            if change.what == "post":
                assert block.post.value == change.after != change.before
                assert change.before in posts
                assert str(change) == f"node {change.node}: post {change.before} -> {change.after}"
            else:
                assert kind_name(child, block) == change.after != change.before
                assert change.before in names
                assert str(change).startswith(f"node {change.node}: {change.before} ")
                assert str(change).endswith(f" -> {change.after} {block.filters}")
    steps = {n: [s.operator for s in history.child(n).steps] for n in history.births}
    assert all({"post", "kind"} & set(steps[n]) for n in changes)


def test_steps_of_another_version_are_told_as_nothing() -> None:
    evolution = evolved(6, population=3, operators=("post",), mishaps=False)
    number = evolution.bear(evolution.start, (0,), (Step("post", 1), Step("teleport", 2)))
    evolution.judge(number)
    assert block_changes(evolution.history, number, evolution.limits) == ()


def test_shares_are_of_the_blocks_there_are() -> None:
    history = mixed().history
    for found in told().mixes:
        assert sum(found.posts.values()) == sum(found.kinds.values()) == found.blocks
        assert sum(found.share(post.value) for post in Post) == pytest.approx(1)
    line = generations(history)
    known = {found.who: found for found in told().mixes}
    assert known["founders"].children == 6
    assert known["all later children"].children == len(history.births) - 6
    assert known["population now"].children == 6
    best = history.child(told().best[0]).structure
    assert known["best"].posts["srtg"] == sum(b.post is Post.SRTG for _, b in best.blocks())
    assert max(line.values()) == sum(who.startswith("generation") for who in known)


def test_tables_fit_eighty_columns_and_say_what_survives(tmp_path: Path) -> None:
    for make in (survival_table, switches_table):
        text = printed(make(told()))
        assert max(map(len, text.splitlines())) <= 80
    text = printed(survival_table(told()))
    for name in ("post none", "post srtg", "bottleneck", *KINDS):
        assert name in text
    write_tables(told(), tmp_path)
    rows = read(tmp_path / "survival.csv")
    assert rows[0]["blocks_of"] == "founders"
    assert float(rows[0]["post sr"]) == pytest.approx(told().mixes[0].share("sr"))
    rows = read(tmp_path / "switches.csv")
    assert {row["change"] for row in rows} == {row.operator for row in told().switches}
    changed = read(tmp_path / "children.csv")[-1]
    assert changed["changed"] == told().changed(int(changed["child"]))


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_an_ancestry_says_what_changed() -> None:
    number = next(n for n in told().changes)
    text = " ".join(printed(ancestry_table(told(), number), width=200).split())
    assert told().changed(number).split("; ")[0] in text
    assert "changed" not in printed(ancestry_table(story("few"), 8))


@pytest.mark.usefixtures("no_drawings")
def test_the_report_has_a_section_where_posts_or_kinds_may_change(tmp_path: Path) -> None:
    page = write_evolution_report(told(), tmp_path / "evolution.html").read_text(encoding="utf-8")
    text = str(Text(page))
    assert 'id="survival"' in page
    assert "Posts and kinds that survive" in text
    assert told().switches[0].operator in text
    assert told().changed(next(iter(told().changes))) in text
    plain = write_evolution_report(story("few"), tmp_path / "plain.html").read_text()
    assert 'id="survival"' not in plain
    assert not story("few").mixes
    assert survival_chart(story("few")) is None


def test_a_chart_has_a_line_for_each_post_and_the_most_frequent_kinds() -> None:
    chart = survival_chart(told())
    assert chart is not None
    assert [panel.title for panel in chart.panels] == ["what follows blocks", "kinds of blocks"]
    found = told().mixes
    lines = _of_kinds(found, [f"kind{n}" for n in range(6)])
    assert len(lines) == 5
    assert OTHERS in lines
