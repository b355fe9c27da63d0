"""What the prompts on a key frame point at, kept on disk: a log that grows asks only for what is new."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Drawn, Mask, Prompt
from avfusion.media.target import whole_file, writing
from avfusion.pipelines.frame import mask_frame
from avfusion.pipelines.runs import masks_digest


def pointed_at(
    clip: Clip,
    prompts: Sequence[Prompt],
    prior: Mapping[int, Mask],
    *,
    frame: int,
    segmenter: str,
    device: str,
    folder: Path,
) -> dict[int, Mask]:
    """As `mask_frame`, from `folder` where the same was asked before."""
    kept = folder / f"{_name(prompts, prior, frame, segmenter)}.npz"
    shape = (clip.height_px, clip.width_px)
    if kept.exists():
        with np.load(kept, allow_pickle=False) as rows:
            return {
                int(number): np.unpackbits(rows[number], count=shape[0] * shape[1]).view(np.bool_).reshape(shape)
                for number in rows.files
            }
    found = mask_frame(clip, prompts, frame=frame, prior=prior, segmenter=segmenter, device=device).masks
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    packed = {str(number): np.packbits(mask) for number, mask in found.items()}
    with whole_file(kept) as part, part.open("wb") as file:
        np.savez(file, **packed)  # type: ignore[arg-type]
    return dict(found)


def _name(prompts: Sequence[Prompt], prior: Mapping[int, Mask], frame: int, segmenter: str) -> str:
    said = hashlib.sha256(f"{segmenter} {frame} {masks_digest(prior)}".encode())
    for prompt in prompts:
        if isinstance(prompt, Drawn):
            said.update(masks_digest({prompt.object: prompt.mask}).encode())
        else:
            said.update(repr(prompt).encode())
    return said.hexdigest()[:32]
