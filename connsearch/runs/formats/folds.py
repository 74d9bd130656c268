"""What a cross-validation leaves: its units, its summary and the rows of its predictions."""

from __future__ import annotations

from connsearch.runs.formats.form import Form
from connsearch.runs.formats.ledger import Unit
from connsearch.runs.formats.metrics import Metrics
from connsearch.runs.formats.studies import EstimateRecord
from connsearch.runs.formats.tables import Row, StabilityRow, Whole


class FoldUnit(Unit):
    """A fold that was trained and tested."""

    test: Metrics
    val: Metrics | None = None


class FoldRow(Form):
    """A fold of ``summary.json``.

    Attributes:
        fold: its number, from 1.
        name: what the list calls it; otherwise its number.
        run: its run directory.
        clips: that were tested.
        groups: that they come from.
        test: what was found on them.
        val: the score on the clips that were kept for choosing; None: none were.
    """

    fold: int
    name: str
    run: str
    clips: int
    groups: int
    test: Metrics
    val: float | None = None


class FoldClassRow(Form):
    """A class over all folds: its recall, or in multi-label data its average precision."""

    name: str
    clips: int
    value: EstimateRecord


class FoldsWiring(Form):
    """How far the searches of all folds agree; see ``analysis.stability.Found``.

    Attributes:
        verdict: a sentence for people.
        criterion: how each fold's network was pruned for this.
        kept: connections that each fold keeps, by its directory.
        jaccard: mean Jaccard over pairs of folds.
        chance: the same by chance.
        p: the share of random drawings that agree as well.
        consensus: the connections that at least half of the folds keep.
        structure: the file of that structure.
        rows: a connection each.
    """

    verdict: str
    criterion: str
    kept: dict[str, int]
    jaccard: EstimateRecord
    chance: float
    p: float
    consensus: list[list[int]]
    structure: str
    rows: list[StabilityRow]


class FoldsRecord(Form):
    """``summary.json`` of a cross-validation.

    Attributes:
        command: ``train`` or ``search``.
        run: the directory.
        folds: how many.
        by: what was divided: groups, clips, or the column cv.
        groups: what stays together, in all folds.
        measure: what is counted: accuracy or mAP.
        pooled: of all out-of-fold predictions together, clips taken as independent.
        accuracy: with its interval over groups.
        balanced_accuracy: likewise; None: multi-label.
        mAP: likewise; None: single-label.
        mean: of the folds' own scores.
        spread: the standard deviation of these.
        rows: a fold each.
        classes: a class each.
        notes: what a person should know of the folds.
        wiring: of a search: how far the folds agree.
        predictions: the table of all out-of-fold predictions.
        pictures: that were drawn.
    """

    command: str
    run: str
    folds: int
    by: str
    groups: int
    measure: str
    pooled: Metrics
    accuracy: EstimateRecord
    balanced_accuracy: EstimateRecord | None = None
    mAP: EstimateRecord | None = None
    mean: float | None
    spread: float | None
    rows: list[FoldRow]
    classes: list[FoldClassRow]
    notes: list[str] = []
    wiring: FoldsWiring | None = None
    predictions: str
    pictures: list[str] = []


class PredictionRow(Row):
    """A row of ``predictions.csv``: a clip by the network that never saw its fold.

    After these columns there is one a class, ``p CLASS``, with its probability; of multi-label data
    also one a class with its ``log odds CLASS``.

    Attributes:
        path: of the video.
        clip: its name in the data set.
        label: its class, or its classes with ``|`` between them.
        group: that it belongs to; empty: itself.
        fold: it is tested in, from 1.
        predicted: the first answer.
        probability: of that answer.
    """

    path: str = ""
    clip: str = ""
    label: str = ""
    group: str = ""
    fold: Whole
    predicted: str
    probability: float
