"""Focus models of searched structures on real clips: windows by the policy, in the centre, random.

On each data set one search; the searched network glances at small frames, the network pruned from
it looks at windows, at the same cost whoever chooses them. All begin with the same weights, and
learn alike; seeds are paired. The test split is opened once a network, at the end.

    python benchmarks/focus_clips.py cc=cc-motion/clips.csv fir=fir-rgb-scene01/clips.csv --seeds 3

Every network is filed in ``--runs`` when it is done; the same line again goes on, also within a
training that was killed; ``--table`` prints what is there.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import Ledger, interval
from page import table, write_markdown

import connsearch
from connsearch.data.loading.load import DataSplits
from connsearch.data.loading.loader import Loader
from connsearch.models.focus.by_track import FocusByTrack
from connsearch.models.focus.focus import FocusModel

ARMS = ("policy", "centre", "random")
CLIP: Mapping[str, Any] = {"frames": 8, "batch_size": 8}
MODEL: Mapping[str, Any] = {
    "window": "track",
    "glance_frames": 4,
    "patch": 40,
    "policy_hidden": 32,
    "neurons": 128,
}


def searched(name: str, source: str, given: argparse.Namespace) -> tuple[Path, Path]:
    """Returns the directories of a search on small frames, and of what was pruned from it."""
    run = given.runs / name / "search"
    found = connsearch.search(
        "starter_rgb_flow",
        source,
        size=MODEL["patch"],
        **CLIP,
        epochs=given.search_epochs,
        lr=0.003,
        threads=given.threads,
        run=run,
        progress=False,
    )
    connsearch.prune(found, progress=False)
    return run, run / "pruned"


def trained(
    arm: str, seed: int, name: str, data: DataSplits, parts: tuple[Path, Path],
    given: argparse.Namespace,
) -> dict[str, Any]:  # fmt: skip
    """Returns the ledger entry of one focus model."""
    run = connsearch.train(
        "adafocus",
        data,
        glance=parts[0],
        local=parts[1],
        **MODEL,
        places=arm,
        epochs=given.epochs,
        eval_every=given.epochs,
        threads=given.threads,
        seed=seed,
        run=given.runs / name / f"{arm}-{seed}",
        evaluate=["test"],
        progress=False,
    )
    model = run.load_model()
    assert isinstance(model, FocusByTrack)
    test = run.metrics["test"]
    return {
        "accuracy": test.accuracy,
        "balanced": test.balanced_accuracy,
        "macs": list(model.exit_costs({"rgb": (3, *data.clip)})),
        "spread": places_spread(model.eval(), data),
        "summary": f"test {test}",
    }


@torch.inference_mode()
def places_spread(model: FocusModel, data: DataSplits) -> list[float]:
    """Returns how much places, from 0 to 1, differ between val clips, and within one: std."""
    room = data.clip[1] - model.settings.patch
    with Loader(data.val) as loader:
        found = [model.look(batch.streams).windows[..., :2] / room for batch in loader.batches()]
    places = torch.cat(found)
    return [float(places.mean(1).std(0).mean()), float(places.std(1).mean())]


def report(ledger: Ledger, names: list[str], given: argparse.Namespace) -> list[str]:
    """Returns the tables of what is filed."""
    lines: list[str] = []
    for name in names:
        found = {
            arm: [
                ledger[unit]
                for seed in range(given.seeds)
                if (unit := f"{name}/{arm}/{seed}") in ledger
            ]
            for arm in ARMS
        }
        rows = [_row(arm, entries) for arm, entries in found.items() if entries]
        heads = ["windows", "n", "balanced accuracy", "accuracy", "MACs: glance, whole",
                 "places: between clips, within"]  # fmt: skip
        count = sum(map(len, found.values()))
        short = [f"Only {count} of {len(ARMS) * given.seeds} networks are trained.", ""]
        lines += [f"**{name}**", "", *table(heads, rows), "", *_differences(found), ""]
        lines += short if count < len(ARMS) * given.seeds else []
    return lines


def _row(arm: str, entries: list[dict[str, Any]]) -> list[str]:
    told = [_told([entry[key] for entry in entries]) for key in ("balanced", "accuracy")]
    macs = ", ".join(f"{value / 1e6:.2f} M" for value in entries[0]["macs"])
    spread = ", ".join(f"{value:.2f}" for value in np.mean([e["spread"] for e in entries], 0))
    return [arm, str(len(entries)), *told, macs, spread]


def _told(values: list[float]) -> str:
    low, high = interval(values)
    within = f" [{max(low, 0):.3f}, {min(high, 1):.3f}]" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{within}"


def _differences(found: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    lines: list[str] = []
    for other in ARMS[1:]:
        pairs = list(zip(found["policy"], found[other], strict=False))
        if len(pairs) < 2:
            continue
        gained = [a["balanced"] - b["balanced"] for a, b in pairs]
        low, high = interval(gained)
        verdict = "excludes 0" if low > 0 or high < 0 else "nothing is claimed"
        lines.append(
            f"* policy against {other}: {np.mean(gained):+.3f} [{low:+.3f}, {high:+.3f}] balanced "
            f"accuracy over {len(gained)} seeds, paired; {verdict}."
        )
    return lines


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", nargs="+", metavar="NAME=CSV", help="data sets, by name")
    parser.add_argument("--size", type=int, default=80)
    parser.add_argument("--search-epochs", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/focus_clips"))
    parser.add_argument("--table", action="store_true", help="train nothing, print what is there")
    parser.add_argument("--markdown", type=Path, help="write the page here")
    return parser.parse_args()


def main() -> None:
    """Trains what is missing, prints the tables, and writes the page."""
    given = parse()
    named: dict[str, str] = dict(text.split("=", 1) for text in given.data)
    names = "size search_epochs epochs".split()
    settings = {name: getattr(given, name) for name in names} | {"model": dict(MODEL)}
    with Ledger(given.runs / "ledger.jsonl", settings) as ledger:
        if not given.table:
            for name, source in named.items():
                parts = searched(name, source, given)
                data = connsearch.load_data(source, size=given.size, **CLIP, progress=False)
                for seed in range(given.seeds):
                    for arm in ARMS:
                        work = partial(trained, arm, seed, name, data, parts, given)
                        ledger.measure(f"{name}/{arm}/{seed}", work)
        lines = report(ledger, list(named), given)
    lines += [
        "Means over seeds with 95 % t intervals. One search (starter_rgb_flow, "
        f"{given.search_epochs} epochs, frames of {MODEL['patch']} pixels) a data set, with the "
        f"default pruning; the searched network glances at 4 of 8 frames of {given.size} pixels, "
        f"the pruned one looks at windows of {MODEL['patch']} pixels of all 8; {given.epochs} "
        "epochs, batches of 8. With the policy, random windows are learned from, too, in every "
        "step. Windows of the arm `random` glide from a random place to another one; in evaluation "
        "places follow from the pixels of a clip. Places go from 0 to 1; "
        "standard deviations over val clips, mean over seeds. Multiply-accumulates of one clip; "
        "flow is not counted.",
    ]
    print("\n".join(lines))
    if given.markdown:
        command = "python benchmarks/focus_clips.py " + " ".join(
            f"{name}=DATA/clips.csv" for name in named
        )
        command += f" --seeds {given.seeds} --epochs {given.epochs}"
        title = "Focus models of searched structures on real clips"
        write_markdown(given.markdown, title, command, lines)


if __name__ == "__main__":
    main()
