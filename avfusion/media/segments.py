"""Pictures -> pieces of an encoded video that are finished one by one, and their packets joined to one stream.

Every piece has an encoder of its own and begins with a picture that needs no other (a closed group of pictures), so
that pieces made in different processes lie one after the other as if they had been made in one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, Protocol, runtime_checkable

import av
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Yuv
from avfusion.errors import CannotRead, TimesMismatch
from avfusion.media.ahead import Behind
from avfusion.media.container import FfmpegError, demuxed, opened
from avfusion.media.encoder import Encoding, PictureEncoder, video_stream
from avfusion.media.formats import Format
from avfusion.media.journal import Arrays, Journal
from avfusion.media.target import writing

_BEHIND_FRAMES = 4
# The transparency of VP9 lies beside its packets, which only Matroska has room for; NUT takes H.264 as it is encoded.
_ROOM = {"libx264": "nut", "prores_ks": "mov", "libvpx-vp9": "matroska"}


@runtime_checkable
class Source(Protocol):
    """Pictures that can be made from any frame on, given what was known before it."""

    def pictures(self, start: int) -> Generator[Yuv | NDArray[np.uint8], None, None]:
        """Those of frames start, start + 1, ...: after `restore` with what `state` gave there, the same as ever."""
        ...

    def state(self) -> Arrays:
        """What is carried over from the frame of the last picture to the next one."""
        ...

    def restore(self, state: Arrays) -> None: ...


@dataclass(frozen=True, eq=False)
class Segments:
    """The pieces of one video under a journal. frames: so many are one piece; the last has up to half as many more."""

    journal: Journal
    frames: int

    def ranges(self, count: int) -> list[tuple[int, int]]:
        """(start, stop) of the pieces of `count` frames."""
        borders = [*range(0, max(1, count - self.frames // 2), self.frames), count]
        return list(pairwise(borders))

    def names(self, start: int) -> tuple[str, str]:
        """Files of a piece: its packets, and what was known at its end."""
        return f"{start:07d}.packets", f"{start:07d}.npz"


def can_be_joined(form: Format) -> bool:
    """Whether files of this format can be put together from pieces. An animation's pictures refer to the ones before,
    and a folder of PNGs is written as quickly as it is joined: those are begun anew."""
    return form.encoder in _ROOM


def encode_segments(
    kept: Segments, source: Source, *, clip: Clip, form: Format, alpha: bool, encoding: Encoding
) -> None:
    """Encodes what is not there yet, piece by piece. Raises as `avfusion.media.write.write_video`."""
    ranges = kept.ranges(clip.frame_count)
    done = 0
    state: Arrays | None = {}
    for start, _ in ranges:
        note = kept.journal.find(str(start))
        known = None if note is None else kept.journal.load(kept.names(start)[1])
        if known is None:
            break
        state, done = known, done + 1
    if done:
        source.restore(state or {})
    if done == len(ranges):
        return
    with contextlib.closing(source.pictures(ranges[done][0])) as pictures:
        for start, stop in ranges[done:]:
            packets, known_then = kept.names(start)
            with kept.journal.durable(packets) as part:
                _encode(part, islice(pictures, stop - start), start, stop, clip, form, alpha, encoding)
            kept.journal.save(known_then, source.state())
            kept.journal.note(str(start), files=(packets, known_then))
        if next(pictures, None) is not None:
            raise TimesMismatch(f"{clip.path}: more pictures than the {clip.frame_count} frames that were promised.")


def _encode(
    part: Any, pictures: Iterator[Any], start: int, stop: int, clip: Clip, form: Format, alpha: bool, encoding: Encoding
) -> None:
    with writing(part):
        output = av.open(f"file:{part}", "w", format=_ROOM[form.encoder])
    try:
        with writing(part):
            stream = video_stream(output, form, clip, alpha, encoding)
        encoder = PictureEncoder(output, stream, form, clip, alpha, None)

        def take(item: tuple[int, Any]) -> None:
            with writing(part):
                encoder.take(item)

        with Behind(take, depth=_BEHIND_FRAMES) as behind:
            count = 0
            for count, picture in enumerate(pictures, start=1):
                behind.put((start + count - 1, picture))
            behind.finish()
        if count != stop - start:
            raise TimesMismatch(
                f"{clip.path}: {start + count} pictures for the {clip.frame_count} frames that were promised."
            )
        with writing(part):
            encoder.finish()
    except BaseException:
        with contextlib.suppress(OSError, FfmpegError):
            output.close()
        raise
    with writing(part):
        output.close()


def joined_packets(kept: Segments, clip: Clip, delay: int) -> Iterator[Any]:
    """Packets of all pieces in decoding order, at the clip's exact times.

    delay: by how many frames the encoder's order of decoding runs ahead of that of showing. Decoding times are the
    times of showing, so many frames earlier; before the first one they go on as far back as those frames take.
    """
    ticks = [int(tick) for tick in clip.ticks]
    back = ticks[delay] - ticks[0] if delay < len(ticks) else ticks[-1] - ticks[0] + 1
    ends = [*ticks[1:], clip.end_tick]
    place = 0
    for start, stop in kept.ranges(clip.frame_count):
        path = kept.journal.folder / kept.names(start)[0]
        order = _shown_order(path, stop - start) if delay else list(range(stop - start))
        with opened(path) as container:
            for packet, rank in zip(_packets(container), order, strict=True):
                shown = start + rank
                packet.time_base = clip.time_base
                packet.pts, packet.duration = ticks[shown], ends[shown] - ticks[shown]
                packet.dts = ticks[place - delay] if place >= delay else ticks[place] - back
                place += 1
                yield packet


def _packets(container: Any) -> Iterator[Any]:
    return (packet for packet in demuxed(container, [container.streams.video[0]]) if packet.size)


def _shown_order(path: Any, count: int) -> list[int]:
    """The place of each packet of a piece in the order of showing. Raises `CannotRead` for a piece that is damaged."""
    with opened(path) as container:
        shown = [packet.pts for packet in _packets(container)]
    if len(shown) != count or None in shown or len(set(shown)) != count:
        raise CannotRead(f"{path}: a kept piece of the result is damaged. Remove {path.parent} and run again.")
    ranks = {time: rank for rank, time in enumerate(sorted(shown))}
    return [ranks[time] for time in shown]
