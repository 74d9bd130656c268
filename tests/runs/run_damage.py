"""Seeded damage to the files of a run: bytes, JSON of other kinds, tensors, places."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from connsearch.runs.checkpoint import FORMAT, _seal, digest

Damage = Callable[[Path, random.Random], None]

VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2**70, 1e300, float("nan"), float("inf"), 0.5),
    *("", "text", "a\nb\x1b[31m", [], {}, [[1]], [None], {"a": 1}, ["x"] * 3),
)


def json_value(path: Path, rng: random.Random) -> None:
    """Puts another value somewhere, removes a key, or adds one."""
    found = json.loads(path.read_bytes())
    path.write_text(json.dumps(changed(found, rng)))


def changed(found: Any, rng: random.Random) -> Any:
    """Returns the JSON value with one value replaced, removed or added."""
    if rng.random() < 0.05:
        return rng.choice(VALUES)
    at = found
    while isinstance(at, dict | list) and at:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = rng.choice(keys)
        if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.7:
            at = at[key]
            continue
        action = rng.random()
        if action < 0.7:
            at[key] = rng.choice(VALUES)
        elif action < 0.9:
            del at[key]
        elif isinstance(at, dict):
            at[rng.choice(["val", "loss", "x", "0", "edges"])] = rng.choice(VALUES)
        else:
            at.append(rng.choice(VALUES))
        break
    return found


def json_text(path: Path, rng: random.Random) -> None:
    """Writes what a JSON reader stumbles over."""
    text = path.read_text()
    deep = rng.choice([90, 110, 900, 100_000])
    key = rng.choice(['"settings"', '"metrics"', '"facts"', '"nodes"', '"x"'])
    texts = [
        "",
        " ",
        "null",
        "[" * deep,
        "[" * deep + "]" * deep,
        '{"a":' * deep + "1" + "}" * deep,
        text.replace("{", "{" + key + ":" + "[" * deep + "]" * deep + ",", 1),
        text.replace("{", "{" + key + ": 1" + "0" * rng.choice([400, 5000]) + ",", 1),
        text.replace("{", "{" + key + ": 1, " + key + ": 2,", 1),
        text.replace("{", "{" + key + ": NaN,", 1),
        text.replace("{", "{" + key + ": -Infinity,", 1),
        text.replace('"', "'"),
        text + text,
        "\ufeff" + text,
    ]
    path.write_text(rng.choice(texts))


def some_bytes(path: Path, rng: random.Random) -> None:
    """Flips, cuts, doubles or replaces bytes."""
    content = bytearray(path.read_bytes())
    action = rng.randrange(7)
    at = rng.randrange(len(content) + 1)
    if action == 0 and content:
        for _ in range(rng.choice([1, 1, 3, 20])):
            content[rng.randrange(len(content))] = rng.randrange(256)
    elif action == 1:
        content = content[:at]
    elif action == 2:
        content[at:at] = rng.randbytes(rng.choice([1, 8, 300]))
    elif action == 3:
        content = bytearray(rng.randbytes(rng.choice([0, 1, 8, 1000])))
    elif action == 4:
        content = content + content
    elif action == 5:
        content = content[at:]
    else:
        content[at : at + 4] = rng.choice([b"\xff\xfe\x00\x00", b"\x00" * 4, b"\r\n\r\n", b'""""'])
    path.write_bytes(content)


def csv_cells(path: Path, rng: random.Random) -> None:
    """Puts words, other numbers, quotes and missing cells into a table."""
    lines = path.read_text().splitlines()
    row = rng.randrange(len(lines))
    cells = lines[row].split(",")
    action = rng.randrange(6)
    if action <= 2:
        cells[rng.randrange(len(cells))] = rng.choice(
            ["word", "", "-1", "nan", "inf", "1e400", "9" * 5000, "1.5", '"', "\x00", "=1+1", "é"]
        )
    elif action == 3:
        del cells[rng.randrange(len(cells))]
    elif action == 4:
        cells.append("1")
    lines[row] = ",".join(cells)
    if action == 5:
        rng.shuffle(lines)
    path.write_text("\n".join(lines) + rng.choice(["\n", "", "\n\n"]))


