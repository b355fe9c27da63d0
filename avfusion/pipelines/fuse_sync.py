"""Whether picture and sound are still together: the file that was written beside its source, read back and measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from avfusion.clip import Clip
from avfusion.errors import CannotRead
from avfusion.media.audio import LAYOUTS, Samples
from avfusion.media.formats import FORMATS
from avfusion.media.probe import probe
from avfusion.media.recording import hear, probe_recording
from avfusion.media.store import BLOCK_SAMPLES, StoredSound, store
from avfusion.pipelines.convert_voice_measure import times
from avfusion.pipelines.convert_voice_parts import during, whole
from avfusion.pipelines.fuse_settings import Sync

# What a container rounds times to; Matroska is not among the formats that pictures are encoded for.
_RESOLUTIONS_S = {form.ending: Fraction(form.resolution_s) for form in FORMATS} | {".mkv": Fraction(1, 1000)}
# Lags are told by envelopes, for which this is plenty, and a long sound at its own rate takes much memory.
_ENVELOPES_HZ = 16_000
_WITHOUT_TIMES = ("", ".zip", ".png")


@dataclass(frozen=True)
class Proof:
    """sync, and the sounds that it was measured on; None where there is none."""

    sync: Sync
    before: StoredSound | None = None
    after: StoredSound | None = None


def prove(part: Clip, out: Path, folder: Path, *, before: StoredSound | None = None) -> Proof:
    """Reads `out` back, which was made of `part`. before: its sound, where that was decoded already. Sounds are put
    under `folder`."""
    if out.suffix.lower() in _WITHOUT_TIMES:
        return Proof(Sync(None, None))
    written = probe(out)
    off_s = _off_s(part, written)
    is_same = off_s is not None and off_s <= _RESOLUTIONS_S.get(out.suffix.lower(), Fraction(0)) * Fraction(6, 10)
    sync = Sync(is_same, None if off_s is None else float(off_s))
    before = before or _heard(part, folder / "proof-before")
    if before is None or not written.sounds:
        return Proof(sync)
    after = hear(probe_recording(out), folder / "proof-after")
    slow_hz = min(before.rate_hz, _ENVELOPES_HZ)
    source, result = (_at_rate(sound, slow_hz, folder / f"proof-{n}") for n, sound in enumerate((before, after)))
    late_s, drift_s = times(*_together(source, part, result, written, folder))
    return Proof(
        replace(
            sync, samples_before=before.count, samples_after=after.count, rate_before_hz=before.rate_hz,
            rate_after_hz=after.rate_hz, lag_s=late_s, drift_s=drift_s,
        ),
        before,
        after,
    )  # fmt: skip


def _off_s(part: Clip, written: Clip) -> Fraction | None:
    """The most by which a frame appears at another time; None where there are more or fewer frames."""
    if part.frame_count != written.frame_count:
        return None
    return max(abs(part.time(frame) - written.time(frame)) for frame in range(part.frame_count))


def _heard(part: Clip, path: Path) -> StoredSound | None:
    """The first sound track of a clip, or what belongs to the part."""
    if not part.sounds:
        return None
    try:
        sound = hear(probe_recording(part.path), path)
    except CannotRead:
        return None
    if part.sound_span is None:
        return sound
    start, end = (round(time * sound.rate_hz) for time in part.sound_span)
    if min(end, sound.first + sound.count) <= max(start, sound.first):
        return None
    return during(sound, whole(sound), part.sound_span, path.with_name(f"{path.name}-part"))[0]


def _together(
    before: StoredSound, part: Clip, after: StoredSound, written: Clip, folder: Path
) -> tuple[StoredSound, StoredSound]:
    """Both sounds where there is something of either, by the clocks of their pictures: what one of them lacks at its
    edge, as a copied sound of a part does, tells nothing of its time."""
    sounds, clips = (before, after), (part, written)
    starts = [
        round((Fraction(sound.first, sound.rate_hz) - clip.time(0)) * sound.rate_hz)
        for sound, clip in zip(sounds, clips, strict=True)
    ]
    first = max(starts)
    last = max(first, min(start + sound.count for start, sound in zip(starts, sounds, strict=True)))
    one, other = (
        store(
            folder / f"proof-together-{number}", _stretch(sound, first - start, last - start),
            channels=sound.channels, rate_hz=sound.rate_hz,
        )
        for number, (sound, start) in enumerate(zip(sounds, starts, strict=True))
    )  # fmt: skip
    return one, other


def _stretch(sound: StoredSound, first: int, last: int) -> Iterator[Samples]:
    for start in range(first, last, BLOCK_SAMPLES):
        yield sound.read(start, min(start + BLOCK_SAMPLES, last))


def _at_rate(sound: StoredSound, rate_hz: int, path: Path) -> StoredSound:
    """The sound at another rate."""
    if sound.rate_hz == rate_hz:
        return sound

    def blocks() -> Iterator[Samples]:
        layout = LAYOUTS[sound.channels]
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate_hz)
        for block in sound.blocks():
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
            frame.sample_rate = sound.rate_hz
            for made in resampler.resample(frame):
                yield np.asarray(made.to_ndarray(), np.float32)
        for made in resampler.resample(None):
            yield np.asarray(made.to_ndarray(), np.float32)

    made = store(path, blocks(), channels=sound.channels, rate_hz=rate_hz)
    return replace(made, first=round(Fraction(sound.first, sound.rate_hz) * rate_hz))
