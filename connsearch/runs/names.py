"""Every file name in a run directory and next to it, defined once.

What an evolution calls its study (``study.json``, the journal) stands in ``evolution.study``.
"""

from __future__ import annotations

import re

CONFIG = "config.json"
"""What was asked for and computed with; it makes a directory a run."""

STRUCTURE, MODEL = "structure.json", "model.json"
"""What is trained: over-connected in a search; in a pruned network, what was left. A model that is
no structure has a document of another name."""

METRICS, CONNECTIONS, QUARANTINE = "metrics.csv", "connections.csv", "quarantine.csv"
"""The tables of a run; they only grow."""

SKIPPED = "skipped.csv"
"""A further table of a run that computes in fp16: the steps in which a gradient overflowed."""

TERMS = "terms.csv"
"""A further table of a run whose network learns by several terms of a loss: each in every step."""

GATES = "gates.csv"
"""A further table of a run whose network has temporal gates: how often each is open."""

CHECKPOINTS = "checkpoint"
"""The folder of the newest state and the one before it."""

EPOCHS, STATE = "epochs", "state.safetensors"
"""The folder of the states that are kept by the number of their epoch; in that of one of them, the
state itself, which makes it one."""

LEARNED, WEIGHTS = "learned.json", "learned.safetensors"
"""The result: the structure with learned weights, and all weights."""

RESULT = "result.json"
"""Numbers and alarms; it is written last and says that the run is finished."""

EVALUATION = "evaluation.json"
"""It says that a split was opened, and what was found."""

PRUNED, PRUNE_RECORD, PRUNED_WEIGHTS = "pruned", "prune.json", "weights.safetensors"
"""The usual folder of a pruned network; what makes a folder one (what was cut, and from what); its
weights."""

CONVERSION = "conversion.json"
"""What makes a folder one of converted weights: where they come from. Its weights are called as
those of a pruned network."""

TRAINED, SCRATCH, EXITS = "trained", "scratch", "exits"
"""The usual folders of a network that is trained further, or from new weights."""

GAP, CURVE, COMPARE, IMPORTANCE = "gap", "curve", "compare", "importance"
RANK_CORRELATION = "rank_correlation"
"""The usual folders of the analyses of a run; their tables are called like them."""

FOCUS, LOOKS = "focus", "looks"
"""The usual folder of where a focus model looks, and in it its contact sheet, film and table."""

EARLY_EXIT, STEP_ANSWERS = "early-exit", "answers"
"""The folder of thresholds by which clips stop early; in it, that of the answers they are from."""

STABILITY, CONSENSUS = "stability", "consensus.json"
"""The table of several searches, and the structure that most of them agree on."""

PREDICTIONS = "predictions.csv"
"""Of a fold, and of all folds together: the answer to every clip that was tested."""

LEDGER, SUMMARY = "ledger.jsonl", "summary.json"
"""Of an analysis: its filed units, and all that was found. The summary is written last."""

TRAININGS = "runs"
"""The folder of an analysis in which its own trainings have their run directories."""

REPORT, EVOLUTION_REPORT = "report.html", "evolution.html"
"""The reports."""

EXPORT, EXPORT_RECORD = "export", "export.json"
"""The usual folder of exported networks, and what is to be known about one."""

FIRST = "first.safetensors"
"""What a child that inherits has started from, until it is finished: its parent's may go before."""

INITIAL = "initial.json"
"""Of a run that began with weights of elsewhere: which, and what the network took of them. Its
first weights are in a file called as those of a child that inherits, until it is finished."""

FOCUS_PARTS = "parts.json"
"""Of a run of a focus model whose networks came from other runs or files: from which. Its first
weights are kept, too, until it is finished."""

BEST = "best.json"
"""The best structure an evolution has found so far."""

TENSORBOARD = "tensorboard"
"""The folder of a run that TensorBoard is pointed at."""

STRUCTURE_PICTURE, TRAINING_PICTURE = "structure.png", "training.png"
"""The picture that is drawn last when a run ends: of a structure, and of another model."""

BEFORE, AFTER = "before", "after"
"""Pictures of a structure before and after pruning, without the suffix."""


EARLIER = {RANK_CORRELATION: "selftest"}
"""What earlier versions called the folder of an analysis."""


def fold(number: int) -> str:
    """Returns the folder of the run of a fold.

    >>> fold(1)
    'fold-1'
    """
    return f"fold-{number}"


def scores(split: str, start: int) -> str:
    """Returns the table of an epoch's scores of a split, in a run that begins with that epoch.

    >>> scores("train", 0)
    'train_results_s0000.csv'
    """
    return f"{split}_results_s{start:04d}.csv"


def numbered(network: str, epoch: int) -> str:
    """Returns the folder of the state after so many epochs.

    >>> numbered("r3d_18", 10), numbered("my net/2", 3)
    ('r3d_18_ep-0010', 'my-net-2_ep-0003')
    """
    plain = re.sub(r"[^A-Za-z0-9_.+-]+", "-", network)[:40].strip(".-") or "network"
    return f"{plain}_ep-{epoch:04d}"


def table(name: str) -> str:
    """Returns the file of a table.

    >>> table(GAP)
    'gap.csv'
    """
    return f"{name}.csv"
