"""A dataset with ground truth -> scores of an engine, as the field computes them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from avfusion.clip import Frame, Mask
from avfusion.engines.catalogue import find
from avfusion.engines.devices import pick_device
from avfusion.engines.registry import lend
from avfusion.errors import CannotRead, MaskCountMismatch, NoPrompt, UsageError
from avfusion.media.masks import read_mask
from avfusion.media.pictures import RgbaPicture, read_picture
from avfusion.metrics.vos import score_sequence
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller

_DAVIS_FPS = 24
_RESOLUTION = "480p"


@dataclass(frozen=True)
class VosScore:
    """j, f: means over the scored frames. mean: (J + F) / 2. frames_per_s: of the tracker alone, without reading."""

    name: str
    frames: int
    j: float
    f: float
    mean: float
    frames_per_s: float


@dataclass(frozen=True)
class VosReport:
    """overall: J, F and mean averaged over sequences, and all tracked frames over the time they took."""

    dataset: Path
    engine: str
    device: str
    sequences: tuple[VosScore, ...]
    overall: VosScore

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"dataset": str(self.dataset)}


@dataclass(frozen=True)
class _Sequence:
    name: str
    pictures: tuple[Path, ...]
    truths: tuple[Path, ...]


def evaluate_vos(
    dataset: Path | str,
    *,
    engine: str = "flow",
    sequences: Sequence[str] | None = None,
    device: str = "auto",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> VosReport:
    """Scores a tracking engine that is given the first frame's mask, by the protocol of DAVIS-2016.

    dataset: a folder with JPEGImages/[480p/]NAME/*.jpg and Annotations/[480p/]NAME/*.png, a mask for every frame; all
    that is not background counts as the one object. The first and last frame of a sequence are not scored (F. Perazzi
    et al., CVPR 2016). Raises `UnknownEngine`, `EngineNotReady`, `UsageError` (no such sequence), `CannotRead`,
    `MaskCountMismatch`, `NoPrompt` (a first mask without an object) and `Stopped`.
    """
    dataset = Path(dataset)
    row = find(engine, "tracking")
    found = _sequences(dataset, sequences)
    teller = Teller("tracking", sum(len(sequence.pictures) for sequence in found), on_progress, should_stop)
    scores = [_score(sequence, engine, device, teller) for sequence in found]
    count = len(scores)
    tracked = sum(score.frames for score in scores)
    return VosReport(
        dataset=dataset,
        engine=engine,
        device=pick_device(row, device),
        sequences=tuple(scores),
        overall=VosScore(
            name="overall",
            frames=tracked,
            j=sum(score.j for score in scores) / count,
            f=sum(score.f for score in scores) / count,
            mean=sum(score.mean for score in scores) / count,
            frames_per_s=tracked / sum(score.frames / score.frames_per_s for score in scores),
        ),
    )


def _score(sequence: _Sequence, engine: str, device: str, teller: Teller) -> VosScore:
    seconds: list[float] = []
    with lend(engine, "tracking", device) as tracker:
        score = score_sequence(_pairs(sequence, tracker, teller, seconds))
    return VosScore(
        name=sequence.name,
        frames=len(sequence.pictures),
        j=score.j.mean,
        f=score.f.mean,
        mean=score.mean,
        frames_per_s=len(sequence.pictures) / max(sum(seconds), 1e-9),
    )


def _pairs(sequence: _Sequence, tracker: Any, teller: Teller, seconds: list[float]) -> Iterator[tuple[Mask, Mask]]:
    """(prediction, truth) bool [H, W] for each frame; `seconds` gets the tracker's own time."""
    state = None
    for index, (picture, truth_path) in enumerate(zip(sequence.pictures, sequence.truths, strict=True)):
        truth = read_mask(truth_path) > 0
        frame = Frame(index, Fraction(index, _DAVIS_FPS), RgbaPicture(read_picture(picture)))
        # Converted before the clock starts: a decoder hands these out.
        _ = frame.rgb, frame.yuv
        started_s = time.perf_counter()
        if state is None:
            if not truth.any():
                raise NoPrompt(f"{truth_path}: the first mask is empty, so that there is no object to follow.")
            state, prediction = tracker.begin(frame, {1: truth}), truth
        else:
            prediction = state.step(frame).masks[1]
        seconds.append(time.perf_counter() - started_s)
        teller.step()
        yield prediction, truth


def _sequences(dataset: Path, names: Sequence[str] | None) -> list[_Sequence]:
    pictures, truths = (_inner(dataset / room) for room in ("JPEGImages", "Annotations"))
    if not pictures.is_dir() or not truths.is_dir():
        raise CannotRead(f"{dataset}: not laid out as DAVIS. It needs the folders JPEGImages and Annotations.")
    known = sorted(folder.name for folder in truths.iterdir() if folder.is_dir())
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise UsageError(f"{dataset}: there is no sequence {unknown[0]}. There are: {', '.join(known)}.")
    chosen = list(names or known)
    if not chosen:
        raise CannotRead(f"{truths}: there is no sequence in it.")
    return [_sequence(pictures / name, truths / name) for name in chosen]


def _inner(room: Path) -> Path:
    return room / _RESOLUTION if (room / _RESOLUTION).is_dir() else room


def _sequence(pictures: Path, truths: Path) -> _Sequence:
    jpegs, pngs = sorted(pictures.glob("*.jpg")), sorted(truths.glob("*.png"))
    if not jpegs:
        raise CannotRead(f"{pictures}: there are no JPEG pictures here.")
    if [path.stem for path in jpegs] != [path.stem for path in pngs]:
        raise MaskCountMismatch(
            f"{truths}: {len(pngs)} masks for {len(jpegs)} pictures. There must be one for each, of the same name."
        )
    return _Sequence(pictures.name, tuple(jpegs), tuple(pngs))
