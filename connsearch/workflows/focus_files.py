"""The files of a look at a focus model: contact sheet, film, chart, table and summary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from connsearch.analysis.focus_looks import ClipLook, Looked
from connsearch.analysis.focus_places import places_of, remarks_on, steps_of
from connsearch.data.clips.dataset import ClipDataset, ClipKey
from connsearch.data.media.decode import can_write
from connsearch.files.drafts import replacing
from connsearch.models.early_exit import Stops
from connsearch.models.focus.focus import FocusModel
from connsearch.runs.documents import write_form
from connsearch.runs.formats.focus import FocusSummary, LookRow, LookShown
from connsearch.runs.logs import write_table
from connsearch.runs.names import FOCUS, LOOKS, SUMMARY, table
from connsearch.view.charts.files import write_both
from connsearch.view.clips.focus_film import count_frames, film_frames, write_film
from connsearch.view.clips.focus_marks import FocusClip, as_pictures
from connsearch.view.clips.focus_sheet import focus_sheet
from connsearch.view.runs.focus import focus_chart
from connsearch.workflows.focus_clips import Clips
from connsearch.workflows.listening import Listener
from connsearch.workflows.settings.focus_show import FocusShowSettings


def write_focus(
    asked: FocusShowSettings,
    model: FocusModel,
    clips: Clips,
    looked: Looked,
    stops: Stops | None,
    place: Path,
    listener: Listener,
) -> FocusSummary:
    """Returns the summary, the last of the files that it writes; each is there whole or not.

    Args:
        asked: all settings.
        model: that has looked.
        clips: that were looked at.
        looked: where.
        stops: when clips stop; None: at the end.
        place: the directory, which exists.
        listener: hears of the film's progress.
    """
    drawn = [_drawn(clips, looked, index, stops) for index in clips.shown]
    film = _film(asked, place, drawn, listener)
    write_table(place / table(LOOKS), LookRow, _rows(clips, looked))
    summary = _summary(asked, model, clips, looked, stops, place).model_copy(
        update={"shown": [_shown(clip) for clip in drawn], "film": film}
    )
    sheet = place / f"{LOOKS}.png"
    picture = focus_sheet(
        drawn,
        summary,
        title=f"{model.name} in {Path(asked.run).resolve().name}",
        remark=f"{clips.name}: {clips.split}, {summary.clips} clips looked at",
        columns=asked.columns,
    )
    with replacing(sheet) as draft:
        picture.save(draft, format="png", optimize=True)
    title = f"{Path(asked.run).resolve().name}: where it looks"
    pictures = write_both(focus_chart(summary, title=title), place, FOCUS)
    summary = summary.model_copy(
        update={"sheet": str(sheet), "pictures": [str(path) for path in pictures]}
    )
    write_form(place / SUMMARY, summary)
    return summary


def _summary(
    asked: FocusShowSettings,
    model: FocusModel,
    clips: Clips,
    looked: Looked,
    stops: Stops | None,
    place: Path,
) -> FocusSummary:
    places, ends = places_of(looked), [looked.steps(clip) for clip in looked.clips]
    settings = model.settings
    chosen_by, glanced = settings.places, len(looked.glanced)
    return FocusSummary(
        run=asked.run,
        split=clips.split,
        model=model.name,
        chosen_by=chosen_by,
        clips=len(looked.clips),
        left_out=len(looked.faults),
        windows=len(looked.order),
        window=settings.window,
        glanced=glanced if 0 < glanced < len(looked.order) else None,
        smallest=settings.smallest if settings.deformable else None,
        places=places,
        remarks=remarks_on(looked, places, chosen_by=chosen_by),
        steps=steps_of(looked, stopping=stops is not None),
        confidence=None if stops is None else stops.kind,
        mean_steps=sum(ends) / len(ends) if stops is not None and looked.one_by_one else None,
        output=str(place),
        table=str(place / table(LOOKS)),
    )


def _film(
    asked: FocusShowSettings, place: Path, clips: list[FocusClip], listener: Listener
) -> str | None:
    """Where the film is, once it is written; None: none was asked for, or nothing can be shown."""
    total = count_frames(clips, fps=asked.film_fps)
    if asked.film == "none" or not total:
        return None
    kind = asked.film if asked.film != "auto" else "mp4" if can_write() else "gif"
    path = place / f"{LOOKS}.{kind}"
    frames = listener.count(film_frames(clips, fps=asked.film_fps), total, "frames")
    write_film(iter(frames), path, fps=asked.film_fps)
    return str(path)


def _drawn(clips: Clips, looked: Looked, index: int, stops: Stops | None) -> FocusClip:
    """What is drawn of one clip."""
    record = clips.dataset.records[index]
    own = tuple(clips.classes[label] for label in record.labels)
    found = next((clip for clip in looked.clips if clip.index == index), None)
    if found is None:
        return FocusClip(record.name, own, fault=looked.faults[index])
    return FocusClip(
        record.name,
        own,
        as_pictures(looked.frames[index]),
        looked.order,
        _captions(clips.dataset, index, looked),
        found.windows,
        looked.answered,
        tuple(_answers(found, clips.classes)),
        found.exit,
        stops is not None,
        glanced=looked.glanced,
    )


def _captions(dataset: ClipDataset, index: int, looked: Looked) -> tuple[str, ...]:
    """Number and time of each frame in its video."""
    return tuple(
        f"{number}" if seconds is None else f"{number}  {seconds:.2f} s"
        for number, seconds in _moments(dataset, index, looked)
    )


def _moments(
    dataset: ClipDataset, index: int, looked: Looked
) -> Iterator[tuple[int, float | None]]:
    """Number and seconds of each frame in its video, as it is looked at; None: not known."""
    moments = dataset.moments(ClipKey(index), stream=looked.stream)
    timed = dataset.info(index).fps > 0
    for number, seconds in (moments[frame] for frame in looked.order):
        yield number, seconds if timed else None


def _answers(clip: ClipLook, classes: tuple[str, ...]) -> Iterator[tuple[tuple[str, float], ...]]:
    for numbers, values in zip(clip.classes.tolist(), clip.values.tolist(), strict=True):
        yield tuple((classes[n], value) for n, value in zip(numbers, values, strict=True))


def _shown(clip: FocusClip) -> LookShown:
    if clip.fault:
        return LookShown(name=clip.name, classes=list(clip.classes), fault=clip.fault)
    answer, value = clip.answers[clip.exit][0]
    return LookShown(
        name=clip.name,
        classes=list(clip.classes),
        answer=answer,
        probability=value,
        steps=clip.steps,
    )


def _rows(clips: Clips, looked: Looked) -> Iterator[LookRow]:
    for clip in looked.clips:
        record, steps = clips.dataset.records[clip.index], looked.steps(clip)
        own = "; ".join(clips.classes[label] for label in record.labels)
        moments = _moments(clips.dataset, clip.index, looked)
        for step, (window, frame, (number, seconds)) in enumerate(
            zip(clip.windows.tolist(), looked.order, moments, strict=True)
        ):
            top, left, height, width = window
            given = step if looked.one_by_one else -1
            yield LookRow(
                clip=record.name,
                classes=own,
                step=step + 1,
                frame=frame,
                video_frame=number,
                seconds=None if seconds is None else round(seconds, 3),
                top=round(top, 3),
                left=round(left, 3),
                height=round(height, 3),
                width=round(width, 3),
                answer=clips.classes[int(clip.classes[given, 0])],
                probability=round(float(clip.values[given, 0]), 6),
                seen=int(step < steps),
            )
