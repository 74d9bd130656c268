"""JSON that was damaged or changed: each fault in words, whatever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from connsearch.errors import RunError
from connsearch.files.documents import read_object

_FAULTS = {
    "empty": (b"", "not JSON"),
    "half": (b'{"a": ', "not JSON"),
    "list": (b"[1]", "a list, not a JSON object"),
    "number": (b"3", "a number, not a JSON object"),
    "null": (b"null", "null, not a JSON object"),
    "bytes": (b'{"a": "\xff\xfe"}', "utf-8"),
    "deep": (b'{"a":' * 200 + b"1" + b"}" * 200, "nested deeper than 100"),
    "deeper": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper than 100"),
    "unclosed": (b"[" * 100_000, "nested deeper than 100"),
    "digits": (b'{"a": 1' + b"0" * 5000 + b"}", "digits"),
    "twice": (b'{"a": 1, "a": 2}', "keys written twice: 'a'"),
}


@pytest.mark.parametrize(("content", "said"), _FAULTS.values(), ids=_FAULTS)
def test_a_fault_is_said_with_the_path_and_the_cure(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        read_object(path, "the config of a run", cure="do that")
    message = str(caught.value)
    assert message.startswith(f"{path}: cannot be read, it is not the config of a run: ")
    assert said in message
    assert message.endswith("\n  cure: do that")


def test_a_missing_file_and_a_directory_are_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be read: no such file"):
        read_object(tmp_path / "x.json")
    with pytest.raises(RunError, match="cannot be read: is a directory, not a file"):
        read_object(tmp_path)


def test_what_connsearch_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf{"loss": NaN, "deep": ' + b"[" * 98 + b"]" * 98 + b"}")
    assert read_object(path)["loss"] != read_object(path)["loss"]
