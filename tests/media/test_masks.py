"""Masks come back as they were given, in every form in which they travel."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from avfusion.clip import Clip
from avfusion.errors import CannotRead, CannotWrite, MaskCountMismatch, MaskSizeMismatch
from avfusion.media.mask_folder import MaskFolder
from avfusion.media.masks import TrackFolder, overlay, palette, read_mask, shown_colour, write_mask_folder, write_rle
from avfusion.media.probe import probe
from tests.media.making import coded

SIZE = (37, 53)  # no multiple of eight
FRAMES = 6


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    coded(tmp_path / "in.webm", list(range(0, FRAMES * 40, 40)), time_base=Fraction(1, 1000), codec="libvpx-vp9",
          size=SIZE[::-1])  # fmt: skip
    return probe(tmp_path / "in.webm")


def masks(seed: int = 0) -> dict[tuple[int, int], np.ndarray]:
    """(frame, object) -> mask; object 2 is missing in some frames and overlaps object 1 in others."""
    chance = np.random.default_rng(seed)
    found = {(frame, 1): chance.random(SIZE) < 0.4 for frame in range(FRAMES)}
    return found | {(frame, 2): chance.random(SIZE) < 0.2 for frame in range(0, FRAMES, 2)}


@pytest.fixture
def track(tmp_path: Path) -> TrackFolder:
    folder = TrackFolder(tmp_path / "track", width_px=SIZE[1], height_px=SIZE[0], frame_count=FRAMES, engine="test")
    for (frame, number), mask in masks().items():
        folder.put(frame, number, mask, confidence=0.25 * number)
    return folder


def test_a_track_gives_back_what_was_put(track: TrackFolder) -> None:
    found = track.track()
    assert found.objects == (1, 2)
    nothing = np.zeros(SIZE, np.bool_)
    for frame in range(FRAMES):
        one, two = (masks().get((frame, number), nothing) for number in (1, 2))
        np.testing.assert_array_equal(found.mask(frame, 1), one)
        np.testing.assert_array_equal(found.mask(frame, 2), two)
        np.testing.assert_array_equal(found.union(frame), one | two)
        np.testing.assert_array_equal(found.labels(frame), np.where(two, 2, one))
        assert found.confidence[1][frame] == 0.25
        assert found.confidence[2][frame] == (0.5 if frame % 2 == 0 else 0)


def test_a_mask_can_be_put_again(track: TrackFolder) -> None:
    track.put(3, 1, np.ones(SIZE, np.bool_), confidence=1)
    found = track.track()
    assert found.mask(3, 1).all()
    np.testing.assert_array_equal(found.mask(4, 1), masks()[4, 1])
    assert found.confidence[1][3] == 1


def test_an_empty_track(tmp_path: Path) -> None:
    folder = TrackFolder(tmp_path / "t", width_px=5, height_px=4, frame_count=2, engine="test")
    found = folder.track()
    assert found.objects == ()
    assert not found.union(1).any()
    assert found.union(1).shape == found.labels(1).shape == (4, 5)


def test_a_mask_of_another_size_is_refused(track: TrackFolder) -> None:
    with pytest.raises(MaskSizeMismatch, match="37 x 53 pixels and the clip 53 x 37"):
        track.put(0, 1, np.zeros(SIZE[::-1], np.bool_))


def test_palette_pngs_come_back(tmp_path: Path, track: TrackFolder, clip: Clip) -> None:
    seen: list[int] = []
    found = track.track()
    write_mask_folder(found, tmp_path / "pngs", seen.append)
    assert seen == list(range(FRAMES))
    given = MaskFolder(tmp_path / "pngs", clip)
    for frame in range(FRAMES):
        path = tmp_path / "pngs" / f"{frame:05d}.png"
        with Image.open(path) as image:
            assert image.mode == "P"
            np.testing.assert_array_equal(np.asarray(image), found.labels(frame))
        np.testing.assert_array_equal(given.labels(frame), found.labels(frame))
        np.testing.assert_array_equal(given.union(frame), found.union(frame))
    with pytest.raises(CannotWrite, match="already"):
        write_mask_folder(found, tmp_path / "pngs")


def test_the_palette_is_that_of_davis() -> None:
    table = np.array(palette()).reshape(256, 3)
    known = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        2: (0, 128, 0),
        3: (128, 128, 0),
        4: (0, 0, 128),
        8: (64, 0, 0),
        255: (224, 224, 192),
    }
    assert {number: tuple(table[number]) for number in known} == known


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB", "LA", "RGBA", "I;16"])
def test_drawn_masks_are_read_as_one_object(tmp_path: Path, mode: str) -> None:
    mask = masks()[0, 1]
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    if mode == "P":
        image = Image.fromarray(mask.astype(np.uint8) * 255, mode="P")
        image.putpalette(palette())
    elif mode == "I;16":
        image = Image.fromarray(mask.astype(np.uint16) * 65535)
    else:
        image = image.convert(mode)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png"), mask.astype(np.uint8))


@pytest.mark.parametrize("mode", ["L", "P"])
def test_numbers_stay_numbers(tmp_path: Path, mode: str) -> None:
    labels = np.arange(SIZE[0] * SIZE[1], dtype=np.uint8).reshape(SIZE) % 12
    image = Image.fromarray(labels, mode=mode)
    if mode == "P":
        image.putpalette(palette())
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png"), labels)


def test_folders_that_do_not_fit(tmp_path: Path, clip: Clip) -> None:
    with pytest.raises(CannotRead, match="no folder of mask PNGs"):
        MaskFolder(tmp_path / "missing", clip)
    folder = tmp_path / "masks"
    folder.mkdir()
    for frame in range(FRAMES - 1):
        Image.new("L", SIZE[::-1]).save(folder / f"{frame:05d}.png")
    with pytest.raises(MaskCountMismatch, match=f"{FRAMES - 1} mask PNGs for a clip of {FRAMES}"):
        MaskFolder(folder, clip)
    Image.new("L", (SIZE[1] - 1, SIZE[0])).save(folder / "00005.png")
    with pytest.raises(MaskSizeMismatch, match=r"00005\.png is 52 x 37"):
        MaskFolder(folder, clip)
    (folder / "00005.png").write_text("text")
    with pytest.raises(CannotRead):
        MaskFolder(folder, clip)


def test_rle_is_read_by_pycocotools(
    tmp_path: Path, track: TrackFolder, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rle(track.track(), clip, tmp_path / "masks.json")
    dataset = COCO(str(tmp_path / "masks.json"))
    assert len(dataset.imgs) == FRAMES
    found = {}
    for annotation in dataset.loadAnns(dataset.getAnnIds(iscrowd=False)):
        mask = dataset.annToMask(annotation).astype(bool)
        found[annotation["image_id"], annotation["category_id"]] = mask
        assert annotation["area"] == mask.sum()
        rows, columns = np.nonzero(mask)
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert annotation["bbox"] == box
        assert annotation["score"] == 0.25 * annotation["category_id"]
    assert found.keys() == masks().keys()
    for key, mask in masks().items():
        np.testing.assert_array_equal(found[key], mask)
    document = json.loads((tmp_path / "masks.json").read_text())
    assert [image["time_s"] for image in document["images"]] == [float(clip.time(k)) for k in range(FRAMES)]
    rle = document["annotations"][0]["segmentation"]
    assert coco_mask.decode({"size": rle["size"], "counts": rle["counts"].encode()}).shape == SIZE
    capsys.readouterr()


def test_a_failure_leaves_no_masks(tmp_path: Path, track: TrackFolder, clip: Clip) -> None:
    def stop(frame: int) -> None:
        if frame == 3:
            raise KeyboardInterrupt

    for write in (
        lambda: write_mask_folder(track.track(), tmp_path / "out", stop),
        lambda: write_rle(track.track(), clip, tmp_path / "out.json", stop),
    ):
        before = sorted(tmp_path.iterdir())
        with pytest.raises(KeyboardInterrupt):
            write()
        assert sorted(tmp_path.iterdir()) == before


MEMORY = """
import resource, sys, numpy as np
from pathlib import Path
from avfusion.media.masks import TrackFolder
size, frames = (720, 1280), int(sys.argv[2])
mask = np.random.default_rng(0).random(size) < 0.5
folder = TrackFolder(Path(sys.argv[1]), width_px=1280, height_px=720, frame_count=frames, engine="test")
for frame in range(frames):
    folder.put(frame, 1, mask)
