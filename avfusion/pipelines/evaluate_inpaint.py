"""Holes cut into clips that have the truth -> scores of inpainting engines."""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, Masks
from avfusion.engines.registry import Settled, lend
from avfusion.errors import UsageError
from avfusion.inpainting import Filled
from avfusion.media.mask_folder import MaskFolder
from avfusion.media.pictures import RgbaPicture
from avfusion.metrics.inpaint import WarpMeter, psnr_inside, ssim_inside
from avfusion.pipelines.davis import Davis, read_davis
from avfusion.pipelines.evaluate_inpaint_holes import Borrowed, First
from avfusion.pipelines.frame import as_clip
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.remove_fill import Tells, filler, settled_inpainter
from avfusion.pipelines.remove_settings import RemoveSettings

# What a cut hole shows instead of the truth, so that no engine can look at it.
_BLANK = 128


@dataclass(frozen=True)
class InpaintScore:
    """One engine on one clip. hole_share: of all pixels. psnr_db, ssim: inside the hole, means over frames with one.

    warp_error: inside the hole, by the truth's own motion; truth_warp_error: what the truth itself has. seen_share: of
    the hole, what was taken from other frames. frames_per_s: of the engine alone, with reading. None: nothing to
    measure by (one frame has no motion; what is filled exactly has no finite PSNR).
    """

    name: str
    engine: str
    frames: int
    hole_share: float
    psnr_db: float | None
    ssim: float
    warp_error: float | None
    truth_warp_error: float | None
    seen_share: float
    frames_per_s: float


@dataclass(frozen=True)
class InpaintReport:
    """scores: by clip, then by engine, as asked. overall: for each engine the means over clips. devices: by engine."""

    dataset: Path
    engines: tuple[str, ...]
    devices: dict[str, str]
    revisions: dict[str, str]
    scores: tuple[InpaintScore, ...]
    overall: tuple[InpaintScore, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"dataset": str(self.dataset)}


