"""What would make a training better, as its ``result.json`` and its events have it."""

from __future__ import annotations

from connsearch.runs.formats.form import Form


class Advice(Form):
    """Something that was noticed about a training, and its cure.

    Attributes:
        kind: a short name of what was noticed; ``training.advice`` has them all.
        said: what was noticed, with the numbers.
        cure: what usually helps, with the options that do it.
    """

    kind: str
    said: str
    cure: str

    def __str__(self) -> str:
        return f"{self.said}\n  cure: {self.cure}"
