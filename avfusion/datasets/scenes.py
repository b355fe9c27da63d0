"""Made scenes whose truth is known to the pixel: things that sound and move, and what misleads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Rgb, Sound, Yuv
from avfusion.datasets.avs_clip import frame_time
from avfusion.datasets.scenes_film import film
from avfusion.datasets.scenes_score import perform, write_score
from avfusion.datasets.scenes_settings import RATE_HZ, Kind, SceneSettings
from avfusion.errors import UsageError
from avfusion.media.colour import rgb_to_yuv
from avfusion.media.pictures import PICTURE_COLOUR


class _Picture:
    """A frame in memory, without opacity."""

    def __init__(self, rgb: Rgb) -> None:
        self._rgb = rgb

    def rgb(self) -> Rgb:
        return self._rgb

    def yuv(self) -> Yuv:
        return rgb_to_yuv(self._rgb, matrix=PICTURE_COLOUR.matrix, full_range=PICTURE_COLOUR.full_range)

    def alpha(self) -> None:
        return None


@dataclass(frozen=True, eq=False)
class Scene:
    """frames: uint8 [n, H, W, 3]. indices: which of the scene's frames they are: all, or those that are judged. sound:
    float32 [1, samples] within +-0.9, exactly as long as the scene.

    Things come in the order sources, statics, movers. masks: bool [things, n, H, W], what is to be seen of each.
    sounds: bool [things, seconds]. parts: float32 [things + off-screen sounds, samples], zeros for movers; they and
    `noise` [samples] add up to the sound. onsets_s: [notes] of each part, those of movers being unheard.
    """

    settings: SceneSettings
    seed: int
    frames: NDArray[np.uint8]
    indices: tuple[int, ...]
    fps: Fraction
    sound: Sound
    masks: NDArray[np.bool_]
    sounds: NDArray[np.bool_]
    kinds: tuple[Kind, ...]
    parts: NDArray[np.float32]
    noise: NDArray[np.float32]
    onsets_s: tuple[NDArray[np.float64], ...]

    @property
    def is_moving(self) -> bool:
        """Whether all frames are there."""
        return len(self.indices) == self.settings.fps * self.settings.seconds

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(kind.name for kind in self.kinds)

    def truth_frame(self, second: int) -> int:
        """The frame by which AVSBench judges a second."""
        return judged_frame(self.settings, second)

    def sounding(self, second: int) -> NDArray[np.uint8]:
        """uint8 [H, W]: 1 + the place of the thing that sounds in this second, 0 elsewhere."""
        out = np.zeros(self.frames.shape[1:3], np.uint8)
        row = self.indices.index(self.truth_frame(second))
        for thing in np.flatnonzero(self.sounds[:, second]):
            out[self.masks[thing, row]] = thing + 1
        return out

    def clip(self) -> Clip:
        """The frames as a `Clip` that reads them from memory. Its path names no file. All frames have to be there."""
        count, height_px, width_px = self.frames.shape[:3]

        def read(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
            for index in reversed(range(start, stop)) if backwards else range(start, stop):
                yield Frame(index, clip.time(index), _Picture(self.frames[index]))

        return Clip(
            path=Path(f"scene-{self.seed}.mp4"),
            width_px=width_px,
            height_px=height_px,
            fps=self.fps,
            time_base=1 / self.fps,
            ticks=np.arange(count),
            end_tick=count,
            codec="rawvideo",
            container="memory",
            pixel_format="rgb24",
            colour=PICTURE_COLOUR,
            read_frames=read,
        )


def judged_frame(settings: SceneSettings, second: int) -> int:
    return int(frame_time(second) * settings.fps)


def draw_scene(settings: SceneSettings, seed: int, *, is_moving: bool = True) -> Scene:
    """The scene of this number: the same settings and number give the same bytes. Raises `UsageError`.

    is_moving: False to have but the frame of each second by which it is judged, which is much faster.
    """
    _check(settings)
    if is_moving:
        indices = tuple(range(settings.fps * settings.seconds))
    else:
        indices = tuple(judged_frame(settings, second) for second in range(settings.seconds))
    random = np.random.default_rng(seed)
    score = write_score(settings, random)
    things = score[: len(score) - settings.off_screen]
    frames, masks = film(settings, things, random, indices)
    parts, noise = perform(settings, score, random)
    return Scene(
        settings=settings,
        seed=seed,
        frames=frames,
        indices=indices,
        fps=Fraction(settings.fps),
        sound=Sound((parts.sum(axis=0) + noise)[None], RATE_HZ),
        masks=masks,
        sounds=np.array([part.sounds for part in things]).reshape(len(things), settings.seconds),
        kinds=tuple(part.kind for part in things),
        parts=parts,
        noise=noise,
        onsets_s=tuple(part.onsets_s for part in score),
    )


def _check(settings: SceneSettings) -> None:
    if settings.sources + settings.statics + settings.movers < 1:
        raise UsageError("A scene needs one thing at least: a source, a static or a mover.")
    if settings.seconds < 1 or settings.fps < 2:
        raise UsageError("A scene lasts a second at least, at two frames a second or more.")
    if not settings.kinds or not settings.motions:
        raise UsageError("A scene needs a kind of thing and a kind of motion at least.")
    if settings.size_px < 32:
        raise UsageError(f"{settings.size_px} pixels: a scene is 32 pixels wide and high at least.")
