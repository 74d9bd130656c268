from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from connsearch.data.options import ClipOptions, DataOptions, LoadingOptions, default_cache


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": "  "}, "no data named"),
        ({"frames": 0}, "greater than or equal to 1"),
        ({"size": 2}, "greater than or equal to 4"),
        ({"crop_scale": (1.2, 0.8)}, "the smaller one first"),
        ({"size": 64, "short_side": 32}, "a crop cannot be larger than the frame"),
        ({"val_share": 0.5, "test_share": 0.5}, "leave nothing to train on"),
        ({"short": "stretch"}, "'repeat', 'loop', 'shrink', 'first' or 'refuse'"),
        ({"multi_scale": (1, 1.5)}, "less than or equal to 1"),
        ({"multi_scale": (1, 0.5), "crop_scale": (0.5, 1.0)}, "give --multi-scale or --crop-scale"),
        ({"multi_scale": (1, 0.5), "crop_from": "square"}, "give --multi-scale or --crop-from"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_law(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        DataOptions.of(**change)


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        DataOptions.of(frames=0, batch_size=0, workers=-1)
    assert caught.value.error_count() == 3


def test_options_are_a_value() -> None:
    first = DataOptions.of(frames=4)
    assert first == DataOptions.model_validate_json(first.model_dump_json())
    with pytest.raises(ValidationError):
        first.clips.frames = 5  # type: ignore[misc]


def test_the_cache_is_named_by_the_option_else_by_xdg_else_by_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert DataOptions().loading.cache_directory == tmp_path / "connsearch"
    assert LoadingOptions(cache=tmp_path / "mine").cache_directory == tmp_path / "mine"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "connsearch"


def test_decoded_frames_are_a_little_larger_than_clips() -> None:
    assert ClipOptions(size=112).sides == (126, 112, 112)
    assert ClipOptions(size=112, short_side=112).sides.decoded == 112
