"""What the Fusion tab shows of the other tabs: the clip with what stays and what goes, the background, the voice."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from pathlib import Path

import cv2
import numpy as np

from avfusion.clip import Clip, Rgb
from avfusion.errors import AvfusionError
from avfusion.media.pictures import read_picture
from avfusion.media.probe import probe
from avfusion.pipelines.frame import one_frame
from avfusion.ui import words
from avfusion.ui.clicks import shown_size
from avfusion.ui.colours import hex_of
from avfusion.ui.drawing import Labels, inline, marked, outlined
from avfusion.ui.fusion_objects import Objects
from avfusion.ui.looking import shown
from avfusion.ui.rendering import as_hex
from avfusion.ui.strings import told
from avfusion.ui.voice_models import by_engine
from avfusion.ui.voice_visit import VOICE, VoiceVisit

_JPEG_QUALITY = 85
_THUMB_PX = 420
_SQUARE_PX = 14
_LIGHT, _GREY = 245, 200
_OPACITY = 0.82


def picture(clip: Clip, frame: int, objects: Objects, labels: Labels | None, gone: Collection[str]) -> str:
    """The frame with its objects, and who stays and who goes."""
    rgb = shown(clip, frame)
    if labels is not None:
        rgb = drawn(rgb, clip, labels, objects.numbers(gone))
    width, height = shown_size(clip)
    address = inline(rgb, _JPEG_QUALITY)
    rows = "".join(_legend_row(one.number, one.tab == "inpaint", one.key in gone) for one in objects.marked)
    legend = f'<ul class="legend" aria-label="{told("fusion-objects-here")}">{rows}</ul>' if rows else ""
    empty = f'<p class="note">{told("fusion-objects-none")}</p>' if not rows and not clip.has_alpha else ""
    return (
        f'<figure class="fused"><img alt="{told("fusion-picture-alt")}" width="{width}" height="{height}" '
        f'src="{address}"></figure>{legend}{empty}'
    )


def drawn(rgb: Rgb, clip: Clip, labels: Labels, gone: Collection[int]) -> Rgb:
    """uint8 [h, w, 3]: what stays is tinted, what goes is a chequered hole."""
    going = np.isin(labels, list(gone)) & (labels > 0)
    out = marked(rgb, clip, labels=np.where(going, 0, labels).astype(np.uint8))
    if not going.any():
        return out
    height, width = out.shape[:2]
    hole = cv2.resize(going.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).view(np.bool_)
    rows, columns = np.ogrid[:height, :width]
    squares = np.where((rows // _SQUARE_PX + columns // _SQUARE_PX) % 2, _LIGHT, _GREY)[..., None]
    out[hole] = np.rint(_OPACITY * squares + (1 - _OPACITY) * out)[hole].astype(np.uint8)
    return outlined(out, clip, np.where(going, labels, 0).astype(np.uint8))


def object_name(number: int, is_from_inpaint: bool) -> str:
    more = f", {told('fusion-object-inpaint')}" if is_from_inpaint else ""
    return f"{told('fusion-object')} {number}{more}"


def _legend_row(number: int, is_from_inpaint: bool, goes: bool) -> str:
    fate = told("fusion-goes" if goes else "fusion-stays")
    kind = ' class="gone"' if goes else ""
    return (
        f'<li><i{kind} style="--object:{hex_of(number)}"></i>{object_name(number, is_from_inpaint)}: <b>{fate}</b></li>'
    )


def background(clip: Clip | None, kind: str, picture: str | None, video: str | None, colour: str, blur: float) -> str:
    """A small picture of it, and what it is."""
    if kind == "colour":
        value = as_hex(colour)
        swatch = f'<div class="swatch" style="background:{escape(value)}"></div>'
        return f"{swatch}<p class='note'>{told('fusion-background-colour')} {escape(value)}</p>"
    if kind == "transparent":
        return f"<div class='swatch clear'></div><p class='note'>{told('fusion-background-transparent')}</p>"
    if kind == "blur":
        thumb = "" if clip is None else _thumb(_blurred(shown(clip, 0), blur))
        return f"{thumb}<p class='note'>{told('fusion-background-blur')}</p>"
    path = picture if kind == "picture" else video
    if path is None:
        return f"<div class='swatch none'></div><p class='note'>{told('fusion-background-none')}</p>"
    try:
        rgb = read_picture(Path(path))[..., :3] if kind == "picture" else one_frame(probe(Path(path)), 0).rgb
    except AvfusionError as error:
        return words.problem(error, Path(path))
    return f"{_thumb(rgb)}<p class='note'>{words.file_name(Path(path).name)}</p>"


def _blurred(rgb: Rgb, strength: float) -> Rgb:
    """About as the run will do it, the object with it."""
    sigma = max(0.5, strength * min(rgb.shape[:2]) / 24)
    return cv2.GaussianBlur(rgb, (0, 0), sigma)


def _thumb(rgb: Rgb) -> str:
    scale = min(1.0, _THUMB_PX / max(rgb.shape[:2]))
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    small = cv2.resize(np.ascontiguousarray(rgb), size, interpolation=cv2.INTER_AREA)
    return f'<img class="swatch" alt="" src="{inline(small, _JPEG_QUALITY)}">'


def voice(visit: VoiceVisit, kind: str, clip: Clip | None) -> str:
    """Whose voice it will be, or what is missing."""
    if clip is not None and not clip.sounds:
        return f'<p class="note">{told("fusion-voice-silent")}</p>'
    with visit.lock:
        targets, models = visit.targets, visit.models
    if kind == "models":
        names = [f"{engine}: {files.weights.name}" for engine, files in by_engine(models).items()]
    else:
        if targets == (VOICE,):
            return f'<p class="file">{told("fusion-voice-is-example")}</p>'
        names = [path.name for path in targets]
    if not names:
        return f'<p class="note">{told("fusion-voice-none")}</p>'
    more = f'<p class="note">+ {len(names) - 1} {told("fusion-voice-more")}</p>' if len(names) > 1 else ""
    return f'<p class="file">{words.file_name(names[0])}</p>{more}'
