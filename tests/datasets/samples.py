"""Small clips for data sets: a bright square that sounds, second after second in another place."""

from fractions import Fraction

import numpy as np

from avfusion.clip import Sound
from avfusion.datasets.avs_clip import AvsSample, Split
from avfusion.datasets.rvos_clip import RvosSample

HEIGHT_PX, WIDTH_PX, FPS = 30, 40, 2


def avs_sample(
    name: str, split: Split = "test", labels: tuple[str, ...] = ("dog",), subset: str = "v1m", number: int = 17,
    seconds: int = 5, size: tuple[int, int] = (HEIGHT_PX, WIDTH_PX),
) -> AvsSample:  # fmt: skip
    """The square is where the truth is; in second 2 nothing sounds. Each picture's red says which it is."""
    truths = np.zeros((seconds, *size), np.uint8)
    for second in range(seconds):
        if second != 2:
            truths[second, 8:20, 4 + 3 * second : 16 + 3 * second] = number
    pictures = np.full((seconds * FPS, *size, 3), 60, np.uint8)
    for index in range(len(pictures)):
        pictures[index][truths[index // FPS] > 0] = 200
        pictures[index, ..., 0] = 10 * index
    noise = np.random.default_rng(1).standard_normal((1, seconds * 16000)).astype(np.float32)
    return AvsSample(name, split, labels, pictures, Fraction(FPS), Sound(noise / 10, 16000), truths, subset)


def rvos_sample(name: str, split: str = "valid", *, has_sound: bool = False, frames: int = 3) -> RvosSample:
    """Two squares, object 1 on the left and 2 on the right; four descriptions of each."""
    labels = np.zeros((frames, HEIGHT_PX, WIDTH_PX), np.uint8)
    for index in range(frames):
        labels[index, 4 + index : 14 + index, 4:14] = 1
        labels[index, 4:14, 22 + index : 32 + index] = 2
    pictures = np.repeat(labels[..., None] * np.uint8(100), 3, axis=-1)
    said = tuple((f"square {number}, {k}", (number,)) for number in (1, 2) for k in range(4))
    sound = Sound(np.full((1, 8000), 0.1, np.float32), 16000) if has_sound else None
    return RvosSample(name, split, pictures, Fraction(6), labels, said, sound)
