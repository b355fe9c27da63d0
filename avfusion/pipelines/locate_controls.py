"""Whether what was located goes by the sound: the same clip without it, and with another one, looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from avfusion.clip import Sound
from avfusion.errors import UsageError
from avfusion.media.target import writing
from avfusion.pipelines.locate_find import Located, find
from avfusion.pipelines.locate_settings import Controlled
from avfusion.pipelines.locate_sound import as_file, sound_for
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller

ControlKind: TypeAlias = Literal["mute", "swap"]
"""mute: silence instead of the sound. swap: another one."""

KINDS: tuple[ControlKind, ...] = ("mute", "swap")

_SAME_IOU = 0.8


@dataclass(frozen=True, eq=False)
class Control:
    """What was found with another sound, against what was found with the clip's own.

    located: as found with the other sound, a file in the folder if it was made here. iou: intersection over union of
    all masks of both, counted over the pixels of all frames together; None where neither shows any. gone: the share of
    what was shown at first that is not shown with the other sound; None where nothing was. goes_by_sound: False where
    both show much the same, True where they do not, None where there was nothing to compare.
    """

    kind: ControlKind
    located: Located
    iou: float | None
    gone: float | None

    @property
    def changed(self) -> float:
        """The share of all pixels that either shows that only one of them does; 0 where neither shows any."""
        return 0.0 if self.iou is None else 1 - self.iou

    @property
    def goes_by_sound(self) -> bool | None:
        return None if self.gone is None or self.iou is None else self.iou < _SAME_IOU

    def plain(self) -> Controlled:
        """For a report."""
        return Controlled(self.kind, self.iou, self.gone, self.located.sources.abstained, self.words)

    @property
    def words(self) -> str:
        """In a line."""
        other = "Without its sound" if self.kind == "mute" else "With another sound"
        if self.goes_by_sound is None:
            return f"{other}: nothing was shown with its own, so there is nothing to compare."
        if not self.located.sources.found and self.kind == "mute":
            return f"{other} nothing is found: it takes a sound. Whether it matters which one, another sound tells."
        if not self.located.sources.found:
            return f"{other} nothing is found: what was found goes by the sound."
        if self.goes_by_sound:
            return f"{other} {self.changed:.0%} of the masks change: what was found goes by the sound."
        return f"{other} much the same is found (IoU {self.iou:.2f}): the picture alone decides here, not the sound."


def control(
    located: Located,
    kind: ControlKind,
    *,
    folder: Path,
    other: Path | Sound | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Control:
    """Locates again as `located` was, with another sound, in a `folder` that is not the first one's.

    other: the sound for `swap`; left out, the clip's own turned round by half: what was at the end of its first half is
    at its end. Raises as `find`, and `UsageError` for another sound with `mute`.
    """
    if kind == "mute" and other is not None:
        raise UsageError("mute: a sound was given too. Leave it out, or take swap.")
    asked = located.asked
    second = find(
        located.clip, folder=folder, engine=located.engines["sounding"], tracker=asked.tracker,
        segmenter=asked.segmenter, namer=asked.namer, device=asked.device, labels=asked.labels, text=asked.text,
        sound=_sound(located, kind, other, folder), span=located.span, settings=asked.settings, on_progress=on_progress,
        should_stop=should_stop,
    )  # fmt: skip
    return Control(kind, second, *_compared(located, second, on_progress, should_stop))


def _sound(located: Located, kind: ControlKind, other: Path | Sound | None, folder: Path) -> Path | Sound:
    if other is not None:
        return other
    own = sound_for(located.part, located.asked.sound, needed=not located.asked.text)
    count = own.samples.shape[1]
    if not count:
        return own
    turned = np.zeros_like(own.samples) if kind == "mute" else np.roll(own.samples, count // 2, axis=1)
    # In a file: what is located may be kept for long, and minutes of sound are large.
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return as_file(Sound(turned, own.rate_hz), folder / f"{kind}.wav")


def _compared(
    first: Located, second: Located, on_progress: OnProgress | None, should_stop: ShouldStop | None
) -> tuple[float | None, float | None]:
    """(IoU, share of the first that is gone)."""
    start, stop = first.span
    teller = Teller("comparing", stop - start, on_progress, should_stop)
    both_px = either_px = first_px = 0
    for frame in range(start, stop):
        before, after = first.track.union(frame), second.track.union(frame)
        both_px += int((before & after).sum())
        either_px += int((before | after).sum())
        first_px += int(before.sum())
        teller.step()
    return (both_px / either_px if either_px else None), (1 - both_px / first_px if first_px else None)
