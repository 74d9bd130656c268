"""A data set in a notebook: its three lists, its classes, and what a person should know of it."""

from __future__ import annotations

from collections import Counter

from connsearch.data.loading.load import DataSplits
from connsearch.view.notebook.card import Html, card, facts, folded, table, warning


def data_html(data: DataSplits) -> Html:
    """Returns the card of a data set."""
    parts = dict(data.parts())
    counts = {
        name: Counter(label for record in clips.records for label in record.labels)
        for name, clips in parts.items()
    }
    by_class = [
        {"class": label, **{name: counts[name][number] for name in parts}}
        for number, label in enumerate(data.classes)
    ]
    unreadable = sum(len(clips.unusable) for clips in parts.values())
    return card(
        data.name,
        "data set",
        table([{"split": name, "clips": len(clips)} for name, clips in parts.items()]),
        facts(
            [
                ("classes", f"{len(data.classes):,}{', several a clip' * data.multi_label}"),
                ("clips of", " x ".join(map(str, data.clip)) + " (frames, height, width)"),
                ("object classes", data.object_classes or None),
                ("unreadable clips", unreadable or None),
                ("fingerprint", data.fingerprint[:16]),
            ]
        ),
        *(warning(note) for note in data.notes),
        folded(f"clips by class ({len(by_class)})", table(by_class)),
    )
