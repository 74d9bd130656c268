"""How far the flow stage of the network is from true flow, and what it is good for.

The end-point error (EPE) is the mean, over the pixels whose flow is known, of the distance in
pixels between the flow found and the true one, at the size of the frames. The stage is measured as
published (40 iterations), with fewer and more, and on frames made smaller, as a network sees them
(its flow is then enlarged again, in size and in length). The zero flow is the mark to beat.
Farneback and DIS are OpenCV's, by the figures that come with the pairs.

    python benchmarks/flow_epe.py FOLDER [--markdown benchmarks/flow_epe.md] [--picture FILE.png]

FOLDER holds pairs of two frames and their flow: exact-warp-pairs/NAME_1.png, NAME_2.png, NAME.flo;
flyingchairs-pairs/Nimg0.ppm, Nimg1.ppm, Nflow.flo; flyingchairsocc-crop/N-img_0.png, N-img_1.png,
N-flow_01.flo; kitti2015-pair/frame1.png, frame2.png, flow_gt.png. What is absent is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import torch
from page import table, write_markdown
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from connsearch.nn.flow import representation_flow
from connsearch.view.clips.overlays import flow_picture

PUBLISHED = 40
ITERATIONS = (20, 40, 100, 500)
SIDES = (224, 112, 56)
"""Shorter sides of a network's frames."""
OTHERS = {
    "shift 3 -2": (1.553, 0.517),
    "shift 12 7": (6.459, 0.129),
    "rotate 3deg": (2.646, 0.294),
    "zoom 1.05": (2.466, 0.287),
    "chairs 0": (3.04, 1.75),
    "chairs 1": (2.42, 1.32),
    "kitti": (47.4, 38.5),
}
"""EPE of OpenCV's Farneback and DIS (medium)."""
BORDER = 24
"""Pixels at the border of warped frames that do not count: there is nothing to warp from."""
OUTCOME = (
    "What this says:",
    "",
    "* Sign and order (x to the right, y down, first frame to second) are right: the mean cosine "
    "is positive on every pair but the small crop, 0.8 to 1 on the warped ones at a side of 56. "
    "The crop's own flow does not bring its frames together, so its row says nothing about us.",
    "* The stage has one scale and takes its gradient once. It is good for motion of up to about "
    "two pixels of the frames it is given: there 40 iterations take away about half of the zero "
    "flow's error.",
    "* Of longer motion it finds the direction, not the length: at 4 to 8 pixels nearly all of the "
    "error is left at full size, and ten times the iterations help little. Smaller frames do help: "
    "the same motion comes within reach. So a network on small frames has the better flow, for all "
    "but slow motion.",
    "* Where hardly anything moves, flow from much smaller frames is worse than none.",
    "* It is no replacement for a flow method: at full size DIS is closer on every pair it was "
    "run on (1.3 to 100 times), and on KITTI (51 pixels of motion) the stage is as good as "
    "nothing.",
)
BINS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, float("inf"))
MAGIC = 202021.25


@dataclass(frozen=True)
class Pair:
    """Two frames (3, H, W), the flow from the first to the second (2, H, W), where it is known."""

    name: str
    first: Tensor
    second: Tensor
    flow: Tensor
    known: Tensor


def read_flo(path: Path) -> Tensor:
    """Returns the flow (2, H, W) of a .flo file: x and y, in pixels."""
    data = path.read_bytes()
    if len(data) < 12 or np.frombuffer(data, "<f4", 1)[0] != np.float32(MAGIC):
        raise SystemExit(f"{path}: not a .flo file (it begins with {data[:4]!r}, not with {MAGIC})")
    width, height = np.frombuffer(data, "<i4", 2, 4).tolist()
    if len(data) != 12 + 8 * width * height:
        raise SystemExit(f"{path}: {len(data)} bytes; {width} x {height} flow has another size")
    values = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2)
    return torch.from_numpy(values.copy()).permute(2, 0, 1)


