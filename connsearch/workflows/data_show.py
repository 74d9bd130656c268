"""A contact sheet of clips, as evaluated and as trained on: :func:`data_show`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connsearch.data.loading.load import load_data
from connsearch.data.records import Split
from connsearch.errors import SettingsError
from connsearch.files.drafts import replacing
from connsearch.files.paths import check_path
from connsearch.files.places import place_of
from connsearch.view.clips.contact_sheet import contact_sheet
from connsearch.view.clips.strips import Strip, make_strip, named_picks, spread_picks
from connsearch.workflows.beside import beside_data
from connsearch.workflows.listening import Listener, Progress
from connsearch.workflows.settings.data_show import DataShowSettings


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """Clips of a data set as pictures.

    Attributes:
        picture: where they are drawn.
        data: name of the data set.
        strips: the clips, each with its frames as they are seen, or why it cannot be read.
    """

    picture: Path
    data: str
    strips: tuple[Strip, ...]


def data_show(
    source: str | Path = "synthetic:mix",
    output: str | Path | None = None,
    *,
    progress: Progress = True,
    **settings: Any,
) -> ContactSheet:
    """Returns clips of a data set as a network sees them, once they are drawn.

    Each clip as it is evaluated and as one epoch of training sees it, its flow as the network
    computes it, and its object maps. A clip that cannot be read is shown with the reason.

    Args:
        source: what ``load_data`` finds the data by.
        output: the picture, ending in .png; by default NAME.contact-sheet.png beside the data.
        progress: True shows warnings, False nothing; a function hears every event.
        settings: any option of ``connsearch data show`` by its name: ``clips=3, frames=16``.

    Raises:
        UserError: a setting or the data cannot be used, or there is no such clip.
    """
    file = None if output is None else Path(output)
    asked = DataShowSettings.of(source=str(source), output=file, **settings)
    return run_data_show(asked, Listener.of(progress))


def run_data_show(asked: DataShowSettings, listener: Listener) -> ContactSheet:
    """Returns the contact sheet that was asked for, once it is drawn.

    Raises:
        UserError: as for :func:`data_show`.
    """
    output = asked.output or beside_data(asked.data.source.source, "contact-sheet.png")
    if output.suffix.lower() != ".png":
        raise SettingsError(f"--output {output}: a contact sheet ends in .png")
    check_path(output)
    data = load_data(asked.data.with_values(seed=asked.seed, bad_share=1.0))
    for note in data.notes:
        listener.warn(note)
    if asked.names:
        picks = named_picks(data, asked.names)
    else:
        found = spread_picks(data, asked.split, asked.clips, seed=asked.seed)
        picks: list[tuple[Split, int]] = [(asked.split, index) for index in found]
    if not picks:
        raise SettingsError(f"{data.name}: no clip on the {asked.split} list; see --split")
    strips = [
        make_strip(data, split, index, columns=asked.columns, seed=asked.seed, epoch=asked.epoch)
        for split, index in picks
    ]
    sheet = contact_sheet(strips, title=data.name, remark=_remark(asked, data.clip))
    with place_of(output), replacing(output) as draft:
        sheet.save(draft, format="png", optimize=True)
    return ContactSheet(output, data.name, tuple(strips))


def _remark(asked: DataShowSettings, clip: tuple[int, int, int]) -> str:
    """How the clips are cut and what is done to them in training."""
    cut = f"clips of {'x'.join(map(str, clip))}"
    if asked.data.clips.eval_size is not None:
        cut += f" (in evaluations {asked.data.clips.eval_size} pixels)"
    cut += f", stride {asked.data.clips.stride}"
    if asked.data.clips.fps is not None:
        cut += f", {asked.data.clips.fps:g} frames a second"
    changed = ", ".join(asked.data.augment.augment) or "none by name"
    return f"{cut}; seed {asked.seed}, epoch {asked.epoch}; augmentation: {changed}"
