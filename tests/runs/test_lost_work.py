"""Nothing is lost where a disk is full, and no weights are taken that nobody has learned."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from connsearch.errors import RunError, UserError
from connsearch.files import disk
from connsearch.files.disk import DiskFullError
from connsearch.runs import logs
from connsearch.runs.checkpoint import load_checkpoint
from connsearch.runs.events import ResultEvent, StepEvent
from connsearch.runs.files import load_weights, put_weights
from connsearch.runs.formats.form import columns
from connsearch.runs.formats.tables import MetricsRow
from connsearch.runs.logs import CsvLog
from connsearch.runs.names import CONNECTIONS, LEARNED, METRICS, RESULT, WEIGHTS
from connsearch.runs.record import open_run
from connsearch.workflows.targets import open_structure, open_trained
from tests.training.tiny import result_of, tiny_search


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests read it and change nothing."""
    run = tmp_path_factory.mktemp("whole") / "run"
    result_of(tiny_search(run, epochs=2))
    return run


def no_room(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Lets the disk be full whenever a file of that name is written."""
    replace = disk._replace

    def full(path: Path, data: bytes, mode: int | None) -> None:
        if name in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(path, data, mode)

    monkeypatch.setattr(disk, "_replace", full)


@pytest.mark.parametrize("name", ["step-000000006", LEARNED, WEIGHTS, RESULT, "config.json"])
def test_a_run_whose_disk_is_full_goes_on_when_there_is_room(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        no_room(patch, name)
        with pytest.raises(DiskFullError, match=rf"{name}.*could not be written") as caught:
            list(tiny_search(run, epochs=2))
    assert "free on its file system" in str(caught.value)
    assert "rerun the same command" in str(caught.value)
    assert not [p for p in run.rglob("*") if p.suffix == ".tmp"]
    if name == "step-000000006":
        found = load_checkpoint(run / "checkpoint")
        assert found is not None
        assert (found.checkpoint.step, found.damaged) == (3, ())
    result = result_of(tiny_search(run, epochs=2))
    assert result.report.digest == result_digest(whole)
    assert (run / CONNECTIONS).read_bytes() == (whole / CONNECTIONS).read_bytes()


def result_digest(run: Path) -> str:
    return open_run(run).result.digest  # type: ignore[union-attr,return-value]


class AlmostFull:
    """A file with room for a few more bytes."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = self._file.write(bytes(data[: self._room]))
        self._room -= done
        return done


def test_half_a_row_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / METRICS
    log = CsvLog(path, MetricsRow, length=None)
    log.add([{"step": 1, "split": "train", "loss": 0.5}])
    before = path.read_bytes()
    log._file = AlmostFull(log._file, 7)  # type: ignore[assignment]
    with pytest.raises(DiskFullError, match=METRICS):
        log.add([{"step": 2, "split": "train", "loss": 0.25}])
    assert path.read_bytes() == before
    log._file = log._file._file  # type: ignore[attr-defined]
    log.add([{"step": 2, "split": "train", "loss": 0.25}])
    assert path.read_bytes().count(b"\n") == 3
    log.close()


def test_a_write_in_parts_writes_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(AlmostFull):
        def write(self, data: bytes) -> int:
            return self._file.write(bytes(data[:3]))

    made = open
    monkeypatch.setattr(logs, "open", lambda *a, **k: Slow(made(*a, **k), 0), raising=False)
    log = CsvLog(tmp_path / METRICS, MetricsRow, length=None)
    log.close()
    assert (tmp_path / METRICS).read_text() == ",".join(columns(MetricsRow)) + "\n"


def test_everything_in_a_run_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        result_of(tiny_search(tmp_path / "run", epochs=1))
    finally:
        os.umask(before)
    modes = {
        p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "run").rglob("*") if p.is_file()
    }
    assert len(modes) > 8
    assert set(modes.values()) == {0o644}, modes


def _changed(change: Callable[[dict[str, Tensor], str], None]) -> Callable[[Path], None]:
    def harm(path: Path) -> None:
        found = load_weights(path)
        change(found, "head.dense.weight")
        save_file(found, path)

    return harm


def _value(value: float) -> Callable[[dict[str, Tensor], str], None]:
    def change(found: dict[str, Tensor], name: str) -> None:
        found[name][0, 0] = value

    return change


