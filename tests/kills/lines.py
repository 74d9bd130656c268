"""The lines that are killed: what must be there before, and what may differ afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connsearch.data.tools.process_pool import Done

_TINY = (
    "--frames 4 --size 16 --train-clips 3 --val-clips 2 --test-clips 2 --batch-size 6 "
    "--precision fp32 --threads 1 --recalibrate-clips 6"
)

SEARCHED = f"search --run first --steps 2 {_TINY}"
PRUNED = "prune first --criterion top_k:2 --output first/pruned"
EVOLVED = f"evolve starter --run evolved --rounds 3 --population 2 --tournament 2 --steps 2 {_TINY}"

FOCUSED = (
    "train adafocus --run focused --steps 2 --model-options glance=resnet18 local=resnet18 "
    f"frames=4 size=16 patch=16 policy_hidden=4 neurons=8 {_TINY}"
)

PLANTED = (
    "data check --frames 4 --size 16 --train-clips 1 --val-clips 1 --test-clips 1 --readers 0 "
    "--cache cache"
)
_CLIPS = "cache/synthetic/v2-mix-8x18-1-1-1-seed0/clips.csv"


@dataclass(frozen=True)
class Line:
    """A command line and what belongs to it.

    Attributes:
        line: arguments of ``connsearch``.
        before: lines that were run before.
        ignored: patterns of files of which only the presence counts.
        times: more keys and columns that differ between runs.
        extra: patterns of files that may be there afterwards.
        prepare: is called in the process that runs the line.
    """

    line: str
    before: tuple[str, ...] = (SEARCHED,)
    ignored: tuple[str, ...] = ()
    times: frozenset[str] = field(default_factory=frozenset[str])
    extra: tuple[str, ...] = ()
    prepare: Callable[[], None] | None = None


def _pack_here() -> None:
    """Lets packing and extracting work in this process, so that their operations are counted."""
    from connsearch.data.tools import extract, pack

    def do_jobs(jobs: Any, work: Any, **_: object) -> Any:
        for job in jobs:
            yield Done(job, work(job))

    pack.do_jobs = extract.do_jobs = do_jobs


LINES: Mapping[str, Line] = {
    "search": Line(f"search --run first --steps 3 --checkpoint-steps 1 {_TINY}", ()),
    "train": Line(
        "train first/pruned --run first/trained --steps 3 --checkpoint-steps 1 "
        "--precision fp32 --threads 1 --accumulate 2 --evaluate test",
        (SEARCHED, PRUNED),
    ),
    "train-folds": Line(
        f"train starter_rgb_flow --run folded --folds 2 --val-share 0.4 --steps 2 "
        f"--checkpoint-steps 1 {_TINY}",
        (),
    ),
    "prune": Line("prune first --criterion top_k:2"),
    "prune-recalibrate": Line("prune first --criterion top_k:2 --recalibrate 6 -o deep/small"),
    "prune-ablation": Line("prune first --criterion top_k:2 --scores ablation"),
    "prune-perturbation": Line(
        "prune first --criterion top_k:2 --scores perturbation --score-steps 1"
    ),
    "prune-curve": Line(
        "prune first --curve --points 2",
        ignored=(r".*curve/curve\.(svg|png)",),
        times=frozenset({"latency_ms", "summary"}),
    ),
    "evaluate": Line("evaluate first"),
    "early-exit": Line(
        "early-exit focused --budget macs<=60% --points 3 --precision fp32",
        (FOCUSED,),
        ignored=(r".*curve/curve\.(svg|png)",),
    ),
    "train-focus": Line(
        "train adafocus --run track --local first --glance first/pruned --window track "
        f"--patch 16 --policy-hidden 4 --neurons 8 --steps 3 --checkpoint-steps 1 {_TINY}",
        (SEARCHED, PRUNED),
    ),
    "train-exits": Line(
        "train first/pruned --exits --run first/exits --steps 3 --checkpoint-steps 1 "
        "--precision fp32 --threads 1",
        (SEARCHED, PRUNED),
    ),
    "focus-show": Line(
        "focus show focused --clips 2 --precision fp32",
        (FOCUSED,),
        ignored=(r".*\.(svg|png|mp4|gif)",),
    ),
    "gap": Line("gap first --shares 0.7 --tune-steps 1"),
    "curve": Line(
        "curve first --points 2 --rounds 1",
        ignored=(r".*curve/curve\.(svg|png)",),
        times=frozenset({"latency_ms", "summary"}),
    ),
    "compare": Line("compare first --criterion top_k:2 --steps 1 --random 2 --seeds 2"),
    "stability": Line(f"stability starter --run stable --searches 2 --steps 1 {_TINY}", ()),
    "rank-correlation": Line("rank-correlation first --subnets 3 --steps 1"),
    "export": Line("export first --format published --output out/lists", (SEARCHED,)),
    "report": Line("report first"),
    "draw": Line("draw first --output pictures/a.svg"),
    "diff": Line("diff starter first --output pictures/d.svg"),
    "animate": Line("animate first --frames 2"),
    "pack": Line(f"data pack packed --data {_CLIPS} --workers 1", (PLANTED,), prepare=_pack_here),
    "extract": Line(
        f"data extract {_CLIPS} extracted --height 9 --workers 1", (PLANTED,), prepare=_pack_here
    ),
    "data-objects": Line(
        f"data objects {Path(_CLIPS).parent}/test/00000.npz --output maps/a.npz", (PLANTED,)
    ),
    "data-show": Line(
        "data show --frames 4 --size 16 --train-clips 3 --val-clips 2 "
        "--test-clips 2 --clips 2 --output pictures/s.png",
        (),
    ),
    "data-check": Line(PLANTED, (PLANTED,)),
    "planted": Line(PLANTED, ()),
    "evolve": Line(
        EVOLVED,
        (),
        ignored=(r"evolved/study\.journal.*",),
        times=frozenset("worker began ended attempts attempts_failed failed_attempts".split()),
        extra=(r"evolved/study\.journal\.torn",),
    ),
    "evolve-report": Line("evolve report evolved --no-animation", (EVOLVED,)),
    "lineage": Line("lineage evolved 2 --output pictures/l.svg", (EVOLVED,)),
}
"""By the name of the line."""