def read_kitti(path: Path) -> tuple[Tensor, Tensor]:
    """Returns the flow (2, H, W) of a 16-bit PNG, and where it is valid: red x, green y, blue."""
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
    if "48" not in picture.format.name:
        raise SystemExit(f"{path}: {picture.format.name}; expected three channels of 16 bits")
    values: npt.NDArray[np.float32] = picture.to_ndarray(format="rgb48le").astype(np.float32)
    flow = torch.from_numpy((values[..., :2] - 2.0**15) / 64.0).permute(2, 0, 1)
    return flow, torch.from_numpy(values[..., 2] > 0)


def read_frame(path: Path) -> Tensor:
    with Image.open(path) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).float()


def pairs(folder: Path) -> list[Pair]:
    """Returns the pairs that are there."""
    found: list[Pair] = []

    def add(name: str, first: Path, second: Path, flow: Tensor, known: Tensor | None = None):
        known = torch.isfinite(flow).all(0) & (flow.abs() < 1e9).all(0) if known is None else known
        found.append(Pair(name, read_frame(first), read_frame(second), flow, known))

    for path in sorted(folder.glob("exact-warp-pairs/*.flo")):
        frames = (path.with_name(f"{path.stem}_{n}.png") for n in (1, 2))
        flow = read_flo(path)
        known = torch.zeros(flow.shape[1:], dtype=torch.bool)
        known[BORDER:-BORDER, BORDER:-BORDER] = True
        add(path.stem.replace("_", " "), *frames, flow, known)
    for path in sorted(folder.glob("flyingchairs-pairs/*flow.flo")):
        number = path.name.removesuffix("flow.flo")
        frames = (path.with_name(f"{number}img{n}.ppm") for n in (0, 1))
        add(f"chairs {number}", *frames, read_flo(path))
    for path in sorted(folder.glob("flyingchairsocc-crop/*-flow_01.flo")):
        frames = (path.with_name(path.name.replace("flow_01.flo", f"img_{n}.png")) for n in (0, 1))
        add("chairs, a crop", *frames, read_flo(path))
    for path in sorted(folder.glob("kitti2015-pair/flow_gt.png")):
        add("kitti", *(path.with_name(f"frame{n}.png") for n in (1, 2)), *read_kitti(path))
    return found


def found_flow(pair: Pair, iterations: int, side: int | None = None) -> Tensor:
    """Returns the flow (2, H, W) the stage finds, on frames of a shorter side if one is given."""
    clip = torch.stack([pair.first, pair.second], 1)
    height, width = clip.shape[2:]
    if side is None or side >= min(height, width):
        return representation_flow(clip[None], iterations=iterations)[0, :, 0]
    scale = side / min(height, width)
    size = (round(height * scale), round(width * scale))
    frames = F.interpolate(clip.transpose(0, 1), size, mode="bilinear", antialias=True)
    flow = representation_flow(frames.transpose(0, 1)[None], iterations=iterations)[0, :, 0]
    flow = F.interpolate(flow[None], (height, width), mode="bilinear")[0]
    return flow * torch.tensor([width / size[1], height / size[0]])[:, None, None]


def errors(flow: Tensor, pair: Pair) -> Tensor:
    """Returns the end-point errors at the pixels whose flow is known."""
    return (flow - pair.flow).square().sum(0).sqrt()[pair.known]


def towards(flow: Tensor, pair: Pair) -> float:
    """Returns the mean cosine between flow and truth, where it moves by half a pixel at least."""
    moving = pair.known & (pair.flow.norm(dim=0) >= 0.5)
    return float(F.cosine_similarity(flow, pair.flow, dim=0)[moving].mean())


def apart(pair: Pair, flow: Tensor | None = None) -> float:
    """Returns how far the frames are apart in grey levels, the second one warped by a flow."""
    second = pair.second
    if flow is not None:
        height, width = flow.shape[1:]
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        across = (x + flow[0]) / (width - 1) * 2 - 1
        down = (y + flow[1]) / (height - 1) * 2 - 1
        grid = torch.stack([across, down], -1)[None]
        second = F.grid_sample(second[None], grid, padding_mode="border", align_corners=True)[0]
    return float((second - pair.first).abs().mean(0)[pair.known].mean())


