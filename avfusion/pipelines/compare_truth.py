"""True masks to hold answers against: a picture, a folder of them for a clip, or an array."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Mask, MaskTrack
from avfusion.errors import CannotRead, MaskCountMismatch, MaskSizeMismatch, UsageError
from avfusion.media.cut import cut
from avfusion.media.mask_folder import MaskFolder
from avfusion.media.masks import read_mask, size_message
from avfusion.metrics.vos import SequenceScore, boundary_f, region_similarity, score_objects, score_sequence
from avfusion.pipelines.compare_answers import Scores

Labels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Truth:
    """places: the frames that have one, counted from the first that is compared. read: place -> uint8 [H, W], the
    object's number in each pixel."""

    places: Sequence[int]
    read: Callable[[int], Labels]

    def scores(self, masks: MaskTrack) -> Scores:
        """Any object against background; object by object where both know several. A clip is scored as DAVIS does."""
        first = self.read(self.places[0])
        if np.count_nonzero(np.unique(first)) > 1 and len(masks.objects) > 1:
            by_object = list(score_objects(self._pairs(masks)).values())
        else:
            by_object = [score_sequence((ours > 0, theirs > 0) for ours, theirs in self._pairs(masks))]
        return _mean(by_object)

    def best_scores(self, masks: MaskTrack) -> Scores:
        """For a picture cut into segments: of each true object with the segment that fits it best, the mean."""
        place = self.places[0]
        truth, found = self.read(place), masks.labels(place)
        objects = [truth == number for number in np.unique(truth) if number]
        pairs = [(_best_fit(found, true), true) for true in objects]
        if not pairs:
            raise UsageError("The true mask is empty. Give one with an object in it.")
        regions = [region_similarity(*pair) for pair in pairs]
        return Scores(sum(regions) / len(pairs), sum(boundary_f(*pair) for pair in pairs) / len(pairs))

    def _pairs(self, masks: MaskTrack) -> Iterator[tuple[Labels, Labels]]:
        return ((masks.labels(place), self.read(place)) for place in self.places)


def open_truth(truth: Path | Mask, clip: Clip, span: tuple[int, int], frame: int) -> Truth:
    """frame: the one that a single picture is of. Arrays are bool or numbers, [H, W], or [frames, H, W] for a clip.

    Raises `CannotRead`, `MaskSizeMismatch`, `MaskCountMismatch`, and `UsageError` for a frame that is not compared.
    """
    start, stop = span
    if isinstance(truth, Path) and truth.is_dir():
        return _from_folder(truth, clip, span)
    if isinstance(truth, Path) and not truth.exists():
        raise CannotRead(f"{truth}: there is no such file. Give a PNG with the true mask, or a folder of them.")
    name = str(truth) if isinstance(truth, Path) else "the true mask"
    values = read_mask(truth) if isinstance(truth, Path) else np.asarray(truth)
    if values.ndim == 3:
        if len(values) != stop - start:
            raise MaskCountMismatch(
                f"{name}: {len(values)} masks for {stop - start} frames. There must be one for each."
            )
        places, labels = range(stop - start), _numbers(values)
    elif start <= frame < stop:
        places, labels = range(frame - start, frame - start + 1), _numbers(values)[None]
    else:
        raise UsageError(f"{name}: it is the truth of frame {frame}, and frames {start} to {stop - 1} are compared.")
    if labels.shape[1:] != (clip.height_px, clip.width_px):
        raise MaskSizeMismatch(size_message(name, labels.shape[1:], (clip.height_px, clip.width_px)))
    return Truth(places, lambda place: labels[place - places[0]])


def _from_folder(folder: Path, clip: Clip, span: tuple[int, int]) -> Truth:
    """Masks of the whole clip, or of the part that is compared, as many as there are."""
    start, stop = span
    count = len(list(folder.glob("*.png")))
    is_of_part = count == stop - start
    given = MaskFolder(folder, cut(clip, start, stop) if is_of_part else clip)
    return Truth(range(stop - start), lambda place: given.labels(place if is_of_part else start + place))


def _numbers(values: NDArray[np.generic]) -> Labels:
    return values.astype(np.uint8)


def _best_fit(found: Labels, true: Mask) -> Mask:
    """The segment with the highest IoU; nothing where none overlaps."""
    inside = np.bincount(found[true], minlength=256)
    areas = np.bincount(found.ravel(), minlength=256)
    overlap = inside / (areas + np.count_nonzero(true) - inside)
    overlap[0] = 0
    best: Mask = found == overlap.argmax()
    return best if overlap.any() else np.zeros_like(best)


def _mean(scores: Sequence[SequenceScore]) -> Scores:
    count = len(scores)
    return Scores(sum(one.j.mean for one in scores) / count, sum(one.f.mean for one in scores) / count)
