"""Whatever chose the connections, the pruned network is the masked original, bit for bit."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from connsearch.analysis.score_options import ScoreOptions
from connsearch.analysis.selection import measure
from connsearch.errors import RunError
from connsearch.graph.spec import Attention
from connsearch.models.exactness import exactness
from connsearch.pruning.criteria import CRITERIA
from connsearch.pruning.options import PruneOptions
from connsearch.pruning.pruner import prune_by
from tests.analysis.subjects import drained, tiny_subject
from tests.pruning.structures import MODES

KINDS = (
    ScoreOptions(),
    ScoreOptions(scores="ablation"),
    ScoreOptions(scores="perturbation", score_steps=1),
)


@pytest.mark.parametrize("attention", MODES)
def test_every_selection_rule_is_exact(tmp_path: Path, attention: Attention) -> None:
    """Every criterion x every kind of scores: max |difference| = 0.0."""
    searched = tiny_subject(tmp_path, attention=attention)
    for name in sorted(CRITERIA):
        pruning = PruneOptions(criterion=name)
        for scoring in KINDS:
            scores = None
            if scoring.scores != "weight":
                found = drained(measure(searched, scoring, pruning)).by
                scores = found.scores(searched.structure)
            pruned = prune_by(searched.structure, pruning, scores=scores)
            child = searched.child(pruned)
            clip = searched.data.clip
            compared = exactness(searched.network, child, pruned, clip=clip, batch=1)
            assert compared.max_abs_difference == 0.0, (name, scoring, compared)
            assert compared.equal


def test_scores_are_kept_beside_the_run_and_reused(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    scoring, pruning = ScoreOptions(scores="ablation"), PruneOptions(criterion="top_k:1")
    found = drained(measure(searched, scoring, pruning))
    scores = found.by.scores(searched.structure)
    by_weight = prune_by(searched.structure, pruning)
    by_score = prune_by(searched.structure, pruning, scores=scores, measured="ablation")
    report = found.report(searched.structure, by_weight, by_score)
    rows = list(csv.DictReader((tmp_path / "importance" / "ablation.csv").read_text().splitlines()))
    assert [(int(r["source"]), int(r["target"])) for r in rows] == list(searched.structure.edges())
    assert [float(r["score"]) for r in rows] == [scores[e] for e in searched.structure.edges()]
    kept = {(r.source, r.target) for r in report.rows if r.kept_by_ablation}
    assert kept == by_score.edges
    apart = {(r.source, r.target) for r in report.disagreements}
    assert apart == by_score.edges ^ by_weight.edges
    assert json.loads((tmp_path / "importance" / "summary.json").read_text()) == report.to_json()
    assert by_score.structure.provenance["criterion"]["scores"] == "ablation"
    before = (tmp_path / "importance" / "ablation" / "ledger.jsonl").read_bytes()
    again = drained(measure(searched, scoring, PruneOptions()))
    assert again.by == found.by, "another criterion, the same measurement"
    assert (tmp_path / "importance" / "ablation" / "ledger.jsonl").read_bytes() == before


def test_scores_of_another_network_are_refused(tmp_path: Path) -> None:
    scoring = ScoreOptions(scores="ablation")
    drained(measure(tiny_subject(tmp_path), scoring, PruneOptions()))
    with pytest.raises(RunError, match=r"(?s)other settings.*network"):
        drained(measure(tiny_subject(tmp_path, seed=5), scoring, PruneOptions()))


def test_a_setting_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="--score-steps 3 has no effect with --scores ablation"):
        ScoreOptions(scores="ablation", score_steps=3)


def test_perturbation_under_another_criterion_is_filed_elsewhere(tmp_path: Path) -> None:
    searched = tiny_subject(tmp_path)
    scoring = ScoreOptions(scores="perturbation", score_steps=0)
    names = {
        drained(measure(searched, scoring, PruneOptions(criterion=c))).name
        for c in ("relative", "top_k:1")
    }
    assert names == {"perturbation-steps-0", "perturbation-steps-0-top_k-1"}