def _to(kind: torch.dtype) -> Callable[[dict[str, Tensor], str], None]:
    def change(found: dict[str, Tensor], name: str) -> None:
        found[name] = found[name].to(kind)

    return change


_WRONG: dict[str, tuple[Callable[[dict[str, Tensor], str], Any], str]] = {
    "nan": (_value(float("nan")), r"1 of \d+ values of head.dense.weight are not finite"),
    "inf": (_value(float("inf")), "not finite"),
    "int64": (_to(torch.int64), "head.dense.weight is int64 .* expected float32"),
    "int8": (_to(torch.int8), "head.dense.weight is int8; allowed are float32"),
    "float64": (_to(torch.float64), "head.dense.weight is float64; allowed are float32"),
    "bfloat16": (_to(torch.bfloat16), "head.dense.weight is bfloat16; allowed"),
    "missing": (lambda found, name: found.pop(name), "holds no classifier"),
    "extra": (lambda found, name: found.update(x=torch.ones(1)), "x is not part"),
    "shape": (
        lambda found, name: found.update({name: found[name][:, :1].clone()}),
        r"head.dense.weight is float32 \[2, 1\], expected float32 \[2, \d+\]",
    ),
}


@pytest.mark.parametrize(("change", "said"), _WRONG.values(), ids=_WRONG)
def test_weights_nobody_has_learned_are_refused_by_name(
    whole: Path, tmp_path: Path, change: Callable[[dict[str, Tensor], str], None], said: str
) -> None:
    run = copied(whole, tmp_path)
    _changed(change)(run / WEIGHTS)
    with pytest.raises(RunError, match=said) as caught:
        open_trained(run).network()
    assert str(run) in str(caught.value)


def test_weights_that_fit_are_put(whole: Path) -> None:
    network = open_trained(whole).network()
    put_weights(network, network.state_dict(), "here")
    missing = {n: t for n, t in network.state_dict().items() if "head" not in n}
    with pytest.raises(RunError, match=r"here.*\n  head\.dense\.bias is missing"):
        put_weights(network, missing, "here")


def copied(run: Path, folder: Path) -> Path:
    import shutil

    return Path(shutil.copytree(run, folder / "copy"))


def test_checkpoints_that_may_not_be_looked_at_are_not_none(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copied(whole, tmp_path)

    def denied(path: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(disk.os, "listdir", denied)
    with pytest.raises(OSError, match="checkpoint: permission denied"):
        load_checkpoint(run / "checkpoint")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["config.json", "structure.json", RESULT, LEARNED, WEIGHTS])
def test_a_pipe_in_a_run_is_refused_without_waiting(whole: Path, tmp_path: Path, name: str) -> None:
    run = copied(whole, tmp_path)
    (run / name).unlink()
    os.mkfifo(run / name)
    with pytest.raises(UserError, match=r"(?s)is a pipe \(FIFO\), not a file"):
        open_trained(run).network()
    if name != WEIGHTS:
        with pytest.raises(UserError, match=r"(?s)is a pipe"):
            open_structure(str(run))


def test_a_checkpoint_of_another_kind_of_optimiser_is_refused_in_words(tmp_path: Path) -> None:
    for event in tiny_search(tmp_path / "run"):
        if isinstance(event, StepEvent) and event.step == 4:
            break
    from connsearch.runs.checkpoint import Checkpoint, read_checkpoint, save_checkpoint

    (path,) = (tmp_path / "run" / "checkpoint").iterdir()
    found = read_checkpoint(path)
    name = next(n for n in found.tensors if n.endswith("/exp_avg_sq"))
    left = {n: t for n, t in found.tensors.items() if n != name}
    save_checkpoint(path.parent, Checkpoint(found.step, left, found.state, found.notes))
    with pytest.raises(RunError, match=r"checkpoint of step 3 .*no exp_avg_sq"):
        list(tiny_search(tmp_path / "run"))


def test_a_result_with_wrong_numbers_is_refused_in_words(whole: Path, tmp_path: Path) -> None:
    run = copied(whole, tmp_path)
    path = run / RESULT
    path.write_text(path.read_text().replace('"clips": 6', '"clips": "six"'))
    with pytest.raises(RunError, match=r"(?s)result\.json: .*metrics\.val\.clips: .*six"):
        [e for e in tiny_search(run, epochs=2) if isinstance(e, ResultEvent)]
