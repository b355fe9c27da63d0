"""A small clip with a moving thing, a moving scene, sound, and exact masks."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

FRAMES, WIDTH, HEIGHT, FPS = 24, 320, 180, 24


@dataclass(frozen=True)
class Made:
    clip: Path
    masks: Path
    truth: np.ndarray  # bool [frames, H, W]
    picture: Path
    scene: Path


def noise(seed, shape, low, high):
    rough = np.random.default_rng(seed).random(shape).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), 2.5)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return low + smooth[..., None] * (np.asarray(high, np.float32) - low)


def draw_frames():
    """A reddish textured ball crosses a greenish textured scene that drifts the other way."""
    far = noise(1, (HEIGHT, WIDTH + 60), np.array([20.0, 60.0, 30.0]), [90, 170, 110])
    skin = noise(2, (HEIGHT, WIDTH), np.array([150.0, 40.0, 30.0]), [250, 140, 90])
    frames, masks = [], []
    for index in range(FRAMES):
        centre = (90 + 5 * index, 95 + round(12 * np.sin(index / 4)))
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.circle(mask, centre, 34, 255, -1)
        moved = np.roll(skin, (centre[1] - 95, centre[0] - 90), axis=(0, 1))
        alpha = cv2.GaussianBlur(mask, (0, 0), 0.8)[..., None].astype(np.float32) / 255
        scene = far[:, 60 - 2 * index : 60 - 2 * index + WIDTH]
        frames.append(np.rint(alpha * moved + (1 - alpha) * scene).astype(np.uint8))
        masks.append(mask > 0)
    return np.stack(frames), np.stack(masks)


def encode(frames, out, *extra, fps=FPS, sound=True):
    height, width = frames.shape[1:3]
    sources = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={len(frames) / fps}"] if sound else []
    subprocess.run(
        ["ffmpeg", "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
         "-r", str(fps), "-i", "-", *sources, "-c:v", "libx264", "-crf", "6", "-pix_fmt", "yuv420p",
         "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-c:a", "aac", *extra, str(out)],
        input=frames.tobytes(), check=True,
    )  # fmt: skip
    return out


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    frames, truth = draw_frames()
    masks = folder / "masks"
    masks.mkdir()
    for index, mask in enumerate(truth):
        Image.fromarray(mask.view(np.uint8) * 255).save(masks / f"{index:05d}.png")
    picture = folder / "picture.png"
    Image.fromarray(noise(3, (270, 480), np.array([10.0, 20.0, 90.0]), [80, 120, 255]).astype(np.uint8)).save(picture)
    scene = encode(np.roll(frames[::2], 70, axis=2), folder / "scene.mp4", fps=12, sound=False)
    return Made(encode(frames, folder / "clip.mp4"), masks, truth, picture, scene)


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Made:
    """As `made`, of 12 frames in a second and so small that following the ball takes next to no time."""
    folder = tmp_path_factory.mktemp("small")
    far = noise(1, (72, 128), np.array([20.0, 60.0, 30.0]), [90, 170, 110])
    skin = noise(2, (72, 128), np.array([150.0, 40.0, 30.0]), [250, 140, 90])
    rows, columns = np.mgrid[:72, :128]
    truth = np.stack([(columns - 36 - 3 * k) ** 2 + (rows - 44) ** 2 < 13**2 for k in range(12)])
    frames = np.stack([np.where(mask[..., None], np.roll(skin, 3 * k, 1), far) for k, mask in enumerate(truth)])
    frames = frames.astype(np.uint8)
    scene = encode(frames[::2], folder / "scene.mp4", fps=6, sound=False)
    return Made(encode(frames, folder / "clip.mp4", fps=12), folder, truth, folder, scene)
