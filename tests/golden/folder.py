"""A folder of golden files, of one format or of several: its index, its arrays, its lists."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent


class GoldenError(Exception):
    """A folder cannot be used; says where, what was read and what is allowed."""


@dataclass(frozen=True)
class Folder:
    """Golden files side by side.

    Attributes:
        path: where ``index.json`` lies.
        index: its entries by name.
    """

    path: Path
    index: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Folder:
        """Returns the folder.

        Raises:
            GoldenError: there is no index, or it is no JSON object of objects.
        """
        file = path / "index.json"
        if not file.is_file():
            raise GoldenError(f"--golden-dir {path}: no index.json there")
        try:
            index = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise GoldenError(f"{file}: {error}") from None
        if not isinstance(index, dict) or not all(isinstance(e, dict) for e in index.values()):
            raise GoldenError(f"{file}: wanted one JSON object a case, by name")
        if not index:
            raise GoldenError(f"{file}: names no case")
        return cls(path, index)

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Returns all arrays of an entry's file."""
        with np.load(self.path / self.index[name]["file"], allow_pickle=False) as file:
            return {key: file[key] for key in file.files}

    def table(self, name: str, own: Path) -> Any:
        """Returns a list or table kept as JSON, from here or else from our own copy in ``own``."""
        path = next(p for p in (self.path / name, own / name) if p.is_file())
        content = path.read_bytes()
        return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
