"""Turns go to the voices that spoke them; pauses go to nobody; one voice is one speaker."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.errors import InputError
from avfusion.media.recording import hear, probe_recording
from avfusion.media.store import StoredSound, store
from avfusion.voice.speakers import Turn, who_speaks
from tests.voice.talking import HIGH, LOW, Talker, talk

RATE_HZ = 16000
PAUSE = np.zeros(round(0.6 * RATE_HZ))


def kept(path: Path, samples: NDArray[np.floating], rate_hz: int = RATE_HZ) -> StoredSound:
    return store(path, [samples.astype(np.float32)], channels=samples.shape[0], rate_hz=rate_hz)


def spoken(*turns: tuple[Talker, int]) -> tuple[NDArray[np.float64], list[tuple[float, float]]]:
    """(samples [1, n], start and end in s of each turn) of talkers who say so many words each."""
    parts, places, at = [PAUSE], [], len(PAUSE)
    for seed, (talker, words) in enumerate(turns):
        said = talk(talker, words, seed=seed)
        places.append((at / RATE_HZ, (at + len(said)) / RATE_HZ))
        parts += [said, PAUSE]
        at += len(said) + len(PAUSE)
    return np.concatenate(parts)[None], places


def right(turns: tuple[Turn, ...], places: list[tuple[float, float]], speakers: list[int]) -> float:
    """The share of the time spoken in which the turns name the right speaker."""
    good = 0.0
    for (start_s, end_s), speaker in zip(places, speakers, strict=True):
        named = [turn for turn in turns if turn.speaker == speaker]
        good += sum(max(0.0, min(end_s, turn.end_s) - max(start_s, turn.start_s)) for turn in named)
    return good / sum(end_s - start_s for start_s, end_s in places)


def test_two_voices_in_turns_and_who_speaks_most_is_the_first(tmp_path: Path) -> None:
    samples, places = spoken((LOW, 12), (HIGH, 16), (LOW, 12), (HIGH, 18))
    turns = who_speaks(kept(tmp_path / "two", samples))
    assert {turn.speaker for turn in turns} == {1, 2}
    assert right(turns, places, [2, 1, 2, 1]) > 0.9


def test_turns_are_in_order_and_leave_the_pauses_out(tmp_path: Path) -> None:
    samples, places = spoken((LOW, 6), (HIGH, 6), (LOW, 6))
    sound = kept(tmp_path / "three", samples)
    times = [time for turn in who_speaks(sound) for time in (turn.start_s, turn.end_s)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= sound.duration_s
    for (_, end_s), (start_s, _) in pairwise(places):
        middle = (start_s + end_s) / 2
        assert not any(start <= middle <= end for start, end in zip(times[::2], times[1::2], strict=True))


@pytest.mark.parametrize("talker", [LOW, HIGH])
def test_one_voice_is_one_speaker(talker: Talker, tmp_path: Path) -> None:
    samples, places = spoken((talker, 20), (talker, 25), (talker, 15))
    turns = who_speaks(kept(tmp_path / "one", samples))
    assert {turn.speaker for turn in turns} == {1}
    assert right(turns, places, [1, 1, 1]) > 0.9


def test_it_does_not_matter_how_loud_it_is_nor_on_how_many_channels(tmp_path: Path) -> None:
    samples, _ = spoken((LOW, 10), (HIGH, 12))
    turns = who_speaks(kept(tmp_path / "one", samples))
    quiet = who_speaks(kept(tmp_path / "both", np.concatenate([0.25 * samples] * 2)))
    assert [turn.speaker for turn in turns] == [turn.speaker for turn in quiet]
    assert np.allclose([turn.start_s for turn in turns], [turn.start_s for turn in quiet], atol=0.1)


def test_a_turn_over_the_border_of_two_minutes_is_one(tmp_path: Path) -> None:
    samples, _ = spoken((LOW, 12))
    silence = np.zeros((1, 57 * RATE_HZ))
    (turn,) = who_speaks(kept(tmp_path / "late", np.concatenate([silence, samples], axis=1)))
    assert turn.start_s < 60 < turn.end_s


@pytest.mark.parametrize("count", [0, 1, 100, 3000, 40000])
def test_nobody_speaks_in_silence_of_any_length(count: int, tmp_path: Path) -> None:
    assert who_speaks(kept(tmp_path / "silence", np.zeros((2, count)))) == ()


def test_what_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no numbers"):
        who_speaks(kept(tmp_path / "wrong", np.full((1, 500), np.nan)))


@pytest.mark.real_data
def test_two_people_who_read_in_turns(shared_data: Path, tmp_path: Path) -> None:
    parts, places, at = [], [], 0
    for sentence in ("003", "008", "011", "016"):
        for speaker in ("p225", "p226"):
            file = shared_data / "speech" / "vctk" / speaker / f"{speaker}_{sentence}.wav"
            said = hear(probe_recording(file), tmp_path / "said").read()
            places.append((at / RATE_HZ, (at + said.shape[1]) / RATE_HZ))
            parts.append(said)
            at += said.shape[1]
    turns = who_speaks(kept(tmp_path / "both", np.concatenate(parts, axis=1)))
    assert {turn.speaker for turn in turns} == {1, 2}
    # These recordings begin and end with pauses, which are nobody's.
    spoken_s = sum(turn.end_s - turn.start_s for turn in turns)
    shares = [right(turns, places, order * 4) * at / RATE_HZ / spoken_s for order in ([1, 2], [2, 1])]
    assert max(shares) > 0.95
