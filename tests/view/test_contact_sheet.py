from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.loading.load import DataSplits, load_data
from connsearch.data.media.decode import write_video
from connsearch.data.options import DataOptions
from connsearch.errors import UnknownNameError
from connsearch.view.clips.contact_sheet import contact_sheet
from connsearch.view.clips.strips import make_strip, named_picks, spread_picks
from connsearch.view.structures.palette import DEAD


def listing(folder: Path, *, objects: bool) -> Path:
    rng = np.random.default_rng(0)
    lines = ["path,label,split" + (",object" if objects else "")]
    for split in ("train", "val", "test"):
        for label in ("left", "right"):
            for number in range(2):
                name = f"{split}-{label}-{number}"
                frames = rng.integers(0, 255, (12, 40, 48, 3), dtype=np.uint8)
                write_video(folder / f"{name}.mp4", frames, fps=10)
                maps = np.zeros((12, 10, 12), np.uint8)
                maps[:, 2:6, 3:8] = 1 + number
                np.savez(folder / f"{name}.npz", classes=maps)
                lines.append(f"{name}.mp4,{label},{split}" + (f",{name}.npz" if objects else ""))
    path = folder / "clips.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def opened(folder: Path, *, objects: bool = True, **changes: object) -> DataSplits:
    source = listing(folder, objects=objects)
    chosen = {"frames": 6, "size": 32, "bad_share": 1.0, **changes}
    return load_data(DataOptions.of(source=str(source), **chosen))


def test_picks_are_spread_over_the_classes_and_decided_by_the_seed(tmp_path: Path) -> None:
    data = opened(tmp_path)
    labels = [data.train.labels[i] for i in spread_picks(data, "train", 2, seed=0)]
    assert labels == [0, 1]
    assert sorted(spread_picks(data, "train", 9, seed=0)) == [0, 1, 2, 3]
    found = {tuple(spread_picks(data, "train", 2, seed=seed)) for seed in range(20)}
    assert len(found) == 4
    assert spread_picks(data, "train", 2, seed=3) == spread_picks(data, "train", 2, seed=3)


def test_clips_are_found_by_name_on_any_list(tmp_path: Path) -> None:
    data = opened(tmp_path)
    picks = named_picks(data, ["test-left-1.mp4", "train-right-0.mp4"])
    found = [dict(data)[split].records[index].name for split, index in picks]
    assert found == ["test-left-1.mp4", "train-right-0.mp4"]
    with pytest.raises(UnknownNameError, match=r"did you mean 'test-left-1.mp4'\? .*12 clips"):
        named_picks(data, ["test-left-1.mp"])


def test_a_strip_shows_what_the_network_is_given(tmp_path: Path) -> None:
    data = opened(tmp_path, augment=("rotation", "channel_add"), augment_each=1.0)
    strip = make_strip(data, "train", 1, columns=4, seed=5, epoch=2)
    titles = [row.title for row in strip.rows]
    assert titles == ["as evaluated", "in training", "flow", "objects", "objects in training"]
    assert strip.objects == {0, 2}
    shown = (0, 2, 3, 5)
    for row, key in (
        (strip.rows[0], ClipKey(1)),
        (strip.rows[1], ClipKey(1, 5, 2, augment=True)),
    ):
        rgb = data.train.clip(key).streams["rgb"]
        moments = data.train.moments(key)
        assert [c.split()[0] for c in row.captions] == [str(moments[t][0]) for t in shown]
        for tile, t in zip(row.pictures, shown, strict=True):
            assert tile.shape == (128, 128, 3)
            small = tile[2::4, 2::4].astype(float)
            assert np.abs(small - (rgb[:, t].permute(1, 2, 0).numpy() + 1) * 127.5).max() < 1
    assert strip.rows[0].captions[1] == "5  0.50 s"
    marked = strip.rows[3].pictures[0] != strip.rows[0].pictures[0]
    assert 0.05 < marked.any(-1).mean() < 0.6


def test_without_maps_there_are_no_object_rows(tmp_path: Path) -> None:
    strip = make_strip(opened(tmp_path, objects=False), "test", 0, columns=8, seed=0, epoch=0)
    assert [row.title for row in strip.rows] == ["as evaluated", "in training", "flow"]
    assert {len(row.pictures) for row in strip.rows} == {6}


def test_a_quarantined_clip_is_a_red_tile_with_its_reason(tmp_path: Path) -> None:
    source = listing(tmp_path, objects=False)
    (tmp_path / "train-left-1.mp4").write_bytes(b"no video")
    chosen = DataOptions.of(source=str(source), frames=6, size=32, bad_share=1.0)
    data = load_data(chosen)
    [(split, index)] = named_picks(data, ["train-left-1.mp4"])
    strip = make_strip(data, split, index, columns=4, seed=0, epoch=0)
    assert "train-left-1.mp4: not readable as video" in strip.fault
    sheet = np.asarray(contact_sheet([strip], title="data"))
    red = np.array([int(DEAD.line[i : i + 2], 16) for i in (1, 3, 5)])
    assert (sheet == red).all(-1).sum() > 500


def test_several_classes_and_none_have_their_names(tmp_path: Path) -> None:
    data = opened(tmp_path, objects=False)
    many = [replace(data.train.records[0], labels=labels) for labels in ((0, 1), ())]
    records = (*many, *data.train.records)
    train = ClipDataset.of(records, data.options, object_classes=0, num_classes=2)
    both = replace(data, train=train, multi_label=True)
    strips = [make_strip(both, "train", i, columns=2, seed=0, epoch=0) for i in range(2)]
    assert [strip.classes for strip in strips] == [("left", "right"), ()]
    assert spread_picks(both, "train", 3, seed=0)[0] == 1  # no class comes first
    assert contact_sheet(strips, title="t").height > 2 * 3 * 128


@pytest.mark.parametrize(("size", "side"), [(16, 128), (48, 144), (112, 112), (224, 176)])
def test_tiles_are_of_a_readable_size(tmp_path: Path, size: int, side: int) -> None:
    data = opened(tmp_path, objects=False, size=size, frames=2)
    strip = make_strip(data, "train", 0, columns=2, seed=0, epoch=0)
    assert strip.rows[0].pictures[0].shape[:2] == (side, side)


def test_the_sheet_is_as_wide_as_its_columns_and_has_a_legend(tmp_path: Path) -> None:
    data = opened(tmp_path)
    strips = [make_strip(data, "train", i, columns=3, seed=0, epoch=0) for i in (0, 1)]
    sheet = contact_sheet(strips, title="a title", remark="a remark " * 60)
    assert sheet.width == 28 + 148 + 3 * (128 + 4)
    wheel = np.asarray(sheet)[-120:, :150]
    assert len(np.unique(wheel.reshape(-1, 3), axis=0)) > 500
