from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from connsearch.data.clips.usable import decoded_size
from connsearch.data.loading.load import load_data
from connsearch.data.loading.loader import Loader
from connsearch.data.options import DataOptions
from connsearch.data.records import VideoInfo
from connsearch.data.sources.datasets import DATASETS
from connsearch.data.sources.source import read_source
from connsearch.errors import ConnsearchError, DataError, UnknownNameError
from connsearch.files.disk import UnreadableError
from tests.data.helpers import CLASSES, GROUPS, options

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(params=["csv", "folder", "frames_db", "synthetic"])
def loaded(
    request: pytest.FixtureRequest,
    listing: Path,
    videos: Path,
    planted: DataOptions,
    packed: Path,
) -> DataOptions:
    """Options for a small data set of every kind that can have object maps."""
    examples = {
        "csv": options(f"csv:{listing}"),
        "folder": options(f"folder:{videos}"),
        "frames_db": options(f"frames_db:{packed}"),
        "synthetic": planted,
    }
    return examples[request.param]


class TestEveryKindWithObjectMaps:
    """What loading promises; what every source promises is in datasets/test_every_source.py."""

    def test_the_lists_are_disjoint_and_complete(self, loaded: DataOptions) -> None:
        data = load_data(loaded)
        names = [r.name for _, clips in data for r in clips.records]
        assert len(names) == len(set(names))
        units = [{r.unit for r in clips.records} for _, clips in data]
        assert sum(len(u) for u in units) == len(set.union(*units))
        assert all(len(clips) for _, clips in data)
        assert set(data.train.labels) == set(range(len(data.classes)))

    def test_loading_again_gives_the_same(self, loaded: DataOptions) -> None:
        first, again = load_data(loaded), load_data(loaded)
        assert first.fingerprint == again.fingerprint
        assert first.hashes == again.hashes
        assert len(set(first.hashes.values())) == 3
        assert [c.labels for _, c in first] == [c.labels for _, c in again]

    def test_streams_have_the_promised_shapes(self, loaded: DataOptions) -> None:
        data = load_data(loaded)
        assert data.clip == (6, 16, 16)
        for _, clips in data:
            batch = next(Loader(clips).batches(batch_size=2))
            assert batch.streams["rgb"].shape == (2, 3, *data.clip)
            assert batch.streams["rgb"].std() > 0.05
            assert batch.streams["object"].shape == (2, data.object_classes, *data.clip)
            assert torch.equal(batch.streams["object"].sum(1), torch.ones(2, *data.clip))

    def test_records_say_where_they_are(self, loaded: DataOptions) -> None:
        for _, clips in load_data(loaded):
            for record in clips.records:
                assert record.path.is_file()
                assert not Path(record.name).is_absolute()


def test_the_kind_of_data_set_is_seen_from_the_path(listing: Path, videos: Path) -> None:
    by_list, by_folder = load_data(options(listing)), load_data(options(videos))
    assert by_list.classes == by_folder.classes == CLASSES
    assert {len({r.group for r in c.records}) for _, c in by_list} == {1, 4}
    assert sum(len(c) for _, c in by_folder) == len(CLASSES) * len(GROUPS)
    assert by_list.object_classes == by_folder.object_classes == 3


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("synthetic:objekt", DataError, "did you mean 'object'"),
        ("sinthetic:mix", DataError, "no data set named 'sinthetic', did you mean 'synthetic'"),
        ("no/such/place", DataError, r"no such folder or list\n  allowed: a folder"),
        ("no/such/place", DataError, r"(?s)cure: a relative path begins in the folder"),
        ("ucf101", DataError, r"ucf101: .*its files: ucf101:PATH"),
        ("folder:no/such/place", DataError, "no such folder"),
        (
            __file__,
            DataError,
            "a data set is a folder or a list \\(.csv, .txt, .lst, .list\\), read '.py'",
        ),
    ],
)
def test_an_unknown_source_is_refused(source: str, kind: type[ConnsearchError], words: str) -> None:
    with pytest.raises(kind, match=words):
        load_data(options(source))


def test_the_cupboard_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'folder'"):
        DATASETS["folders"]


def test_unreadable_videos_are_refused_together_before_any_work(tmp_path: Path) -> None:
    rows = ["path,label,split"]
    for i, split in enumerate(("train", "train", "val", "test")):
        (tmp_path / f"{i}.mp4").write_bytes(b"x" * i)
        rows.append(f"{i}.mp4,{'ab'[i % 2]},{split}")
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    with pytest.raises(DataError, match=r"(?s)4 of 4 videos unusable.*0.mp4.*1.mp4.*2.mp4.*cure"):
        load_data(options(tmp_path))
    data = load_data(options(tmp_path, check_files=False))
    with pytest.raises(DataError, match=r"0.mp4: not readable"):
        next(Loader(data.train).batches(batch_size=1, augment=True))


def test_short_videos_are_refused_together_when_asked(videos: Path) -> None:
    with pytest.raises(DataError, match=r"18 of 18 videos unusable\n.*12 frames, a clip of 16"):
        load_data(options(videos, frames=16, short="refuse"))
    assert len(load_data(options(videos, frames=16)).train) > 0


def test_frames_are_remembered_only_when_all_of_them_fit(videos: Path) -> None:
    assert load_data(options(videos)).train.remember
    assert not load_data(options(videos, memory_mb=0)).train.remember
    assert not load_data(options(videos, workers=1)).train.remember


def test_object_maps_are_checked_against_their_classes(videos: Path) -> None:
    data = load_data(options(videos, object_classes=2))
    batch = next(Loader(data.train).batches(batch_size=1))
    assert "object classes 0 to 2; allowed: 0 to 1" in batch.faults[0].reason


@pytest.mark.parametrize(
    ("keep", "video", "size"),
    [(True, (120, 160), (20, 27)), (True, (160, 120), (27, 20)), (False, (120, 160), (20, 20))],
)
def test_frames_are_decoded_to_the_shorter_side(
    keep: bool, video: tuple[int, int], size: tuple[int, int]
) -> None:
    info = VideoInfo(10, *video, 25.0)
    assert decoded_size(info, options("x", keep_aspect=keep).clips) == size


@pytest.mark.skipif(not DATA.is_dir(), reason="the real videos are not at hand")
@pytest.mark.parametrize(
    ("name", "changes", "counts"),
    [
        ("cc-motion", {}, (119, 30, 49)),
        ("fir-rgb-scene01", {"stride": 4}, (95, 33, 51)),
        ("lips-cat-coop", {"split_by": "clip"}, (30, 7, 9)),
        ("cc-asl20", {"val_share": 0, "test_share": 0}, (20, 0, 0)),
    ],
)
def test_real_videos_load(name: str, changes: dict, counts: tuple[int, int, int]) -> None:
    if not (DATA / name / "clips.csv").is_file():
        pytest.skip(f"{name} is not at hand")
    data = load_data(options(DATA / name / "clips.csv", memory_mb=0, **changes))
    assert tuple(len(clips) for _, clips in data) == counts
    assert next(Loader(data.train).batches(batch_size=2)).streams["rgb"].shape == (2, 3, 6, 16, 16)


def test_a_pipe_is_no_data_set_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clips.csv")
    with pytest.raises(UnreadableError, match=r"clips.csv: is a pipe \(FIFO\), not a file"):
        read_source(options(tmp_path / "clips.csv"))