def pair_rows(
    found: list[Pair], ways: dict[str, Callable[[Pair], Tensor]]
) -> tuple[list[list[str]], dict[str, list[Tensor]]]:
    """Returns one row a pair, and all errors of each way, pair by pair."""
    rows: list[list[str]] = []
    all_errors: dict[str, list[Tensor]] = {name: [] for name in ways}
    for pair in found:
        motion = pair.flow.norm(dim=0)[pair.known].mean()
        still, warped = apart(pair), apart(pair, pair.flow)
        row = [pair.name, f"{motion:.2f}", f"{still:.1f}, {warped:.1f}"]
        for name, way in ways.items():
            flow = way(pair)
            all_errors[name].append(errors(flow, pair))
            epe = f"{all_errors[name][-1].mean():.2f}"
            row.append(epe if name == "zero" else f"{epe} ({towards(flow, pair):+.2f})")
        others = OTHERS.get(pair.name)
        rows.append([*row, *(("", "") if others is None else (f"{epe:.2f}" for epe in others))])
    return rows, all_errors


def bin_rows(found: list[Pair], all_errors: dict[str, list[Tensor]]) -> list[list[str]]:
    """Returns one row a range of true motion: pixels, and every error as a share of the motion."""
    motion = torch.cat([pair.flow.norm(dim=0)[pair.known] for pair in found])
    rows: list[list[str]] = []
    for low, high in pairwise(BINS):
        inside = (motion >= low) & (motion < high)
        if not inside.any():
            continue
        zero = torch.cat(all_errors["zero"])[inside].mean()
        shares = [
            f"{torch.cat(each)[inside].mean() / zero:.2f}"
            for name, each in all_errors.items()
            if name != "zero"
        ]
        rows.append([f"{low:g} to {high:g}", f"{int(inside.sum()):,}", f"{zero:.2f}", *shares])
    return rows


def draw(pair: Pair, path: Path) -> None:
    """Writes the first frame, the true flow, the stage's, and the stage's on small frames."""
    frame = pair.first.permute(1, 2, 0).numpy().astype(np.uint8)
    tiles = [frame]
    for flow in (pair.flow, found_flow(pair, PUBLISHED), found_flow(pair, PUBLISHED, 112)):
        against = float(pair.flow.norm(dim=0)[pair.known].quantile(0.95))
        tiles.append(flow_picture(frame, flow.numpy(), against))
    Image.fromarray(np.concatenate(tiles, 1)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    parser.add_argument("--picture", type=Path, help="draw one pair (--pair) to this file")
    parser.add_argument("--pair", default="rotate 3deg")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = pairs(options.folder)
    if not found:
        print(f"skipped: no pairs in {options.folder}")
        return
    if options.picture is not None:
        draw(next(pair for pair in found if pair.name == options.pair), options.picture)
    ways: dict[str, Callable[[Pair], Tensor]] = {"zero": lambda pair: torch.zeros_like(pair.flow)}
    ways |= {f"{n} iterations": lambda pair, n=n: found_flow(pair, n) for n in ITERATIONS}
    ways |= {f"side {s}": lambda pair, s=s: found_flow(pair, PUBLISHED, s) for s in SIDES}
    rows, all_errors = pair_rows(found, ways)
    fit = [apart(pair, pair.flow) < apart(pair) for pair in found]
    all_errors = {
        name: [error for error, good in zip(each, fit, strict=True) if good]
        for name, each in all_errors.items()
    }
    lines = [
        "EPE in pixels; in brackets the mean cosine between flow and truth. A side is the shorter "
        f"side of frames made smaller, with {PUBLISHED} iterations. Apart: mean difference of the "
        "frames in grey levels, as they are and with the second one warped by the true flow.",
        "",
    ]
    lines += table(["pair", "motion", "apart", *ways, "Farneback", "DIS"], rows)
    lines += [
        "",
        "EPE as a share of the zero flow's, by how far pixels truly move, over all pairs whose own "
        "flow brings the frames together.",
        "",
    ]
    good = [pair for pair, brings in zip(found, fit, strict=True) if brings]
    kept = [name for name in ways if name != "zero"]
    lines += table(["true motion", "pixels", "zero, px", *kept], bin_rows(good, all_errors))
    print("\n".join(lines))
    if options.markdown is not None:
        command = "python benchmarks/flow_epe.py FOLDER --markdown FILE"
        title = "End-point error of the flow stage"
        write_markdown(options.markdown, title, command, [*lines, "", *OUTCOME])


if __name__ == "__main__":
    main()