def evaluate_inpaint(
    dataset: Path | str,
    *,
    engines: Sequence[str] = ("flow-fill", "telea"),
    sequences: Sequence[str] | None = None,
    frames: int | None = None,
    masks: Path | None = None,
    settings: RemoveSettings | None = None,
    device: str = "auto",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> InpaintReport:
    """Scores inpainting engines on holes that are cut into clips whose truth is known.

    dataset: a folder with JPEGImages/[480p/]NAME/*.jpg and Annotations/[480p/]NAME/*.png. Each sequence gets the masks
    of the next one by name, the last one those of the first: holes of the shape and motion of real objects, scaled to
    its size, and played to and fro where they are fewer than its frames. With `masks`, a folder of PNGs, `dataset` is
    one clip, and the holes are theirs. No engine sees what was in a hole: it is grey there. frames: at most so many of
    each clip, from its first. Raises `UnknownEngine`, `EngineNotReady`, `UsageError`, `CannotRead`,
    `MaskCountMismatch`, `MaskSizeMismatch` and `Stopped`.
    """
    dataset, settings = Path(dataset), settings or RemoveSettings()
    if not engines:
        raise UsageError("Name at least one engine to score.")
    settled = [settled_inpainter(name, device, settings) for name in engines]
    cases = _cases(dataset, masks, sequences, frames)
    total = sum(case.clip.frame_count for case in cases) * len(settled)
    teller = Teller("scoring", total, on_progress, should_stop)
    scores = tuple(_score(case, one, settings, teller, should_stop) for case in cases for one in settled)
    names = tuple(one.engine.name for one in settled)
    return InpaintReport(
        dataset=dataset,
        engines=names,
        devices={one.engine.name: one.device for one in settled},
        revisions={one.engine.name: one.revision for one in settled if one.revision},
        scores=scores,
        overall=tuple(_overall(name, [score for score in scores if score.engine == name]) for name in names),
    )


@dataclass(frozen=True, eq=False)
class Case:
    """A clip with its truth, and the holes to cut into it."""

    name: str
    clip: Clip
    holes: Masks


def _cases(dataset: Path, masks: Path | None, sequences: Sequence[str] | None, frames: int | None) -> list[Case]:
    if frames is not None and frames < 1:
        raise UsageError(f"{frames} frames: give at least 1.")
    if masks is not None:
        if sequences:
            raise UsageError("A clip with masks of its own has no sequences: leave them out, or the masks.")
        clip = as_clip(dataset)
        return [_first(Case(dataset.name, clip, MaskFolder(masks, clip)), frames)]
    everything = read_davis(dataset)
    if len(everything) < 2:
        raise UsageError(f"{dataset}: there is one sequence, and its holes come from another. Give masks of its own.")
    donors = dict(zip((one.name for one in everything), [*everything[1:], everything[0]], strict=True))
    wanted = read_davis(dataset, sequences)
    return [_first(_borrowing(one, donors[one.name]), frames) for one in wanted]


def _borrowing(sequence: Davis, donor: Davis) -> Case:
    clip = sequence.clip()
    return Case(sequence.name, clip, Borrowed(donor, (clip.height_px, clip.width_px), clip.frame_count))


def _first(case: Case, frames: int | None) -> Case:
    if frames is None or frames >= case.clip.frame_count:
        return case
    clip = replace(case.clip, ticks=case.clip.ticks[:frames], end_tick=int(case.clip.ticks[frames]))
    return Case(case.name, clip, First(case.holes, frames))


def blanked(clip: Clip, holes: Masks) -> Clip:
    """The clip without what lies in its holes."""

    def read(_: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
        with contextlib.closing(clip.frames(start, stop, backwards=backwards)) as frames:
            for frame in frames:
                rgb = np.where(holes.union(frame.index)[..., None], np.uint8(_BLANK), frame.rgb)
                opaque = np.full(rgb.shape[:2], 255, np.uint8)
                yield Frame(frame.index, frame.time, RgbaPicture(np.dstack([rgb, opaque])))

    return replace(clip, read_frames=read)


def _score(
    case: Case, settled: Settled, settings: RemoveSettings, teller: Teller, should_stop: ShouldStop | None
) -> InpaintScore:
    tells = Tells(None, should_stop)
    with (
        lend(settled.engine.name, "inpainting", settled.device) as loaded,
        tempfile.TemporaryDirectory(prefix="avfusion-") as folder,
    ):
        inpainter, _ = filler(loaded, settings, tells)
        made = inpainter.fill(
            blanked(case.clip, case.holes), case.holes, settings.wish(), folder=Path(folder), tell=tells
        )
        with contextlib.closing(made) as filled:
            return score_filled(case, settled.engine.name, filled, teller.step)


def score_filled(case: Case, engine: str, filled: Iterator[Filled], step: Callable[[], None]) -> InpaintScore:
    """What one engine made of one case, frame by frame against the truth."""
    ours, truth = WarpMeter(), WarpMeter()
    psnr_db: list[float] = []
    ssim: list[float] = []
    hole_px = seen_px = 0
    seconds = 0.0
    with contextlib.closing(case.clip.frames()) as frames:
        for frame in frames:
            began_s = time.perf_counter()
            one = next(filled)
            seconds += time.perf_counter() - began_s
            hole: Mask = case.holes.union(frame.index)
            if hole.any():
                psnr_db.append(psnr_inside(one.rgb, frame.rgb, hole))
                ssim.append(ssim_inside(one.rgb, frame.rgb, hole))
                hole_px += int(np.count_nonzero(hole))
                seen_px += int(np.count_nonzero(one.seen & hole))
            ours.observe(one.rgb, hole, guide=frame.rgb)
            truth.observe(frame.rgb, hole)
            step()
    if not hole_px:
        raise UsageError(f"{case.clip.path}: none of the masks has a pixel, so that there is no hole to score.")
    mean_db = float(np.mean(psnr_db))
    return InpaintScore(
        name=case.name,
        engine=engine,
        frames=case.clip.frame_count,
        hole_share=hole_px / (case.clip.frame_count * case.clip.width_px * case.clip.height_px),
        psnr_db=mean_db if math.isfinite(mean_db) else None,
        ssim=float(np.mean(ssim)),
        warp_error=ours.error,
        truth_warp_error=truth.error,
        seen_share=seen_px / hole_px,
        frames_per_s=case.clip.frame_count / max(seconds, 1e-9),
    )


def _overall(engine: str, scores: Sequence[InpaintScore]) -> InpaintScore:
    frames = sum(score.frames for score in scores)

    def mean(values: Sequence[float | None]) -> float | None:
        known: NDArray[np.float64] = np.array([value for value in values if value is not None])
        return float(known.mean()) if len(known) else None

    return InpaintScore(
        name="mean",
        engine=engine,
        frames=frames,
        hole_share=mean([score.hole_share for score in scores]) or 0.0,
        psnr_db=mean([score.psnr_db for score in scores]),
        ssim=mean([score.ssim for score in scores]) or 0.0,
        warp_error=mean([score.warp_error for score in scores]),
        truth_warp_error=mean([score.truth_warp_error for score in scores]),
        seen_share=mean([score.seen_share for score in scores]) or 0.0,
        frames_per_s=frames / sum(score.frames / score.frames_per_s for score in scores),
    )
