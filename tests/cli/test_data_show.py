from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from connsearch.cli.commands.data_show import DataShow
from connsearch.cli.parse import parse
from connsearch.cli.terminal import Terminal
from connsearch.data.clips.augment import AUGMENTATIONS, PRESETS
from connsearch.data.options import DataOptions
from connsearch.errors import SettingsError, UnknownNameError
from tests.view.test_contact_sheet import listing

PLANTED = "--data synthetic:mix --train-clips 3 --val-clips 1 --test-clips 1 --size 16".split()


def asked(tmp_path: Path, *words: str) -> DataShow:
    given = [*PLANTED, "--cache", str(tmp_path / "cache"), *words]
    return parse(DataShow, given, program="connsearch data show")


def test_the_sheet_is_written_and_the_report_says_what_is_on_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "sheet.png"
    command = asked(tmp_path, "-o", str(output), "--clips", "2", "--augment", "srtg_small")
    report = json.loads(json.dumps(command.execute(Terminal(json_line=True))))
    assert report["picture"] == str(output)
    assert len(report["clips"]) == 2
    assert len({tuple(clip["classes"]) for clip in report["clips"]}) == 2
    assert all(clip["split"] == "train" and clip["fault"] is None for clip in report["clips"])
    with Image.open(output) as sheet:
        assert sheet.width > 1000
    assert capsys.readouterr().out == ""
    one = asked(tmp_path, "-o", str(output), "--names", report["clips"][1]["name"])
    again = one.execute(Terminal())
    assert [clip["name"] for clip in again["clips"]] == [report["clips"][1]["name"]]


def test_the_help_names_every_augmentation(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(DataShow, ["--help"], program="connsearch data show")
    text = capsys.readouterr().out
    for name in (*AUGMENTATIONS, *PRESETS):
        assert name in text
    assert "--batch-size" not in text


def test_mistakes_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"sheet.jpg: .* \.png"):
        asked(tmp_path, "-o", "sheet.jpg").execute(Terminal())
    with pytest.raises(UnknownNameError, match="did you mean 'rotation'"):
        asked(tmp_path, "--augment", "rotatoin").execute(Terminal())
    with pytest.raises(SettingsError, match="no clip on the test list"):
        asked(tmp_path, "--data", "x").model_copy(
            update={"data": _without_test(tmp_path), "split": "test"}
        ).execute(Terminal())


def _without_test(tmp_path: Path) -> DataOptions:
    source = listing(tmp_path, objects=False)
    rows = [row for row in source.read_text().splitlines() if ",test" not in row]
    source.write_text("\n".join(rows) + "\n")
    return DataOptions.of(source=str(source), frames=4, size=16, test_share=0.0)
