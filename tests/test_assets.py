"""The bundled example is what its README says, and its script makes it."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

ASSETS = Path(__file__).resolve().parents[1] / "assets"
EXAMPLE, LOOP = ASSETS / "example.mp4", ASSETS / "background.mp4"


@pytest.fixture(scope="module")
def example() -> list[NDArray[np.uint8]]:
    with av.open(str(EXAMPLE)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def sound() -> NDArray[np.float32]:
    """The clip's decoded sound, float32 [n] at 48 kHz, its first sample at time 0."""
    with av.open(str(EXAMPLE)) as container:
        blocks = list(container.decode(audio=0))
    assert blocks[0].time == 0
    return np.concatenate([block.to_ndarray()[0] for block in blocks])


@pytest.fixture(scope="module")
def truth() -> dict[str, object]:
    found: dict[str, object] = json.loads((ASSETS / "example_truth.json").read_text())
    return found


def mask_at(truth: dict[str, object], index: int) -> NDArray[np.bool_]:
    """Decoded by the COCO tools, which know nothing of our encoder."""
    coco = pytest.importorskip("pycocotools.mask")
    masks = truth["masks"]
    assert isinstance(masks, dict)
    return np.asarray(coco.decode({"size": truth["size"], "counts": masks[str(index)]}), bool)


def prompts() -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = json.loads((ASSETS / "prompts.json").read_text())
    return found


def coarse_db(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Level of each thirtieth of a second, dBFS."""
    blocks = samples[: len(samples) // 1600 * 1600].reshape(-1, 1600).astype(np.float64)
    return np.asarray(10 * np.log10((blocks**2).mean(1) + 1e-7))


@pytest.mark.parametrize(
    ("name", "most_bytes"),
    [
        ("example.mp4", 3_200_000),
        ("background.jpg", 500_000),
        ("background.mp4", 1_500_000),
        ("voice.wav", 300_000),
        ("speech.flac", 200_000),
        ("example_truth.json", 120_000),
        ("prompts.json", 1_000),
    ],
)
def test_each_file_is_there_and_small(name: str, most_bytes: int) -> None:
    assert 0 < (ASSETS / name).stat().st_size <= most_bytes


def test_the_clip_has_the_promised_streams() -> None:
    with av.open(str(EXAMPLE)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        context = video.codec_context
        assert (video.codec.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 1280, 720)
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1)
        assert (audio.codec.name, audio.rate, audio.channels) == ("aac", 48_000, 1)
        assert video.average_rate == 30


def test_the_index_comes_before_the_pictures() -> None:
    head = EXAMPLE.read_bytes()
    assert 0 < head.find(b"moov") < head.find(b"mdat")


def test_frame_k_is_shown_at_exactly_k_thirtieths() -> None:
    with av.open(str(EXAMPLE)) as container:
        stream = container.streams.video[0]
        times = [frame.pts * stream.time_base for frame in container.decode(stream)]
    assert times == [Fraction(k, 30) for k in range(192)]


def test_the_sound_is_as_long_as_the_picture(sound: NDArray[np.float32]) -> None:
    assert abs(len(sound) - 192 * 1600) <= 1024


def test_the_sound_is_as_loud_as_speech_should_be(sound: NDArray[np.float32]) -> None:
    loudness = pytest.importorskip("pyloudnorm").Meter(48_000).integrated_loudness(sound.astype(np.float64))
    assert loudness == pytest.approx(-18, abs=1)
    assert 20 * np.log10(np.abs(sound).max()) == pytest.approx(-3, abs=0.8)
    assert np.abs(sound[:19_200]).max() < 0.003, "the first 0.4 s are the lead-in"


def test_the_mouth_moves_with_the_sound_and_neither_before_nor_after(
    truth: dict[str, object], sound: NDArray[np.float32]
) -> None:
    mouth = np.asarray(truth["mouth"], np.float64)
    level = 10 ** (coarse_db(sound)[:192] / 20)
    fit = {lag: np.corrcoef(np.roll(mouth, -lag), level)[0, 1] for lag in range(-6, 7)}
    assert max(fit, key=lambda lag: fit[lag]) == 0
    assert fit[0] > 0.9


def test_the_drawn_mouth_moves_with_the_sound(
    example: list[NDArray[np.uint8]],
    truth: dict[str, object],
    sound: NDArray[np.float32],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Measured in the decoded picture: the cyan light in a window about the mouth, where all else is dark glass."""
    monkeypatch.syspath_prepend(str(ASSETS))
    from studio.motion import acting_at, camera_at
    from studio.shot import PX_PER_UNIT, robot_origin
    from studio.solids import rotation

    mouth = np.asarray(truth["mouth"], np.float64)
    lit = []
    for index, rgb in enumerate(example):
        camera, acting = camera_at(index / 30), acting_at(index / 30, float(mouth[index]))
        chin = np.array([0.0, 0.42 + 0.55 * np.sin(-0.40), 0.58 * np.cos(-0.40)])
        turned = rotation(0, 0, acting.lean) @ rotation(acting.yaw, acting.pitch, acting.roll) @ chin
        x, y = robot_origin(camera) + PX_PER_UNIT * camera.zoom * np.array(
            [acting.x + turned[0], -acting.y - turned[1]]
        )
        window = rgb[round(y) - 32 : round(y) + 42, round(x) - 46 : round(x) + 46].astype(np.float64)
        lit.append(np.clip(window[..., 1] - 90, 0, 120).sum())
    level = 10 ** (coarse_db(sound)[:192] / 20)
    fit = {lag: np.corrcoef(np.roll(lit, -lag), level)[0, 1] for lag in range(-6, 7)}
    assert max(fit, key=lambda lag: fit[lag]) == 0
    assert fit[0] > 0.9
    assert np.corrcoef(lit, mouth)[0, 1] > 0.95


def test_the_subject_fills_about_a_fifth_and_never_leaves(truth: dict[str, object]) -> None:
    for index in [*range(0, 192, 15), 191]:
        mask = mask_at(truth, index)
        assert 0.15 < mask.mean() < 0.25
        edge = np.concatenate([mask[:4].ravel(), mask[-4:].ravel(), mask[:, :4].ravel(), mask[:, -4:].ravel()])
        assert not edge.any()


def test_the_prompts_mark_the_subject(truth: dict[str, object]) -> None:
    mask, marks = mask_at(truth, 0), prompts()
    for x, y, keep in marks["points"]:
        assert keep == 1
        assert mask[y - 2 : y + 3, x - 2 : x + 3].all()
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert marks["box"] == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@pytest.mark.proof
def test_the_script_renders_the_committed_picture(
    example: list[NDArray[np.uint8]], truth: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ASSETS))
    from studio.motion import FRAME_COUNT
    from studio.shot import Stage

    openings = np.asarray(truth["mouth"], np.float32)
    assert len(openings) == FRAME_COUNT == len(example)
    shot = Stage(openings).render(90)
    error = np.mean((shot.rgb.astype(np.float64) - example[90]) ** 2)
    assert 10 * np.log10(255**2 / error) > 30
    drawn = shot.alpha >= 0.5
    known = mask_at(truth, 90)
    assert np.count_nonzero(drawn & known) > 0.999 * np.count_nonzero(drawn | known)


