"""The sound that goes with pictures: placed by the file's clock, from the first frame on."""

import subprocess

import numpy as np
import pytest

from avfusion.clip import Sound
from avfusion.errors import CannotRead
from avfusion.media.cut import cut
from avfusion.media.probe import probe
from avfusion.pipelines.locate_sound import sound_for

RATE_HZ = 44_100


def test_a_part_has_the_sound_of_its_own_frames(small):
    clip = probe(small.clip)
    whole = sound_for(clip, None, needed=True)
    part = sound_for(cut(clip, 3, 9), None, needed=True)
    assert part.samples.shape[1] == RATE_HZ // 2
    assert np.array_equal(part.samples, whole.samples[:, RATE_HZ // 4 : 3 * RATE_HZ // 4])


def test_what_begins_late_is_silent_until_then(small, tmp_path):
    late = tmp_path / "late.mkv"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", small.clip, "-itsoffset", "0.5", "-i", small.clip, "-map", "0:v", "-map", "1:a",
         "-c:v", "copy", "-c:a", "pcm_s16le", "-t", "1", str(late)],
        check=True,
    )  # fmt: skip
    clip = probe(late)
    sound = sound_for(clip, None, needed=True)
    assert float(np.abs(sound.samples[:, : int(0.45 * RATE_HZ)]).max()) == 0
    assert float(np.abs(sound.samples[:, int(0.6 * RATE_HZ) :]).max()) > 0.05
    with pytest.raises(CannotRead, match=r"late\.mp4"):
        sound_for(clip, tmp_path / "late.mp4", needed=True)


def test_no_longer_than_the_clip(small):
    clip = probe(small.clip)
    ramp = Sound(np.arange(20_000, dtype=np.float32)[None] / 20_000, 8_000)
    assert np.array_equal(sound_for(clip, ramp, needed=True).samples, ramp.samples[:, :8_000])
    assert sound_for(probe(small.scene), None, needed=False).samples.shape[1] == 0
    with pytest.raises(CannotRead, match=r"scene.mp4: there is no sound in this file\. Give"):
        sound_for(probe(small.scene), None, needed=True)
