"""Made scenes: the same bytes again, a truth that holds to the pixel, and sound and movement that belong together."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.datasets.classes import BASE_NUMBERS, NOVEL_NUMBERS, NUMBER_OF
from avfusion.datasets.scenes import Scene, draw_scene
from avfusion.datasets.scenes_looks import SHAPES, TEXTURES
from avfusion.datasets.scenes_settings import BASE_KINDS, NOVEL_KINDS, PRESETS, RATE_HZ, SceneSettings
from avfusion.datasets.timbres import TIMBRES
from avfusion.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]

STILL = SceneSettings(size_px=64, seconds=3, background_px_s=0, thing_px_s=0, grain=0, motions=("bounce",))
BUSY = SceneSettings(
    size_px=64, seconds=4, sources=2, statics=1, movers=2, off_screen=1, taking_turns=True, rest_share=0.3,
    lag_jitter_frames=2, shake_px=1.0, noise_db=6.0, overlap=0.5,
)  # fmt: skip


def digest(scene: Scene) -> str:
    parts = (scene.frames, scene.sound.samples, scene.masks, scene.sounds)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@pytest.fixture(scope="module")
def busy() -> Scene:
    return draw_scene(BUSY, 7)


# The same again


def test_the_same_number_gives_the_same_bytes_in_another_process(busy: Scene) -> None:
    program = "from tests.datasets.test_scenes import BUSY, digest, draw_scene; print(digest(draw_scene(BUSY, 7)))"
    surroundings = os.environ | {"PYTHONHASHSEED": "12345"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == digest(busy), done.stderr


def test_another_number_gives_another_scene(busy: Scene) -> None:
    assert digest(draw_scene(BUSY, 8)) != digest(busy)


@pytest.mark.parametrize("seed", [7, 8])
def test_the_judged_frames_are_the_same_where_no_other_is_drawn(seed: int) -> None:
    moving, still = draw_scene(BUSY, seed), draw_scene(BUSY, seed, is_moving=False)
    assert (moving.is_moving, still.is_moving) == (True, False)
    assert still.indices == (23, 48, 73, 98)
    assert np.array_equal(still.frames, moving.frames[list(still.indices)])
    assert np.array_equal(still.masks, moving.masks[:, list(still.indices)])
    assert np.array_equal(still.sound.samples, moving.sound.samples)
    for second in range(4):
        assert np.array_equal(still.sounding(second), moving.sounding(second))


# Made sets are known by their settings alone: what they hold must not change unsaid. To so many places that every
# machine agrees.
@pytest.mark.parametrize(
    ("seed", "colours", "shown", "loudness"),
    [
        (7, (97.706, 86.851, 96.9), (151, 997, 1050, 208, 298), (0.02672, 0.08452, 0.05474, 0.06416)),
        (8, (87.826, 127.916, 92.139), (826, 435, 280, 144, 205), (0.10881, 0.03954, 0.07608, 0.10883)),
    ],
)
def test_scenes_are_what_they_were(
    seed: int, colours: tuple[float, ...], shown: tuple[int, ...], loudness: tuple[float, ...]
) -> None:
    scene = draw_scene(BUSY, seed, is_moving=False)
    assert scene.frames.mean(axis=(0, 1, 2)) == pytest.approx(colours, abs=0.02)
    assert scene.masks.sum(axis=(1, 2, 3)) == pytest.approx(shown, abs=2)
    assert scene.sound.samples.reshape(4, -1).std(axis=1) == pytest.approx(loudness, abs=1e-4)


# Shapes and lengths


def test_pictures_sound_and_truth_are_of_one_length(busy: Scene) -> None:
    assert busy.frames.shape == (100, 64, 64, 3)
    assert busy.frames.dtype == np.uint8
    assert busy.masks.shape == (5, 100, 64, 64)
    assert busy.sounds.shape == (5, 4)
    assert busy.sound.samples.shape == (1, 4 * RATE_HZ)
    assert busy.sound.samples.dtype == np.float32
    assert busy.sound.duration_s == len(busy.frames) / busy.fps
    assert len(busy.parts) == len(busy.onsets_s) == 6
    assert len(set(busy.names)) == 5


def test_the_sound_is_its_parts_and_the_noise_at_the_wanted_ratio(busy: Scene) -> None:
    assert np.allclose(busy.sound.samples[0], busy.parts.sum(axis=0) + busy.noise, atol=1e-6)
    assert np.abs(busy.sound.samples).max() == pytest.approx(0.9, abs=1e-5)
    assert 20 * np.log10(busy.parts.sum(axis=0).std() / busy.noise.std()) == pytest.approx(6.0, abs=0.05)


def test_a_scene_in_which_nothing_sounds_is_silent() -> None:
    scene = draw_scene(replace(STILL, sources=0, movers=1), 1)
    assert not scene.sound.samples.any()
    assert not scene.sounds.any()


# The truth holds


def test_a_pixel_belongs_to_one_thing_at_the_most(busy: Scene) -> None:
    assert busy.masks.sum(axis=0).max() == 1


def test_nothing_changes_where_no_thing_is() -> None:
    scene = draw_scene(replace(STILL, sources=2, movers=1), 3)
    assert scene.masks.any(axis=(2, 3)).all()
    ever = scene.masks.any(axis=(0, 1)).astype(np.uint8)
    outside = cv2.dilate(ever, np.ones((5, 5))) == 0  # an edge pixel that is covered less than half is no thing's
    assert outside.any()
    assert (scene.frames[:, outside] == scene.frames[0, outside]).all()
    for thing in scene.masks:
        assert (scene.frames != scene.frames[0]).any(axis=3)[thing].any()


@pytest.mark.parametrize("lag_frames", [3, -2])
def test_lagging_pictures_are_the_same_pictures_later(lag_frames: int) -> None:
    prompt = draw_scene(STILL, 5)
    late = draw_scene(replace(STILL, lag_frames=lag_frames), 5)
    frames = len(prompt.frames)
    before, after = max(-lag_frames, 0), max(lag_frames, 0)
    assert np.array_equal(late.masks[:, after : frames - before], prompt.masks[:, before : frames - after])
    assert np.array_equal(late.sound.samples, prompt.sound.samples)
    assert not np.array_equal(late.masks, prompt.masks)


def test_a_thing_moves_from_its_onset_on() -> None:
    scene = draw_scene(replace(STILL, movers=1), 6)
    for thing, onsets_s in zip(scene.masks, scene.onsets_s, strict=True):
        first = int(np.ceil(onsets_s[0] * scene.fps))
        assert (thing[:first] == thing[0]).all()
        assert (thing[first : first + 5] != thing[0]).any()


def test_a_pulsing_thing_grows_in_place() -> None:
    scene = draw_scene(replace(STILL, motions=("pulse",), movers=0), 2)
    sizes = scene.masks[0].sum(axis=(1, 2))
    assert sizes.max() > 1.1 * sizes[0]
    rows, columns = np.nonzero(scene.masks[0, sizes.argmax()])
    at_rest = np.argwhere(scene.masks[0, 0]).mean(axis=0)
    assert (rows.mean(), columns.mean()) == pytest.approx(tuple(at_rest), abs=0.5)


def test_statics_sound_and_keep_still_and_movers_move_unheard() -> None:
    scene = draw_scene(replace(STILL, sources=1, statics=1, movers=1, thing_px_s=6, overlap=0), 4)
    source, static, mover = range(3)
    assert (scene.masks[static] == scene.masks[static, 0]).all()
    assert scene.parts[static].any()
    assert scene.sounds[static].all()
    assert not scene.parts[mover].any()
    assert not scene.sounds[mover].any()
    for moving in (source, mover):
        assert (scene.masks[moving] != scene.masks[moving, 0]).any()


def test_a_second_without_truth_is_silent_and_one_with_truth_is_not() -> None:
    resting = replace(STILL, seconds=6, sources=3, movers=0, taking_turns=True, rest_share=0.3)
    for seed in range(2):
        scene = draw_scene(resting, seed)
        assert scene.sounds.any(axis=1).all()
        assert not scene.sounds.all(axis=0).any()  # by turns: never all at once
        loudness = scene.parts.reshape(3, 6, RATE_HZ).std(axis=2)
        for part, sounds in zip(loudness, scene.sounds, strict=True):
            assert part[~sounds].max(initial=0) < 0.1 * part[sounds].min()


def test_a_mover_rests_as_a_source_does() -> None:
    resting = replace(STILL, size_px=32, seconds=20, fps=2, sources=3, movers=3, taking_turns=True, rest_share=0.2)
    scene = draw_scene(resting, 1)
    played = np.array([[np.any(onsets_s // 1 == second) for second in range(20)] for onsets_s in scene.onsets_s])
    sources, movers = played[:3].mean(), played[3:].mean()
    assert 0.2 < sources < 0.8
    assert movers == pytest.approx(sources, abs=0.2)


def test_what_is_judged_is_seen_at_15_16_of_the_second(busy: Scene) -> None:
    assert [busy.truth_frame(second) for second in range(4)] == [23, 48, 73, 98]
    for second in range(4):
        numbers = busy.sounding(second)
        for thing, sounds in enumerate(busy.sounds[:, second]):
            wanted = busy.masks[thing, busy.truth_frame(second)] & sounds
            assert np.array_equal(numbers == thing + 1, wanted)


def test_a_camera_that_shakes_moves_everything_alike() -> None:
    shaken = replace(STILL, shake_px=3.0, movers=0, statics=1, sources=0)
    masks = draw_scene(shaken, 9).masks[0]
    middles = np.array([np.argwhere(mask).mean(axis=0) for mask in masks])
    assert 1.0 < middles.std(axis=0).max() < 6.0
    # As a hand does: places that have nothing to do with each other would differ 1.4 times as much as they spread.
    assert np.diff(middles, axis=0).std() < 0.7 * middles.std(axis=0).mean()


# As a clip


def test_a_scene_reads_as_a_clip(busy: Scene) -> None:
    clip = busy.clip()
    assert (clip.width_px, clip.height_px, clip.frame_count, clip.fps) == (64, 64, 100, 25)
    assert clip.duration_s == busy.sound.duration_s
    assert [frame.index for frame in clip.frames(3, 6, backwards=True)] == [5, 4, 3]
    for frame in clip.frames(98):
        assert np.array_equal(frame.rgb, busy.frames[frame.index])
        assert frame.time == Fraction(frame.index, 25)
        assert frame.yuv[0].shape == (64, 64)
        assert frame.alpha is None


# Sound and movement belong together


def where_it_moves_with(scene: Scene, samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """[things]: how well the change inside each thing's box goes with the loudness, up to three frames apart.

    A detector of its own, simpler than any engine: what it cannot find would be no fair test for one.
    """
    grey = scene.frames.astype(np.float32).mean(axis=3)
    change = np.abs(np.diff(np.stack([cv2.GaussianBlur(picture, (0, 0), 1.0) for picture in grey]), axis=0))
    loud = np.sqrt(np.mean(samples[0].reshape(len(grey), -1) ** 2, axis=1))[1:]
    ever = scene.masks.any(axis=1)
    score = np.zeros(len(ever))
    for thing, box in enumerate(ever):
        moves = change[:, box].mean(axis=1)
        for lag in range(-3, 4):
            pair = moves[max(lag, 0) : len(moves) + min(lag, 0)], loud[max(-lag, 0) : len(loud) - max(lag, 0)]
            smooth = [np.convolve(values, [0.25, 0.5, 0.25], "valid") for values in pair]
            score[thing] = max(score[thing], np.corrcoef(*smooth)[0, 1])
    return score


@pytest.mark.parametrize("name", PRESETS)
def test_what_sounds_can_be_found_by_its_own_sound(name: str) -> None:
    scene = draw_scene(PRESETS[name], 11)
    score = where_it_moves_with(scene, scene.sound.samples)
    sources = scene.settings.sources
    assert score[:sources].min() > score[sources:].max()


@pytest.mark.proof
@pytest.mark.parametrize("name", PRESETS)
def test_found_by_its_own_sound_in_most_scenes_and_by_chance_with_another(name: str) -> None:
    scenes = [draw_scene(PRESETS[name], seed) for seed in range(30)]
    found = swapped = 0
    for scene, other in zip(scenes, scenes[1:] + scenes[:1], strict=True):
        found += int(where_it_moves_with(scene, scene.sound.samples).argmax() < scene.settings.sources)
        swapped += int(where_it_moves_with(scene, other.sound.samples).argmax() < scene.settings.sources)
    chance = scenes[0].settings.sources / len(scenes[0].masks)
    assert found >= 28
    assert swapped / 30 < chance + 0.25


# Kinds and settings


def test_every_kind_looks_and_sounds_like_no_other() -> None:
    for kinds in (BASE_KINDS, NOVEL_KINDS):
        for part, there_are in (("shape", SHAPES), ("texture", TEXTURES), ("timbre", TIMBRES)):
            assert {getattr(kind, part) for kind in kinds} == set(there_are)
            assert len(kinds) == len(there_are) >= 8


def test_novel_kinds_are_known_timbres_and_textures_in_shapes_of_others() -> None:
    def pairs(kind: object, first: str, second: str) -> tuple[str, str]:
        return getattr(kind, first), getattr(kind, second)

    for two in (("shape", "timbre"), ("shape", "texture")):
        assert not {pairs(kind, *two) for kind in BASE_KINDS} & {pairs(kind, *two) for kind in NOVEL_KINDS}
    kept = ("texture", "timbre")
    assert {pairs(kind, *kept) for kind in BASE_KINDS} == {pairs(kind, *kept) for kind in NOVEL_KINDS}
    assert {NUMBER_OF[kind.name] for kind in BASE_KINDS} <= set(BASE_NUMBERS)
    assert {NUMBER_OF[kind.name] for kind in NOVEL_KINDS} <= set(NOVEL_NUMBERS)


def test_things_that_do_not_fit_are_made_smaller() -> None:
    crowd = replace(STILL, sources=3, movers=5, seconds=1, radius_px=(38, 40))
    scene = draw_scene(crowd, 0)
    assert scene.masks[:, 0].any(axis=(1, 2)).all()


@pytest.mark.parametrize(
    "nonsense",
    [{"sources": 0, "movers": 0}, {"seconds": 0}, {"fps": 1}, {"size_px": 16}, {"kinds": ()}, {"motions": ()}],
)
def test_a_scene_that_cannot_be_drawn_is_refused(nonsense: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"scene"):
        draw_scene(replace(STILL, **nonsense), 0)