def test_the_mouth_is_computed_from_the_speech(truth: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ASSETS))
    from studio.sound import clip_sound, mouth_openings

    computed = mouth_openings(clip_sound(ASSETS / "speech.flac"))
    np.testing.assert_allclose(computed, truth["mouth"], atol=0.002)
    assert "studio" in sys.modules


def test_the_background_clip_loops_without_a_seam() -> None:
    with av.open(str(LOOP)) as container:
        assert not container.streams.audio
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (1280, 720, 24)
        frames = [frame.to_ndarray(format="rgb24").astype(np.float32) for frame in container.decode(stream)]
    assert len(frames) == 96
    steps = [float(np.abs(a - b).mean()) for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert steps[-1] < 1.3 * max(steps[:-1])
    assert np.median(steps) > 0.2, "the sea moves"


def test_the_background_picture_is_full_hd() -> None:
    with av.open(str(ASSETS / "background.jpg")) as container:
        rgb = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert rgb.shape == (1080, 1920, 3)
    assert rgb.std() > 30


def test_the_other_voice_is_lower_than_the_clips() -> None:
    """Median of the fundamental, which is what tells these two speakers apart at once."""
    pyworld = pytest.importorskip("pyworld")
    medians = []
    for name in ("speech.flac", "voice.wav"):
        samples, rate_hz = soundfile.read(ASSETS / name)
        assert (samples.ndim, rate_hz) == (1, 24_000)
        assert 4 <= len(samples) / rate_hz <= 6
        pitch, _ = pyworld.dio(samples, rate_hz)
        medians.append(float(np.median(pitch[pitch > 0])))
    assert medians[1] < 0.75 * medians[0]
