"""Whether what was found goes by the sound: looked at again without it, and with another one."""

import numpy as np
import pytest

from avfusion.clip import Drawn, Sound
from avfusion.datasets.scenes import draw_scene
from avfusion.datasets.scenes_settings import PRESETS
from avfusion.errors import UsageError
from avfusion.media.audio import read_sound
from avfusion.media.probe import probe
from avfusion.pipelines.locate import find
from avfusion.pipelines.locate_controls import control
from avfusion.pipelines.locate_write import write_located
from avfusion.pipelines.progress import Teller
from avfusion.sounding import Sources
from tests.pipelines.sounders import scripted, source


@pytest.fixture
def by_picture(small, monkeypatch):
    """It looks at the picture alone."""
    answer = Sources((source(1, Drawn(small.truth[4], frame=4), sounds=(1, 1)),), 0.5)
    return scripted(lambda clip, sound, wish: answer, monkeypatch)


@pytest.fixture
def by_sound(small, monkeypatch):
    """It finds something where there is sound, in the half that is louder."""

    def answer(clip, sound, wish):
        halves = np.array_split(np.abs(sound.samples[0]), 2)
        loud = [float(half.mean()) > 0.1 for half in halves]
        if not any(loud):
            return Sources((), 0.5, abstained="The sound is silent.")
        return Sources((source(1, Drawn(small.truth[4], frame=4), sounds=[float(one) for one in loud]),), 0.5)

    return scripted(answer, monkeypatch)


def test_what_ignores_the_sound_does_not_change(small, by_picture, tmp_path):
    located = find(small.clip, folder=tmp_path / "found")
    for kind in ("mute", "swap"):
        again = control(located, kind, folder=tmp_path / kind)
        assert (again.iou, again.gone, again.changed, again.goes_by_sound) == (1, 0, 0, False)
        assert "much the same is found (IoU 1.00)" in again.words


def test_silence_and_the_halves_exchanged(small, by_sound, tmp_path):
    half = Sound(np.concatenate([np.ones((1, 4_000)), np.zeros((1, 4_000))], axis=1).astype(np.float32), 8_000)
    located = find(small.clip, folder=tmp_path / "found", sound=half)
    mute = control(located, "mute", folder=tmp_path / "mute")
    assert (mute.iou, mute.gone, mute.goes_by_sound) == (0, 1, True)
    assert mute.words.startswith("Without its sound nothing is found: it takes a sound. Whether it matters which one,")
    assert mute.plain().abstained == "The sound is silent."
    swap = control(located, "swap", folder=tmp_path / "swap")
    assert np.allclose(by_sound.heard[-1][1].samples, half.samples[:, ::-1], atol=1e-6)
    assert (swap.iou, swap.gone) == (0, 1)  # the same thing, in the other half of the clip
    assert "100% of the masks change" in swap.words
    given = control(located, "swap", folder=tmp_path / "given", other=half)
    assert given.iou == 1


def test_a_film_plays_the_sound_that_was_gone_by(small, by_sound, tmp_path):
    """The clip's own is a tone throughout, in one channel at 44.1 kHz; the other one sounds in the second half."""
    other = Sound(np.zeros((2, 8_000), np.float32), 8_000)
    other.samples[:, 4_000:] = 0.5 * np.sin(np.arange(4_000) * 2 * np.pi * 300 / 8_000)
    located = find(small.clip, folder=tmp_path / "found", sound=other)
    write_located(located, tmp_path / "film.mp4", "overlay", Teller("rendering", 12, None, None))
    film = probe(tmp_path / "film.mp4")
    (track,) = film.sounds
    assert (track.rate_hz, track.channels) == (44_100, 1)
    played = read_sound(film).samples[0]
    assert np.abs(played[: 44_100 // 2 - 2_000]).max() < 0.05
    loud = played[44_100 // 2 + 2_000 : 44_100 - 2_000]
    assert np.abs(np.fft.rfft(loud)).argmax() * 44_100 / len(loud) == pytest.approx(300, abs=5)
    assert loud.std() == pytest.approx(0.5 / np.sqrt(2), rel=0.1)
    mute = control(located, "mute", folder=tmp_path / "mute")
    write_located(mute.located, tmp_path / "mute.mp4", "overlay", Teller("rendering", 12, None, None))
    assert np.abs(read_sound(probe(tmp_path / "mute.mp4")).samples).max() < 1e-3


def test_nothing_against_nothing(small, by_sound, tmp_path):
    silence = Sound(np.zeros((1, 8_000), np.float32), 8_000)
    located = find(small.clip, folder=tmp_path / "found", sound=silence)
    again = control(located, "mute", folder=tmp_path / "mute")
    assert (again.iou, again.gone, again.changed, again.goes_by_sound) == (None, None, 0, None)
    assert "nothing to compare" in again.words
    with pytest.raises(UsageError, match="mute"):
        control(located, "mute", folder=tmp_path / "mute", other=silence)


def test_the_engine_without_weights_from_end_to_end(tmp_path):
    """A made scene: one of three things sounds and moves with it, the others move to a beat that is not heard."""
    scene = draw_scene(PRESETS["one"], seed=3)
    located = find(
        scene.clip(), folder=tmp_path / "found", engine="mutual-information", segmenter="grabcut", tracker="flow",
        sound=scene.sound,
    )  # fmt: skip
    assert len(located.sources.found) == 1
    frames = range(0, scene.masks.shape[1], 5)
    truth = [scene.masks[0, frame] for frame in frames]
    found = [located.whole.mask(frame, 1) for frame in frames]
    ious = [(one & true).sum() / (one | true).sum() for one, true in zip(found, truth, strict=True)]
    assert np.mean(ious) > 0.5
    mute = control(located, "mute", folder=tmp_path / "mute")
    assert mute.goes_by_sound
    assert not mute.located.sources.found
