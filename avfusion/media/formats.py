"""What can be written: one row for each output format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avfusion.errors import UnknownFormat


@dataclass(frozen=True)
class Format:
    """ending of the file, what it is, the FFmpeg muxer and encoder, and which sound codecs it holds as they are.

    square_pixels: it keeps no other shape of a pixel (WebM could, and PyAV cannot tell it). full_range: it can say that
    Y reaches from 0 to 255.
    """

    ending: str
    words: str
    muxer: str
    encoder: str
    opaque_pixels: str
    alpha_pixels: str = ""
    sound_copied: tuple[str, ...] = ()
    sound_encoder: str = ""
    even_size: bool = False
    square_pixels: bool = False
    full_range: bool = True
    resolution_s: float = 0.0

    @property
    def has_edits(self) -> bool:
        """Whether the file says by an edit list when each stream begins (ISO 14496-12)."""
        return self.muxer in ("mp4", "mov")


# Opus and Vorbis could lie in an .mp4, and then many players are silent: they are encoded anew.
FORMATS = (
    Format(
        ".mp4", "H.264 video, plays everywhere", "mp4", "libx264", "yuv420p",
        sound_copied=("aac", "mp3", "ac3", "eac3", "alac", "flac"), sound_encoder="aac",
        even_size=True,
    ),
    Format(
        ".webm", "VP9 video, with alpha for the web", "webm", "libvpx-vp9", "yuv420p", "yuva420p",
        sound_copied=("opus", "vorbis"), sound_encoder="libopus", resolution_s=0.001,
        square_pixels=True,
    ),
    Format(
        ".mov", "ProRes 4444, with alpha for editing programs", "mov", "prores_ks", "yuv444p10le", "yuva444p10le",
        sound_copied=("aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_s16be", "pcm_f32le"),
        sound_encoder="pcm_s24le", full_range=False,
    ),
    Format(".gif", "animation without sound", "gif", "gif", "pal8", "pal8", resolution_s=0.01, square_pixels=True),
    Format(".png", "folder of numbered PNGs", "", "", "rgb24", "rgba"),
    Format(".zip", "numbered PNGs in one file", "", "", "rgb24", "rgba"),
)  # fmt: skip


def format_of(out: Path) -> Format:
    """The row for a path's ending; a path without one is a folder of PNGs. Raises `UnknownFormat`."""
    ending = out.suffix.lower() or ".png"
    for row in FORMATS:
        if row.ending == ending and not (ending == ".png" and out.suffix):
            return row
    known = ", ".join(row.ending for row in FORMATS if row.ending != ".png")
    raise UnknownFormat(f"{out}: no output format has this ending. Use {known}, or a folder for PNGs.")
