"""Opens a media file that may be hostile: one local file, known formats only, errors in the user's words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer

from avfusion.errors import CannotRead

# Demuxers that read one self-contained file. Playlists (hls, dash, concat, image2 patterns) are left out on purpose:
# they make the reader open other files or addresses that the uploaded file names.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,nut,ivf,y4m,yuv4mpegpipe,h264,"
    "hevc,obu,av1,m4v,mpjpeg,mjpeg,dv,wtv,rm,gxf,wav,mp3,flac,aac,aiff,caf,w64,amr,au"
)


# Whatever FFmpeg itself says, about damaged data above all; only part of it derives from builtins too.
FfmpegError: type[Exception] = av.error.FFmpegError


def check_file(path: Path) -> None:
    """Raises `CannotRead` unless `path` is a file with something in it."""
    try:
        if not path.exists():
            raise CannotRead(f"{path}: there is no such file.")
        if not path.is_file():
            raise CannotRead(f"{path}: this is not a file.")
        if path.stat().st_size == 0:
            raise CannotRead(f"{path}: the file is empty.")
    except (OSError, ValueError) as error:
        raise CannotRead(f"{path}: cannot be opened ({said(error)}).") from error


@contextlib.contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The container of `path`, closed at the end. Raises `CannotRead` for whatever FFmpeg refuses."""
    check_file(path)
    try:
        container = av.open(
            f"file:{path}",
            metadata_errors="replace",
            options={"protocol_whitelist": "file", "format_whitelist": FORMATS},
        )
    except (OSError, ValueError, FfmpegError) as error:
        raise CannotRead(f"{path}: not a video or sound file that can be read ({said(error)}).") from error
    with container:
        yield container


def said(error: BaseException) -> str:
    """The lower voice in a few words, without numbers and paths that the message around it already has."""
    return str(getattr(error, "strerror", None) or error).strip().rstrip(".").lower() or type(error).__name__


def demuxed(container: InputContainer, streams: Sequence[Any]) -> Iterator[Any]:
    """Packet after packet of the streams, to the end of the file or of what can be read of it."""
    packets = container.demux(*streams)
    while True:
        try:
            packet = next(packets, None)
        except FfmpegError:
            return
        if packet is None:
            return
        yield packet


def is_sound(stream: Any) -> bool:
    """Whether a sound stream can be decoded: of a known codec, with a rate and channels."""
    context = stream.codec_context
    return context is not None and context.sample_rate > 0 and context.channels > 0


def first_video(container: InputContainer) -> Any | None:
    """The stream that a player would show: the first that is no cover picture."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    return None
