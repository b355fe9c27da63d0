"""What the prompts on a key frame mean, kept on disk: a log that grows asks only for what is new."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Drawn, Mask, Prompt
from avfusion.media.target import whole_file, writing
from avfusion.pipelines.frame import mask_frame, one_frame
from avfusion.pipelines.runs import masks_digest
from avfusion.pipelines.segmenters import Segmenters, segmenters_for
from avfusion.tracking import Describable


def pointed_at(
    clip: Clip,
    prompts: Sequence[Prompt],
    prior: Mapping[int, Mask],
    *,
    frame: int,
    segmenters: Segmenters,
    folder: Path,
) -> dict[int, Mask]:
    """As `mask_frame`, from `folder` where the same was asked before."""
    segmenters = segmenters_for(prompts, segmenters)
    said = hashlib.sha256(f"{segmenters.name} {frame} {masks_digest(prior)}".encode())
    for prompt in prompts:
        if isinstance(prompt, Drawn):
            said.update(masks_digest({prompt.object: prompt.mask}).encode())
        else:
            said.update(repr(prompt).encode())

    def ask() -> Mapping[int, Mask]:
        return mask_frame(clip, prompts, frame=frame, prior=prior, segmenter=segmenters).masks

    return _kept(folder / f"{said.hexdigest()[:32]}.npz", clip, ask)


def described_as(
    clip: Clip, words: Mapping[int, str], *, frame: int, tracker: Describable, engine: str, folder: Path
) -> dict[int, Mask]:
    """What a tracker of that name finds on a frame by the words for each object; empty where it finds nothing."""
    said = hashlib.sha256(f"{engine} {frame} {sorted(words.items())}".encode())

    def ask() -> Mapping[int, Mask]:
        return tracker.begin_described(one_frame(clip, frame), words)[0].masks

    return _kept(folder / f"{said.hexdigest()[:32]}.npz", clip, ask)


def _kept(path: Path, clip: Clip, ask: Callable[[], Mapping[int, Mask]]) -> dict[int, Mask]:
    """The masks in the file, which is made if it is not there."""
    shape = (clip.height_px, clip.width_px)
    if path.exists():
        with np.load(path, allow_pickle=False) as rows:
            return {
                int(number): np.unpackbits(rows[number], count=shape[0] * shape[1]).view(np.bool_).reshape(shape)
                for number in rows.files
            }
    found = ask()
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    packed = {str(number): np.packbits(mask) for number, mask in found.items()}
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(file, **packed)  # type: ignore[arg-type]
    return dict(found)
