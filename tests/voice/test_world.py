"""world-knn says the same words in the target's voice, at the same time, in every sound that it is given."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfiltfilt

from avfusion.clip import Sound
from avfusion.errors import InputError, NothingFound, Stopped, UsageError
from avfusion.media.store import store
from avfusion.metrics.voice import analyse, compare, keeping
from avfusion.voice import Reference, Speaker
from avfusion.voice.blocks import Blocks, converted
from avfusion.voice.world import SourceVoice, WorldKnn, WorldSettings, one_channel
from avfusion.voice.world_analysis import envelopes
from avfusion.voice.world_pitch import PitchRange, range_of, track
from avfusion.voice.world_put_on import put_on
from avfusion.voice.world_speech import listen
from avfusion.voice.world_synthesis import said_again
from tests.voice.talking import HIGH, LOW, Talker, mono, talk

RATE = 16_000
ENGINE = WorldKnn()


@cache
def target(talker: Talker, rate_hz: int = RATE) -> Reference:
    return Reference((mono(talk(talker, 12, rate_hz, seed=5), rate_hz),))


def middle_hz(samples: np.ndarray, rate_hz: int) -> float:
    pitch = range_of(track(samples.astype(float), rate_hz))
    assert pitch is not None
    return float(np.exp(pitch.middle))


@pytest.mark.parametrize(("source", "other"), [(LOW, HIGH), (HIGH, LOW)])
def test_it_comes_nearer_to_the_target(source: Talker, other: Talker) -> None:
    """The target saying the same words is known here: the same dice."""
    sound = mono(talk(source, 4))
    truth = analyse(talk(other, 4), RATE)
    result = compare(analyse(ENGINE.convert(sound, target(other)).samples[0], RATE), truth)
    before = compare(analyse(sound.samples[0], RATE), truth)
    assert result.distortion_db < 0.7 * before.distortion_db
    assert result.variance_ratio > 0.6
    assert result.f0_ratio == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_every_rate_keeps_length_time_and_pitch(rate_hz: int) -> None:
    sound = mono(talk(LOW, 3, rate_hz)[:-7], rate_hz)
    result = ENGINE.convert(sound, target(HIGH))
    assert result.rate_hz == rate_hz
    assert result.samples.shape == sound.samples.shape
    assert result.samples.dtype == np.float32
    kept = keeping(sound.samples[0], result.samples[0], rate_hz)
    assert abs(kept.lag_s) < 0.005
    assert abs(kept.loudness_error_db) < 2
    assert np.abs(result.samples).max() < 1
    assert middle_hz(result.samples[0], rate_hz) == pytest.approx(
        middle_hz(one_channel(mono(talk(HIGH, 12, seed=5))), RATE), rel=0.05
    )


def test_semitones_come_on_top_and_formants_are_apart() -> None:
    sound = mono(talk(LOW, 4))
    plain, higher = (ENGINE.convert(sound, target(HIGH), semitones=steps).samples[0] for steps in (0, 4))
    assert middle_hz(higher, RATE) / middle_hz(plain, RATE) == pytest.approx(2 ** (4 / 12), rel=0.02)
    assert compare(analyse(higher, RATE), analyse(plain, RATE)).distortion_db < 3.5
    longer = WorldKnn(WorldSettings(formant_semitones=-3)).convert(sound, target(HIGH)).samples[0]
    assert middle_hz(longer, RATE) == pytest.approx(middle_hz(plain, RATE), rel=0.02)
    assert compare(analyse(longer, RATE), analyse(plain, RATE)).distortion_db > 2
    with pytest.raises(UsageError, match="semitones"):
        WorldSettings(formant_semitones=30)


def test_a_pitch_that_stays_is_not_put_through_the_vocoder() -> None:
    """The waveform itself, filtered: with nothing to change, the recording to a rounding."""
    sound = mono(talk(LOW, 3))
    samples = one_channel(sound)
    speech = listen(samples, RATE, RATE)
    same = put_on(sound, samples, speech, None, speech.f0_hz)
    assert np.allclose(same.samples, sound.samples, atol=1e-6)
    engine = WorldKnn(WorldSettings(transpose=False))
    kept = engine.convert(sound, target(HIGH)).samples[0]
    assert middle_hz(kept, RATE) == pytest.approx(middle_hz(sound.samples[0], RATE), rel=0.01)
    moved = engine.convert(sound, target(HIGH), semitones=3).samples[0]
    assert middle_hz(moved, RATE) == pytest.approx(middle_hz(sound.samples[0], RATE) * 2 ** (3 / 12), rel=0.02)


def test_the_vocoder_gives_back_what_it_takes_apart() -> None:
    samples = talk(LOW, 6)
    speech = listen(samples, RATE, RATE)
    power = envelopes(samples, RATE, speech.f0_hz)
    again = said_again(samples, speech, slice(0, len(power)), power, speech.f0_hz, None)
    assert len(again) == len(samples)
    # The hisses, which are the recording's own in a conversion, are new noise here.
    assert compare(analyse(again, RATE), analyse(samples, RATE)).distortion_db < 2


def test_channels_stay_where_they_were() -> None:
    spoken, rate_hz = talk(LOW, 4), RATE
    sound = Sound(np.stack([spoken, 0.25 * spoken]).astype(np.float32), rate_hz)
    left, right = ENGINE.convert(sound, target(HIGH)).samples
    assert np.sqrt((left**2).mean() / (right**2).mean()) == pytest.approx(4, rel=0.02)
    # Two microphones far apart: the mean of their sounds is quieter than each, the result is not.
    apart = Sound(np.stack([spoken, np.roll(spoken, 400)]).astype(np.float32), rate_hz)
    result = ENGINE.convert(apart, target(HIGH)).samples
    loud = [np.sqrt((channel**2).mean()) for channel in (*apart.samples, *result)]
    assert loud[2] == pytest.approx(loud[0], rel=0.25)
    assert loud[3] == pytest.approx(loud[1], rel=0.25)
    turned = Sound(np.stack([spoken, -spoken]).astype(np.float32), rate_hz)
    assert np.abs(ENGINE.convert(turned, target(HIGH)).samples).max() > 0.05


def test_pauses_are_the_recording_s_own() -> None:
    spoken = talk(LOW, 4)
    word = round(0.53 * RATE)
    result = ENGINE.convert(mono(spoken), target(HIGH)).samples[0]
    for start in range(0, 4 * word, word):
        pause = slice(start + round(0.43 * RATE), start + round(0.50 * RATE))
        assert np.allclose(result[pause], spoken[pause], atol=3e-5)


def test_the_room_around_the_speech_does_not_breathe() -> None:
    """A noisy source and a clean target: the noise goes on under the new voice, and is not heard in pauses alone."""
    spoken = talk(LOW, 4)
    spoken += 0.008 * np.random.default_rng(7).standard_normal(len(spoken))
    result = ENGINE.convert(mono(spoken), target(HIGH)).samples[0]

    def quietest_db(samples: np.ndarray) -> float:
        """Of all windows of 20 ms, between 5 and 7.5 kHz: where there is noise and hardly any voice."""
        high = sosfiltfilt(butter(4, [5_000, 7_500], "bandpass", fs=RATE, output="sos"), samples)
        windows = high[: len(high) // 320 * 320].reshape(-1, 320)
        return float(np.percentile(10 * np.log10((windows**2).mean(axis=1)), 5))

    assert quietest_db(result) == pytest.approx(quietest_db(spoken), abs=2.5)


def test_silence_stays_and_so_does_what_is_no_voice() -> None:
    silence = Sound(np.zeros((2, RATE), np.float32), RATE)
    assert np.array_equal(ENGINE.convert(silence, target(HIGH)).samples, silence.samples)
    hiss = mono(0.05 * np.random.default_rng(0).standard_normal(RATE))
    result = ENGINE.convert(hiss, target(HIGH))
    assert result.samples.shape == hiss.samples.shape
    assert np.isfinite(result.samples).all()


@pytest.mark.parametrize("count", [0, 1, 100, 1_600])
def test_short_sounds(count: int) -> None:
    """Down to a tenth of a second of a vowel, one sample, and none."""
    sound = mono(talk(LOW, 1)[2_500 : 2_500 + count])
    result = ENGINE.convert(sound, target(HIGH))
    assert result.samples.shape == sound.samples.shape
    assert np.isfinite(result.samples).all()


def test_clipped_sound_does_not_clip_again() -> None:
    clipped = mono(np.clip(20 * talk(LOW, 3), -1, 1))
    result = ENGINE.convert(clipped, target(HIGH)).samples
    assert np.isfinite(result).all()
    assert 0.3 < np.abs(result).max() < 1


def test_the_same_again_is_the_same() -> None:
    sound = mono(talk(LOW, 2))
    assert np.array_equal(
        WorldKnn().convert(sound, target(HIGH), seed=1).samples, ENGINE.convert(sound, target(HIGH)).samples
    )


def test_what_cannot_be_used_is_named() -> None:
    sound = mono(talk(LOW, 1))
    with pytest.raises(UsageError, match="recordings of the target"):
        ENGINE.convert(sound, Speaker())
    for nothing in (np.zeros(RATE), 0.1 * np.random.default_rng(1).standard_normal(3 * RATE)):
        with pytest.raises(NothingFound, match="no voice"):
            ENGINE.convert(sound, Reference((mono(nothing),)))
    with pytest.raises(InputError, match="no numbers"):
        ENGINE.convert(mono(np.array([0.1, np.nan] * RATE)), target(HIGH))
    with pytest.raises(InputError, match="4000 Hz"):
        ENGINE.convert(Sound(sound.samples, 4_000), target(HIGH))
    with pytest.raises(UsageError, match="60 s"):
        ENGINE.convert(mono(np.zeros(61 * RATE)), target(HIGH))


def test_pieces_of_a_long_recording_join_without_a_click_and_at_one_pitch(tmp_path: Path) -> None:
    spoken = talk(LOW, 14)
    sound = store(tmp_path / "long", [spoken[None].astype(np.float32)], channels=1, rate_hz=RATE)
    known = ENGINE.study([mono(spoken)], target(HIGH))
    assert isinstance(known, SourceVoice)
    blocks = Blocks(longest_s=3, search_s=1, context_s=0.5)
    pieces = converted(sound, lambda part: ENGINE.convert(Sound(part, RATE), target(HIGH), known=known).samples, blocks)
    whole = np.concatenate(list(pieces), axis=1)[0]
    assert len(whole) == len(spoken)
    at_once = ENGINE.convert(mono(spoken), target(HIGH)).samples[0]
    assert np.abs(np.diff(whole)).max() < 1.5 * np.abs(np.diff(at_once)).max()
    assert middle_hz(whole, RATE) == pytest.approx(middle_hz(at_once, RATE), rel=0.01)
    assert ENGINE.study([mono(np.zeros(RATE))], target(HIGH)) is None


class Patience:
    """Counts how often it is asked, and ends the work at one of the times."""

    def __init__(self, last: int = 10**6) -> None:
        self.asked, self.last = 0, last

    def __call__(self) -> None:
        self.asked += 1
        if self.asked == self.last:
            raise Stopped("enough")


def test_work_can_be_ended_at_every_step() -> None:
    """From listening to the target on: whoever waits is asked again and again, and what is raised comes through."""
    sound, other = mono(talk(LOW, 2)), Reference((mono(talk(HIGH, 6, seed=5)),))

    def work(check: Patience) -> None:
        engine = WorldKnn()
        engine.convert(sound, other, known=engine.study([sound], other, check), check=check)

    patient = Patience()
    work(patient)
    assert patient.asked >= 12
    for last in range(1, patient.asked, 5):
        with pytest.raises(Stopped):
            work(Patience(last))


def test_a_long_reference_is_heard_in_parts_and_gives_the_same_voice() -> None:
    """Twice a sentence, in one recording of 21 s or in two: the same units but for those where it is cut."""
    once = talk(HIGH, 20, seed=5)
    apart, together = (
        WorldKnn().prepare(Reference(recordings), RATE)
        for recordings in ((mono(once), mono(once)), (mono(np.concatenate([once, once])),))
    )
    assert len(together.cepstra) == pytest.approx(len(apart.cepstra), rel=0.01)
    assert together.pitch.middle == pytest.approx(apart.pitch.middle, abs=0.01)
    assert np.allclose(together.manner.mean, apart.manner.mean, atol=0.02)


VCTK_REFERENCE = ("003", "008", "011", "016", "019")


@pytest.mark.real_data
@pytest.mark.parametrize(("source", "other"), [("p225", "p226"), ("p226", "p225")])
def test_real_voices(shared_data: Path, source: str, other: str) -> None:
    def heard(who: str, sentence: str) -> Sound:
        samples, rate_hz = soundfile.read(shared_data / "speech" / "vctk" / who / f"{who}_{sentence}.wav")
        return mono(samples, rate_hz)

    sound, truth = heard(source, "022"), heard(other, "022")
    references = tuple(heard(other, sentence) for sentence in VCTK_REFERENCE)
    result = ENGINE.convert(sound, Reference(references))
    assert result.samples.shape == sound.samples.shape
    likeness = compare(analyse(result.samples[0], RATE), analyse(truth.samples[0], RATE))
    assert likeness.distortion_db < 7.2
    assert likeness.variance_ratio > 0.7
    known_hz, said_hz = (np.exp(pitch_of(sounds).middle) for sounds in (references, [result]))
    assert said_hz == pytest.approx(known_hz, rel=0.05)
    kept = keeping(sound.samples[0], result.samples[0], RATE)
    assert abs(kept.lag_s) < 0.005
    assert abs(kept.drift_s) < 0.005
    assert np.abs(result.samples).max() < 1

    samples = one_channel(sound)
    speech = listen(samples, RATE, RATE)
    copy = put_on(sound, samples, speech, None, speech.f0_hz * (1 + 1e-9))
    assert compare(analyse(copy.samples[0], RATE), analyse(samples, RATE)).distortion_db < 2


def pitch_of(sounds: Sequence[Sound]) -> PitchRange:
    pitch = range_of(np.concatenate([track(one_channel(sound), sound.rate_hz) for sound in sounds]))
    assert pitch is not None
    return pitch


def test_in_a_room_that_drowns_the_lowest_tones_a_voice_stays_a_voice() -> None:
    """As a telephone hears it in a restaurant: what is heard in pauses is above the voice at 0 Hz."""
    dice = np.random.default_rng(1)
    clean = talk(LOW, 6)
    thin = sosfiltfilt(butter(4, 350, "highpass", fs=16_000, output="sos"), clean)
    room = sosfiltfilt(butter(2, (150, 500), "bandpass", fs=16_000, output="sos"), dice.standard_normal(len(clean)))
    sound = mono(thin + 0.1 * thin.std() * room / room.std() + 1e-3 * dice.standard_normal(len(clean)))
    before = track(sound.samples[0].astype(np.float64), 16_000)
    made = WorldKnn().convert(sound, Reference((sound,)))
    after = track(made.samples[0].astype(np.float64), 16_000)
    assert (after > 0).mean() > 0.8 * (before > 0).mean()
    assert np.median(after[after > 0]) == pytest.approx(np.median(before[before > 0]), rel=0.05)
