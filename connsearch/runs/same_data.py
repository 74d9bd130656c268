"""Whether data is the same as when a run started, and by which version's rules it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from connsearch.data.loading.load import DataSplits
from connsearch.data.reading import FIRST, READING, note_since
from connsearch.data.records import SPLITS, listed
from connsearch.data.sources.split_words import split_of
from connsearch.errors import RunError

CONTENTS = "contents"
"""Where a run's config keeps the marks by which a changed file is named."""


def reading_of(facts: Mapping[str, Any] | None) -> int:
    """Returns by which rules a run reads its data, by its recorded facts; none yet: ours.

    Raises:
        RunError: a version later than this one.
    """
    if not facts:
        return READING
    found = facts.get("reading", FIRST)
    if not isinstance(found, int) or found > READING:
        raise RunError(
            f"the run reads data as a later version does ({found}); this one reads {READING}\n"
            "  cure: use that version"
        )
    return found


def data_facts(data: DataSplits) -> dict[str, Any]:
    """Returns what a new run records of its data."""
    facts: dict[str, Any] = {"data": data.fingerprint, "reading": data.reading}
    if data.contents is not None and data.fingerprint != data.earlier:
        facts["fingerprint"] = data.contents.kind
    if data.multi_label:
        facts["multi_label"] = True
    return facts


def as_recorded(
    data: DataSplits, config: Mapping[str, Any], *, where: str, told: str
) -> tuple[DataSplits, list[str]]:
    """Returns the data with the fingerprint that a run has recorded, and notes for the user.

    A run that recorded names and sizes only is compared by those.

    Args:
        data: as it is now.
        config: of the run: its ``facts``, and what it recorded of its lists.
        where: the run, for messages.
        told: the reason for refusing other data.

    Raises:
        RunError: it is not the data of the run; names the known changes.
    """
    facts: Mapping[str, Any] = config.get("facts") or {}
    recorded = facts.get("data")
    if recorded is None:
        return data, []
    note = note_since(reading_of(facts), where)
    notes = [note] if note else []
    if recorded == data.fingerprint:
        return data, notes
    if "fingerprint" not in facts and recorded == data.earlier:
        return replace(data, fingerprint=data.earlier), notes
    raise RunError(
        f'{where}: {told}\n  data: the run has "{recorded[:12]}", asked for '
        f'"{data.fingerprint[:12]}"\n'
        f"{listed(what_changed(data, config))}\n"
        "  cure: use the same files and lists (--data tells where they are), or start a new run"
    )


def what_changed(data: DataSplits, config: Mapping[str, Any]) -> list[str]:
    """Returns what is known to differ from what a run recorded, one line each."""
    facts: Mapping[str, Any] = config.get("facts") or {}
    recorded: Mapping[str, Any] = config.get("splits") or {}
    found: list[str] = []
    classes = facts.get("classes")
    if classes is not None and list(classes) != list(data.classes):
        found.append(f"classes: {_few(classes)} before, {_few(data.classes)} now")
        if any(split_of(str(name)) for name in classes) and reading_of(facts) < READING:
            found.append(
                "folders named like splits were classes in that version; the run has learned to "
                "tell the splits apart and cannot be resumed"
            )
    whole = facts.get("halves") is not None and data.connections is None
    for name, hash_ in data.hashes.items():
        before = recorded.get(name)
        if not isinstance(before, Mapping) or name not in SPLITS:
            continue
        if whole and name == "train":  # what is recorded is one half of it
            continue
        entry = cast("Mapping[str, Any]", before)
        clips = len(getattr(data, name))
        if entry.get("clips") != clips:
            found.append(f"{name}: {entry.get('clips')} clips before, {clips} now")
        elif entry.get("hash") != hash_:
            found.append(f"{name}: other clips, labels, groups or file sizes than before")
    marks = config.get(CONTENTS)
    if not found and data.contents is not None and isinstance(marks, Mapping):
        changed = data.contents.changed(cast("Mapping[str, Sequence[str]]", marks))
        found += [f"the content of {name} changed" for name in changed]
    return found or ["which file changed was not recorded"]


def _few(names: Sequence[str]) -> str:
    return ", ".join(map(str, names[:4])) + (" ..." if len(names) > 4 else "")
