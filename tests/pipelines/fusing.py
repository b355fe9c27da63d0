"""A tiny clip of two moving squares and somebody who talks, with the masks of both, and whose voice it could have."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avfusion.media.write_sound import write_sound
from avfusion.pipelines.convert_voice_settings import VoiceWish
from tests.media.making import ffmpeg
from tests.voice.talking import HIGH, LOW, talk

FRAMES, WIDTH, HEIGHT, FPS, RATE_HZ = 20, 160, 90, 20, 16_000


@dataclass(frozen=True)
class Talking:
    """labels: uint8 [frames, H, W]: 1 a square that goes left, 2 one that goes right and never meets it."""

    clip: Path
    silent: Path
    masks: Path
    labels: NDArray[np.uint8]
    picture: Path
    target: Path

    @property
    def voice(self) -> VoiceWish:
        return VoiceWish(target=(self.target,))


def make(folder: Path) -> Talking:
    frames, labels = _drawn()
    pictures = folder / "frames"
    pictures.mkdir()
    masks = folder / "masks"
    masks.mkdir()
    for index, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        Image.fromarray(frame).save(pictures / f"{index:05d}.png")
        Image.fromarray(label).save(masks / f"{index:05d}.png")
    picture = folder / "picture.png"
    Image.fromarray(_rough(9, (HEIGHT, WIDTH, 3))).save(picture)
    said = _wav(folder / "said.wav", talk(LOW, 3)[: RATE_HZ * FRAMES // FPS + 800])
    clip, silent = folder / "clip.mp4", folder / "silent.mp4"
    shown = ("-framerate", str(FPS), "-i", pictures / "%05d.png")
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "4", "-bf", "2", "-pix_fmt", "yuv420p")
    ffmpeg(*shown, *coding, silent)
    ffmpeg("-i", silent, "-i", said, "-c:v", "copy", "-c:a", "aac", clip)
    return Talking(clip, silent, masks, labels, picture, _wav(folder / "target.wav", talk(HIGH, 8, seed=5)))


def _drawn() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    scene, first, second = (_rough(seed, (HEIGHT, WIDTH, 3)) for seed in (1, 2, 3))
    frames, labels = [], []
    for index in range(FRAMES):
        label = np.zeros((HEIGHT, WIDTH), np.uint8)
        label[10:40, 60 - 2 * index : 90 - 2 * index] = 1
        label[50:80, 60 + 3 * index : 90 + 3 * index] = 2
        frame = scene.copy()
        frame[label == 1] = np.roll(first, -2 * index, axis=1)[label == 1] // 2 + [120, 0, 0]
        frame[label == 2] = np.roll(second, 3 * index, axis=1)[label == 2] // 2 + [0, 0, 120]
        frames.append(frame.astype(np.uint8))
        labels.append(label)
    return np.stack(frames), np.stack(labels)


def _rough(seed: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random(shape).astype(np.float32), (0, 0), 1.5)
    return np.asarray(255 * (noise - noise.min()) / (noise.max() - noise.min()), np.uint8)


def _wav(path: Path, samples: NDArray[np.float64]) -> Path:
    write_sound(
        path, [samples.astype(np.float32)[None]], rate_hz=RATE_HZ, channels=1, count=len(samples), tags={}
    )  # fmt: skip
    return path
