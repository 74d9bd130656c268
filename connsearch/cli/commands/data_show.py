"""``connsearch data show``: a contact sheet of clips, as evaluated and as trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from connsearch.cli.command import Command, Flag
from connsearch.cli.terminal import Terminal
from connsearch.data.options import DataOptions
from connsearch.data.records import Split
from connsearch.errors import SettingsError
from connsearch.files.drafts import replacing
from connsearch.files.paths import check_path
from connsearch.files.places import place_of
from connsearch.registry import names_in


class DataShow(Command):
    """Draws clips of a data set as a network sees them: a contact sheet, as PNG.

    Each clip as it is evaluated (its centre, untouched) and as one epoch of training sees it, its
    flow as the network computes it, and its object maps. A clip that cannot be read is shown with
    the reason.
    """

    HIDDEN: ClassVar[frozenset[str]] = frozenset(
        {
            "data.seed",
            "data.bad_share",
            "data.batch_size",
            "data.workers",
            "data.clips_per_video",
            "data.crops_per_clip",
            "data.pool_views",
        }
    )

    BASIC: ClassVar[frozenset[str]] = frozenset(
        """
        output split clips names columns epoch seed json_line source frames stride fps size
        crop_scale flip brightness contrast augment augment_any augment_each
        """.split()
    )

    output: Annotated[Path, Flag(short="-o", metavar="FILE")] = Path("contact-sheet.png")
    """The picture, ending in .png."""
    split: Split = "train"
    """Show clips of this split."""
    clips: int = Field(default=6, ge=1, le=200)
    """Number of clips, spread over the classes."""
    names: tuple[str, ...] = ()
    """Show the clips with these names instead, from any split."""
    columns: int = Field(default=8, ge=1, le=64)
    """Show at most this many frames of a clip, spread evenly over it."""
    epoch: int = Field(default=0, ge=0)
    """Show the clips as in this epoch of a training."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the choice of clips, their augmentation, planted data and splits."""
    data: DataOptions = DataOptions()

    @classmethod
    def about(cls) -> str:
        """Returns the text of its help page, with the augmentations there are."""
        names = ", ".join(names_in("connsearch.data.clips.augment", "AUGMENTATIONS"))
        return (
            f"{super().about()}\n\nChanges for --augment: {names}.\n\n"
            "The published sets are srtg_large and srtg_small."
        )

    def execute(self, terminal: Terminal) -> Mapping[str, Any]:
        """Draws, and returns where the picture is and what is on it."""
        from connsearch.data.loading.load import load_data
        from connsearch.view.clips.contact_sheet import contact_sheet
        from connsearch.view.clips.strips import make_strip, named_picks, spread_picks

        if self.output.suffix.lower() != ".png":
            raise SettingsError(f"--output {self.output}: a contact sheet ends in .png")
        check_path(self.output)
        data = load_data(self.data.with_values(seed=self.seed, bad_share=1.0))
        for note in data.notes:
            terminal.warn(note)
        if self.names:
            picks = named_picks(data, self.names)
        else:
            found = spread_picks(data, self.split, self.clips, seed=self.seed)
            picks: list[tuple[Split, int]] = [(self.split, index) for index in found]
        if not picks:
            raise SettingsError(f"{data.name}: no clip on the {self.split} list; see --split")
        strips = [
            make_strip(data, split, index, columns=self.columns, seed=self.seed, epoch=self.epoch)
            for split, index in picks
        ]
        sheet = contact_sheet(strips, title=data.name, remark=self._remark(data.clip))
        with place_of(self.output), replacing(self.output) as draft:
            sheet.save(draft, format="png", optimize=True)
        terminal.say(f"drawn: {self.output} ({len(strips)} clips)")
        return {
            "command": "data show",
            "picture": str(self.output),
            "data": data.name,
            "clips": [
                {
                    "name": strip.name,
                    "split": strip.split,
                    "classes": list(strip.classes),
                    "frames": list(strip.numbers),
                    "fault": strip.fault or None,
                }
                for strip in strips
            ],
        }

    def _remark(self, clip: tuple[int, int, int]) -> str:
        """Returns how the clips are cut and what is done to them in training."""
        cut = f"clips of {'x'.join(map(str, clip))}, stride {self.data.clips.stride}"
        if self.data.clips.fps is not None:
            cut += f", {self.data.clips.fps:g} frames a second"
        changed = ", ".join(self.data.augment.augment) or "none by name"
        return f"{cut}; seed {self.seed}, epoch {self.epoch}; augmentation: {changed}"
