"""Pictures as numbered PNGs, in a folder or in one zip."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avfusion.clip import Clip, Yuv
from avfusion.errors import TimesMismatch
from avfusion.media.colour import matrix_in_use, swscale_matrix
from avfusion.media.target import part_of_file, part_of_folder, writing
from avfusion.media.upright import fill_plane, plane_array

_COMPRESS_LEVEL = 3


def write_zip(out: Path, pictures: Iterable[Yuv | NDArray[np.uint8]], clip: Clip) -> None:
    """One PNG for each frame in `out`. Raises `TimesMismatch` and `CannotWrite`; then nothing is left behind."""
    with part_of_file(out) as part:
        with writing(out):
            archive = zipfile.ZipFile(part, "w", zipfile.ZIP_STORED)
        try:

            def into_zip(name: str, image: Image.Image) -> None:
                with archive.open(name, "w") as file:
                    image.save(file, "png", compress_level=_COMPRESS_LEVEL)

            _save_all(out, pictures, clip, into_zip)
        finally:
            with writing(out):
                archive.close()


def write_folder(out: Path, pictures: Iterable[Yuv | NDArray[np.uint8]], clip: Clip) -> None:
    """As `write_zip`, into a new folder."""
    with part_of_folder(out) as folder:

        def into_folder(name: str, image: Image.Image) -> None:
            image.save(folder / name, "png", compress_level=_COMPRESS_LEVEL)

        _save_all(out, pictures, clip, into_folder)


def _save_all(
    out: Path, pictures: Iterable[Yuv | NDArray[np.uint8]], clip: Clip, save: Callable[[str, Image.Image], None]
) -> None:
    count = 0
    for picture in pictures:
        if count == clip.frame_count:
            raise TimesMismatch(f"{out}: more pictures than the {clip.frame_count} frames that were promised.")
        image = Image.fromarray(as_rgb(picture, clip))
        with writing(out):
            save(f"{count:05d}.png", image)
        count += 1
    if count != clip.frame_count:
        raise TimesMismatch(f"{out}: {count} pictures for the {clip.frame_count} frames that were promised.")


def as_rgb(picture: Yuv | NDArray[np.uint8], clip: Clip) -> NDArray[np.uint8]:
    """uint8 [H, W, 3 or 4] of what goes to the writer: planes are converted with the clip's colours."""
    if isinstance(picture, np.ndarray):
        return picture
    height, width = picture[0].shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, values in zip(frame.planes, picture, strict=True):
        fill_plane(plane_array(plane), values)
    matrix = swscale_matrix(matrix_in_use(clip.colour, clip.height_px))
    return np.asarray(
        frame.reformat(
            format="rgb24", src_colorspace=matrix, dst_colorspace=matrix,
            src_color_range=2 if clip.colour.full_range else 1, dst_color_range=2,
        ).to_ndarray(),
        np.uint8,
    )  # fmt: skip
