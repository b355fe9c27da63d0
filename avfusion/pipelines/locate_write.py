"""What was located, in files: masks with their sources beside them, COCO RLE, or drawn over the clip."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Generator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from avfusion.clip import Mask, MaskTrack, Rgb, Yuv
from avfusion.compositing.background import planes_like
from avfusion.media.cut import cut_track
from avfusion.media.masks import overlay, shown_colour, write_mask_folder, write_rle
from avfusion.media.target import new_folder, writing
from avfusion.media.write import write_video
from avfusion.pipelines.locate_find import Located
from avfusion.pipelines.locate_gate import sure_on_frames
from avfusion.pipelines.locate_settings import source_as_json
from avfusion.pipelines.locate_sound import sound_shown
from avfusion.pipelines.progress import Teller
from avfusion.pipelines.segment import Kind

SOURCES_FILE = "sources.json"

_LEAST_TEXT_PX = 11
_TEXT_OF_HEIGHT = 1 / 28


def write_located(located: Located, out: Path, kind: Kind, teller: Teller) -> tuple[str, ...]:
    """Writes the masks as they sound, in one of the forms of `segment`, with what they are; returns notes.

    A film plays the sound that was gone by, if it has a track for it.
    """
    track = cut_track(located.track, *located.span)
    if kind == "masks":
        with new_folder(out) as folder:
            write_mask_folder(track, folder, lambda _: teller.step())
            with writing(folder / SOURCES_FILE):
                (folder / SOURCES_FILE).write_text(json.dumps(sources_json(located), indent=2), encoding="utf-8")
        return ()
    if kind == "rle":
        names = {heard.number: heard.label for heard in located.heard}
        write_rle(
            track, located.part, out, lambda _: teller.step(), names=names, also={"located": sources_json(located)}
        )
        return ()
    with (
        tempfile.TemporaryDirectory(prefix="avfusion-") as folder,
        contextlib.closing(_drawn(located, track, teller)) as pictures,
    ):
        sound = sound_shown(located.part, located.asked.sound, Path(folder))
        return write_video(out, pictures, clip=located.part, sound=sound).notes


def sources_json(located: Located) -> dict[str, Any]:
    """Names, seconds, confidences and pivots of what sounds; pivots are frames of the whole clip."""
    sources = located.sources
    sounds = {source.number: source.sounds for source in sources.found}
    return {
        "clip": located.clip.path.name,
        "frames": list(located.span),
        "engines": located.engines,
        "step_s": sources.step_s,
        "abstained": sources.abstained,
        "sources": [source_as_json(heard, sounds[heard.number].tolist()) for heard in located.heard],
        "notes": list(sources.notes),
    }


def labelled_picture(rgb: Rgb, masks: Mapping[int, Mask], said: Mapping[int, str]) -> Rgb:
    """uint8 [H, W, 3]: objects tinted and outlined, each with what is said of it at its top."""
    labels = np.zeros(rgb.shape[:2], np.uint8)
    for number, mask in masks.items():
        labels[mask] = number
    out = overlay(rgb, labels)
    text_px = max(_LEAST_TEXT_PX, round(rgb.shape[0] * _TEXT_OF_HEIGHT))
    for number in masks:
        inside = labels == number
        if inside.any():
            _put(out, _tag(said[number], shown_colour(number), text_px), inside)
    return out


def _drawn(located: Located, track: MaskTrack, teller: Teller) -> Generator[Yuv, None, None]:
    """What is said is how sure it is that the thing sounds, which does not waver as its mask may."""
    clip, sources, start = located.part, located.sources, located.span[0]
    names = {one.number: one.label for one in located.heard}
    always = np.ones(located.clip.frame_count, np.float32)
    sounds = {
        source.number: always
        if located.asked.text
        else sure_on_frames(located.clip, source, sources.step_s, located.span)
        for source in sources.found
    }
    sure = {source.number: source.confidence * sounds[source.number][start:] for source in sources.found}
    with contextlib.closing(clip.frames()) as frames:
        for frame in frames:
            teller.step()
            masks = {number: track.mask(frame.index, number) for number in track.objects}
            if not any(mask.any() for mask in masks.values()):
                yield frame.yuv
                continue
            said = {number: f"{names[number]} · {sure[number][frame.index]:.0%}" for number in masks}
            yield planes_like(clip, labelled_picture(frame.rgb, masks, said))


@lru_cache(maxsize=512)
def _tag(words: str, colour: str, text_px: int) -> NDArray[np.uint8]:
    """uint8 [h, w, 3]: words on a ground of that colour. Read-only: it is remembered."""
    font = ImageFont.load_default(text_px)
    left, top, right, bottom = font.getbbox(words)
    edge = max(2, text_px // 4)
    size = (round(right - left) + 2 * edge, round(bottom - top) + 2 * edge)
    image = Image.new("RGB", size, colour)
    red, green, blue = image.getpixel((0, 0))  # type: ignore[misc]
    ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"
    ImageDraw.Draw(image).text((edge - left, edge - top), words, fill=ink, font=font)
    return np.asarray(image)


def _put(out: Rgb, tag: NDArray[np.uint8], inside: Mask) -> None:
    """Above the object where there is room, else on its top; never outside the picture."""
    height, width = out.shape[:2]
    tag = tag[:height, :width]
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    y = max(0, int(rows[0]) - tag.shape[0])
    x = max(0, min(int(columns[0]), width - tag.shape[1]))
    out[y : y + tag.shape[0], x : x + tag.shape[1]] = tag