track = folder.track()
assert sum(int(track.mask(frame)[0, 0]) for frame in range(frames)) in (0, frames)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    def peak_kb(frames: int) -> int:
        command = [sys.executable, "-c", MEMORY, str(tmp_path / str(frames)), str(frames)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)

    assert peak_kb(500) < peak_kb(20) * 1.1  # 500 packed masks are 58 MB


FULL_DISK = """
import resource, sys, numpy as np
from pathlib import Path
from avfusion.errors import CannotWrite
from avfusion.media.masks import TrackFolder
folder = TrackFolder(Path(sys.argv[1]), width_px=1280, height_px=720, frame_count=20, engine="test")
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    for frame in range(20):
        folder.put(frame, 1, np.ones((720, 1280), bool))
except CannotWrite as error:
    print("refused" if "disk is full" in str(error) else error)
"""


def test_a_full_disk(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "t")], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["refused"], done.stderr


def test_overlay() -> None:
    rgb = np.full((40, 60, 3), 100, np.uint8)
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, 20:40] = 1
    shown = overlay(rgb, labels)
    colour = np.array(list(bytes.fromhex(shown_colour(1)[1:])))
    assert np.abs(shown[20, 30] - (100 + colour) / 2).max() <= 0.5
    assert shown[0, 0].tolist() == [100, 100, 100]
    assert np.abs(shown[10, 30].astype(int) - colour).max() < 20  # the outline, smoothed
    assert (rgb == 100).all()
    np.testing.assert_array_equal(overlay(rgb, np.zeros_like(labels)), rgb)


def test_a_picture_in_colours_is_no_mask(tmp_path: Path) -> None:
    grey = np.repeat(np.eye(8, dtype=np.uint8)[:, :, None] * 255, 3, axis=2)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(read_mask(tmp_path / "grey.png"), np.eye(8, dtype=np.uint8))
    grey[0, 0] = (255, 0, 0)
    Image.fromarray(grey).save(tmp_path / "red.png")
    with pytest.raises(CannotRead, match="a picture in colours is no mask"):
        read_mask(tmp_path / "red.png")
