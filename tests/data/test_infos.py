from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from connsearch.data.loading import first_look
from connsearch.data.loading.infos import InfoCache
from connsearch.data.loading.load import load_data
from connsearch.data.media.formats import MEDIA
from connsearch.data.records import VideoInfo
from tests.data.helpers import options

INFOS = [
    VideoInfo(5, 4, 6, 25.0),
    VideoInfo(3, 4, 6, 2.5, times=(0.0, 0.1, 0.8)),
    VideoInfo(90, 4, 6, 30.0, keys=((512, 20), (1024, 40)), keys_by="order", note="it jumps"),
]


@pytest.mark.parametrize("info", INFOS)
def test_what_a_file_said_is_known_until_it_changes(tmp_path: Path, info: VideoInfo) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"one")
    with InfoCache(tmp_path / "cache" / "infos.sqlite") as cache:
        assert cache.get(path) is None
        cache.put(path, info)
    with InfoCache(tmp_path / "cache" / "infos.sqlite") as cache:
        assert cache.get(path) == info
        path.write_bytes(b"four")
        assert cache.get(path) is None
        path.write_bytes(b"one")
        os.utime(path, ns=(0, 1))
        assert cache.get(path) is None
        assert cache.get(tmp_path) is None


def test_what_earlier_versions_measured_is_forgotten(tmp_path: Path) -> None:
    path, place = tmp_path / "v.mp4", tmp_path / "infos.sqlite"
    path.write_bytes(b"one")
    stat = path.stat()
    old = {"frames": 7, "height": 4, "width": 6, "fps": 25.0, "times": [], "grid": None}
    with closing(sqlite3.connect(place)) as table:
        table.execute("create table infos (path text primary key, size, changed, info)")
        row = (str(path), stat.st_size, stat.st_mtime_ns, json.dumps(old))
        table.execute("insert into infos values (?, ?, ?, ?)", row)
        table.commit()
    with InfoCache(place) as cache:
        assert cache.get(path) is None
        cache.put(path, INFOS[0])
        assert cache.get(path) == INFOS[0]
    with closing(sqlite3.connect(place)) as table:
        names = [name for (name,) in table.execute("select name from sqlite_master")]
    assert "infos" not in names


@pytest.mark.parametrize("content", [b"no database", b""])
def test_a_cache_that_cannot_be_used_is_done_without(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.mp4").write_bytes(b"one")
    (tmp_path / "infos.sqlite").write_bytes(content)
    with InfoCache(tmp_path / "infos.sqlite") as cache:
        cache.put(tmp_path / "v.mp4", INFOS[0])
        assert cache.get(tmp_path / "v.mp4") in (None, INFOS[0])
    (tmp_path / "file").write_bytes(b"")
    with InfoCache(tmp_path / "file" / "infos.sqlite") as cache:
        cache.put(tmp_path / "v.mp4", INFOS[0])
        assert cache.get(tmp_path / "v.mp4") is None


def test_a_large_list_is_opened_once(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_look, "MANY", 10)
    asked = options(videos, cache=tmp_path, memory_mb=0)
    followed: list[int] = []

    def follow(items, total):  # type: ignore[no-untyped-def]
        followed.append(total)
        return items

    first = load_data(asked, follow=follow)
    assert followed == [18, 18]  # once for what they say of themselves, once for what they hold
    monkeypatch.setattr(type(MEDIA["video"]), "probe", None)  # nobody is asked again
    again = load_data(asked)
    assert [d.records for _, d in again] == [d.records for _, d in first]
