"""`world-knn`: any voice from a few seconds of it, at once, with nothing trained and nothing downloaded.

    converted = WorldKnn().convert(sound, Reference((target,)))

WORLD takes sound apart, the target's own frames are laid along what is said (`world_match`), and the recording is given
their envelopes and the target's pitch (`world_synthesis`).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.errors import InputError, NothingFound, UsageError
from avfusion.voice import Reference, Target
from avfusion.voice.world_analysis import Check, go_on
from avfusion.voice.world_match import Matching, matched
from avfusion.voice.world_pitch import PitchRange, as_the_target, moved, range_of
from avfusion.voice.world_put_on import put_on
from avfusion.voice.world_speech import Speech, band_of, listen, one_after_the_other
from avfusion.voice.world_throat import lengthened, relative_length
from avfusion.voice.world_units import Units, units_of

_LOWEST_RATE_HZ = 8_000
_LONGEST_S = 60
_LEAST_VOICE_S = 0.5
_LEAST_PADDED_S = 0.25
_MOST_REFERENCE_S = 300
# References are listened to by so much at once: memory is that of their cepstra.
_HEARD_AT_ONCE_S = 20
_FRAMES_PER_S = 200


@dataclass(frozen=True)
class WorldSettings:
    """How `world-knn` converts.

    transpose: bring the pitch to where the target's lies; off, only `semitones` moves it, and a pitch that stays is
    never put through the vocoder. formant_semitones: the target's resonances so much higher (a shorter throat) or
    lower. matching: how the target's frames are used.
    """

    transpose: bool = True
    formant_semitones: float = 0.0
    matching: Matching = field(default_factory=Matching)

    def __post_init__(self) -> None:
        if not -12 <= self.formant_semitones <= 12:
            raise UsageError(f"Formants move by -12 to 12 semitones, and {self.formant_semitones:g} were asked for.")


@dataclass(frozen=True)
class SourceVoice:
    """What is known of the voice of a whole recording, so that all its pieces are moved alike. From `WorldKnn.study`.

    pitch: where it lies. length: the target's throat over its own.
    """

    pitch: PitchRange
    length: float


class WorldKnn:
    """The engine `world-knn`. The targets it was given last stay prepared for as long as their `Reference` lives."""

    name = "world-knn"

    def __init__(self, settings: WorldSettings | None = None) -> None:
        self.settings = settings or WorldSettings()
        self._prepared: weakref.WeakKeyDictionary[Reference, dict[int, Units]] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def prepare(self, target: Target, rate_hz: int, check: Check = go_on) -> Units:
        """What is known of the target for sounds of this rate: found at the first call, then kept.

        Raises UsageError (no Reference), InputError (no numbers, too low a rate), NothingFound (no voice in it).
        """
        if not isinstance(target, Reference):
            raise UsageError("world-knn takes its voice from recordings of the target, not from a model file.")
        rates = [rate_hz, *(sound.rate_hz for sound in target.recordings)]
        if min(rates) < _LOWEST_RATE_HZ:
            raise InputError(f"Sound at {min(rates)} Hz is too dull for voices. Give recordings of 8000 Hz or more.")
        band_hz = band_of(*rates)
        with self._lock:
            bands = self._prepared.setdefault(target, {})
            if band_hz not in bands:
                bands[band_hz] = _units(target, band_hz, check)
            return bands[band_hz]

    def study(self, sounds: Iterable[Sound], target: Target, check: Check = go_on) -> SourceVoice | None:
        """The voice of a long recording beside the target's, from any pieces of it; None where nobody speaks in them.

        A piece converted without it is moved by its own middle pitch and its own throat, which differ a little from
        piece to piece. Raises as `prepare`.
        """
        heard = []
        for sound in sounds:
            units = self.prepare(target, sound.rate_hz, check)
            heard.append(listen(one_channel(sound), sound.rate_hz, units.band_hz, check))
            check()
        if not heard:
            return None
        speech = one_after_the_other(heard)
        pitch = range_of(speech.f0_hz)
        return None if pitch is None else SourceVoice(pitch, relative_length(speech, units))

    def convert(
        self,
        sound: Sound,
        target: Target,
        *,
        semitones: float = 0.0,
        seed: int = 0,
        known: SourceVoice | None = None,
        check: Check = go_on,
    ) -> Sound:
        """As `VoiceEngine.convert` says. The seed changes nothing. known: of the recording this is a piece of."""
        units = self.prepare(target, sound.rate_hz, check)
        if sound.samples.shape[1] > _LONGEST_S * sound.rate_hz:
            raise UsageError(f"world-knn takes pieces of at most {_LONGEST_S} s. Cut longer sound into blocks.")
        mono = one_channel(sound)
        if not mono.any():
            return sound
        speech = listen(mono, sound.rate_hz, units.band_hz, check)
        check()
        pitch = range_of(speech.f0_hz)
        if pitch is None:
            return sound  # nobody speaks here
        voice = known or SourceVoice(pitch, relative_length(speech, units))
        f0 = as_the_target(speech.f0_hz, voice.pitch, units.pitch) if self.settings.transpose else speech.f0_hz
        f0 = moved(f0, semitones)
        check()
        cepstra = matched(lengthened(speech, voice.length), units, self.settings.matching)
        check()
        formants = self.settings.formant_semitones
        return put_on(sound, mono, speech, cepstra, f0, formant_semitones=formants, check=check)


def one_channel(sound: Sound) -> NDArray[np.float64]:
    """[n] mean of the channels, or the loudest where they cancel; silence after what is too short to be looked at.

    Raises InputError for samples that are no numbers.
    """
    samples = sound.samples
    if not np.isfinite(samples).all():
        raise InputError("The sound has samples that are no numbers. Save the recording anew, and give that.")
    powers = np.array([np.square(channel, dtype=np.float64).sum() for channel in samples])
    mono = samples.mean(axis=0, dtype=np.float64)
    if (mono**2).sum() < 0.25 * powers.mean():
        mono = samples[powers.argmax()].astype(np.float64)
    return np.pad(mono, (0, max(0, round(_LEAST_PADDED_S * sound.rate_hz) - len(mono))))


def _units(target: Reference, band_hz: int, check: Check) -> Units:
    left_s = float(_MOST_REFERENCE_S)
    heard = []
    for sound in target.recordings:
        samples = one_channel(sound)[: max(0, round(left_s * sound.rate_hz))]
        left_s -= len(samples) / sound.rate_hz
        if samples.any():
            heard.append(_listened(samples, sound.rate_hz, band_hz, check))
    voiced = sum(int((speech.f0_hz > 0).sum()) for speech in heard)
    if voiced < _LEAST_VOICE_S * _FRAMES_PER_S:
        raise NothingFound("There is no voice in the target's recordings. Give a few seconds of the target speaking.")
    return units_of(heard)


def _listened(samples: NDArray[np.float64], rate_hz: int, band_hz: int, check: Check) -> Speech:
    """A recording of the target [n], a part at a time."""
    parts = []
    for part in np.array_split(samples, -(-len(samples) // (_HEARD_AT_ONCE_S * rate_hz))):
        parts.append(listen(part, rate_hz, band_hz, check))
        check()
    return one_after_the_other(parts)
