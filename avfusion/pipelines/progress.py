"""Tells whoever waits how far a run is, and asks whether to go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import cv2

from avfusion.clip import Rgb
from avfusion.errors import Stopped

_TELL_EVERY_S = 0.25
_PREVIEW_EVERY_S = 0.5
_PREVIEW_PX = 640


@dataclass(frozen=True)
class Progress:
    """stage: `tracking` or `rendering`. preview: at most 640 px wide or high, now and then; else None. unit: what is
    counted: frames of a clip, or seconds of sound. overall: 0..1, how far the whole run is, where it has stages that
    are known beforehand (`Overall`). note: something to know before the run goes on; told once."""

    stage: str
    done: int
    total: int
    frames_per_s: float
    remaining_s: float | None
    preview: Rgb | None = None
    unit: str = "frames"
    overall: float | None = None
    note: str = ""


OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


def check_stop(should_stop: ShouldStop | None) -> None:
    """Raises `Stopped` when asked to stop."""
    if should_stop is not None and should_stop():
        raise Stopped("Stopped. Nothing was written.")


class Overall:
    """Passes on what stages tell, each with how far the whole run is; that never goes back.

    costs: about how long each stage takes beside the others, in the order in which they come. A stage that is not among
    them moves nothing.
    """

    def __init__(self, on_progress: OnProgress, costs: Mapping[str, float]) -> None:
        self._on_progress, self._costs = on_progress, dict(costs)
        self._most = 0.0

    def leave_out(self, stages: Iterable[str]) -> None:
        """They will not come after all."""
        for stage in stages:
            self._costs.pop(stage, None)

    def __call__(self, progress: Progress) -> None:
        stages = list(self._costs)
        if progress.stage in self._costs:
            before = sum(self._costs[stage] for stage in stages[: stages.index(progress.stage)])
            share = self._costs[progress.stage] * progress.done / max(1, progress.total)
            self._most = min(1.0, max(self._most, (before + share) / sum(self._costs.values())))
        self._on_progress(replace(progress, overall=self._most))


class Teller:
    """One stage of a run: counts frames, tells at most four times a second, raises `Stopped` when asked to stop."""

    def __init__(
        self,
        stage: str,
        total: int,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
        unit: str = "frames",
    ) -> None:
        self._stage, self._total, self._unit = stage, total, unit
        self._on_progress, self._should_stop = on_progress, should_stop
        self._started_s = time.monotonic()
        self._told_s = self._shown_s = float("-inf")
        self.done = 0

    def check(self) -> None:
        check_stop(self._should_stop)

    def step(self, preview: Callable[[], Rgb] | None = None) -> None:
        """One more frame is done; `preview` is only called when a picture is due."""
        self.check()
        self.done += 1
        now = time.monotonic()
        if self._on_progress is None or (now - self._told_s < _TELL_EVERY_S and self.done < self._total):
            return
        picture = None
        if preview is not None and now - self._shown_s >= _PREVIEW_EVERY_S:
            picture, self._shown_s = _small(preview()), now
        self._told_s = now
        rate = self.done / max(now - self._started_s, 1e-6)
        left_s = (self._total - self.done) / rate if self.done > 2 else None
        self._on_progress(Progress(self._stage, self.done, self._total, rate, left_s, picture, self._unit))

    def expect(self, total: int) -> None:
        """How many frames there are, where that was not known at first."""
        self._total = total

    def skip(self, count: int) -> None:
        """So many frames need not be done after all."""
        self._total = max(self.done, self._total - count)

    def at(self, done: int, total: int) -> None:
        """For work that counts by itself: it has done so many steps of so many."""
        if self.done == 0 or done < self.done:
            self._started_s = time.monotonic()
        self.done, self._total = done - 1, total
        self.step()

    @property
    def total(self) -> int:
        return self._total

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started_s


def _small(rgb: Rgb) -> Rgb:
    scale = _PREVIEW_PX / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