def tensors(path: Path, rng: random.Random) -> None:
    """Writes the same file with tensors of other values, kinds, shapes and names.

    A checkpoint is sealed again, so that only what it holds can be noticed.
    """
    with safe_open(path, framework="pt") as file:
        header = dict(file.metadata())
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if "state" in header and rng.random() < 0.5:
        part = rng.choice(["state", "notes"])
        header[part] = json.dumps(changed(json.loads(header[part]), rng))
    else:
        name = rng.choice(list(found))
        found |= {name: _tensor(found[name], rng)}
        if rng.random() < 0.2:
            del found[name]
        elif rng.random() < 0.2:
            found[rng.choice(["x", "model/x", "optimiser/filters/x/y", "logits/x", "a/b"])] = (
                torch.ones(2)
            )
    if header.get("format") == FORMAT:
        try:
            header["digest"] = digest(found, json.loads(header["state"]))
        except (ValueError, TypeError, AttributeError):
            header["digest"] = "0"
        header["seal"] = _seal(header)
    path.write_bytes(save(found, metadata=header))


def _tensor(tensor: Tensor, rng: random.Random) -> Tensor:
    if tensor.is_floating_point() and tensor.numel() and rng.random() < 0.4:
        changed_ = tensor.clone()
        flat = changed_.view(-1)
        flat[rng.randrange(len(flat))] = rng.choice([float("nan"), float("inf"), -float("inf")])
        return changed_
    kinds = [torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.int8, torch.bool]
    if rng.random() < 0.5:
        return tensor.to(rng.choice([*kinds, torch.complex64, torch.float8_e4m3fn]))
    shapes: list[Tensor] = [
        tensor.reshape(-1),
        tensor.reshape(-1)[:1].clone(),
        tensor[None].clone(),
        torch.cat([tensor.reshape(-1)] * 2),
        tensor.new_zeros(0),
        tensor.new_zeros(()),
    ]
    return rng.choice(shapes)


def tensor_header(path: Path, rng: random.Random) -> None:
    """Changes the header of a tensor file, with a length that fits or not."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    head = json.loads(content[8 : 8 + length])
    action = rng.randrange(3)
    text = json.dumps(changed(head, rng)).encode()
    if action == 0:
        length = rng.choice([0, 1, 2**31, 2**63, len(content), length + 1])
        text = content[8 : 8 + struct.unpack("<Q", content[:8])[0]]
    else:
        rest = content[8 + length :]
        path.write_bytes(struct.pack("<Q", len(text)) + text + rest)
        return
    path.write_bytes(struct.pack("<Q", length) + text + content[8 + len(text) :])


def gone(path: Path, rng: random.Random) -> None:
    """Removes it."""
    path.unlink()


def other_kind(path: Path, rng: random.Random) -> None:
    """Puts a directory, a pipe, a socket, a device or a link in its place."""
    path.unlink()
    action = rng.randrange(6)
    if action == 0:
        path.mkdir()
    elif action == 1:
        os.mkfifo(path)
    elif action == 2:
        here = os.getcwd()
        os.chdir(path.parent)  # the name of a socket may have 107 bytes
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
        os.chdir(here)
    elif action == 3:
        path.symlink_to("/dev/zero")
    elif action == 4:
        path.symlink_to(path.name)
    else:
        path.symlink_to("/nowhere")


def swapped(path: Path, rng: random.Random) -> None:
    """Puts another file of the run in its place."""
    others = [p for p in path.parent.iterdir() if p.is_file() and p != path]
    if others:
        shutil.copyfile(rng.choice(others), path)


_EVERYWHERE: tuple[Damage, ...] = (some_bytes, some_bytes, gone, other_kind, swapped)
KINDS: dict[str, tuple[Damage, ...]] = {
    ".json": (json_value, json_value, json_value, json_text),
    ".csv": (csv_cells, csv_cells),
    ".safetensors": (tensors, tensors, tensors, tensor_header),
}


def damage(run: Path, rng: random.Random) -> str:
    """Damages one or two files of a run; returns what was done."""
    done: list[str] = []
    for _ in range(rng.choice([1, 1, 1, 2])):
        files = sorted(
            p for p in run.rglob("*") if p.suffix in KINDS and p.is_file() and not p.is_symlink()
        )
        path = rng.choice(files)
        act = rng.choice((*KINDS[path.suffix] * 2, *_EVERYWHERE))
        try:
            act(path, rng)
        except (ValueError, LookupError, TypeError, OSError, RuntimeError, SafetensorError):
            some_bytes(path, rng)  # it was damaged before, beyond this
        done.append(f"{act.__name__} {path.relative_to(run)}")
    return ", ".join(done)
