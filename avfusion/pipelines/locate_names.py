"""What located things are called: a naming engine looks at each on some of the frames on which it sounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from avfusion.clip import Clip, Mask, MaskTrack, Rgb
from avfusion.engines.registry import Settled, lend, settle
from avfusion.errors import EngineNotReady
from avfusion.pipelines.frame import one_frame
from avfusion.pipelines.progress import Teller
from avfusion.sounding import Sources
from avfusion.sounding.naming import VIEWS_AT_MOST, Named, Namer


@dataclass(frozen=True, eq=False)
class Called:
    """The sources with their names, and which engine gave them."""

    sources: Sources
    used: Mapping[str, Settled] = field(default_factory=dict)
    stages_s: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def called_by(
    clip: Clip, sources: Sources, shown: MaskTrack, namer: str, device: str, labels: Sequence[str], teller: Teller
) -> Called:
    """Names for the sources that have none. shown: where each is while it sounds, in the clip's frames.

    With `auto`, nothing is named where no engine is ready; it is noted if there are labels. Raises `EngineNotReady` for
    an engine that was asked for by name.
    """
    nameless = [source for source in sources.found if not source.name and source.number in shown.bits]
    if not nameless:
        return Called(sources)
    try:
        settled = settle("naming", namer, device)
    except EngineNotReady as error:
        if namer != "auto":
            raise
        return Called(sources, notes=(f"Nothing could be named by your labels: {error}",) if labels else ())
    teller.expect(len(nameless))
    names: dict[int, Named] = {}
    with lend(settled.engine.name, "naming", settled.device) as lent:
        engine: Namer = lent
        for source in nameless:
            views = _views(clip, shown, source.number)
            names[source.number] = engine.call(views, labels, objectness=source.confidence)
            teller.step()
    found = tuple(
        replace(source, name=names[source.number].name, name_confidence=names[source.number].confidence)
        if source.number in names
        else source
        for source in sources.found
    )
    return Called(replace(sources, found=found), {"naming": settled}, {"naming": teller.seconds})


def _views(clip: Clip, shown: MaskTrack, number: int) -> Iterator[tuple[Rgb, Mask]]:
    """Frames on which the object is shown, spread evenly over them, with its masks."""
    frames = np.flatnonzero([bool(shown.bits[number][frame].any()) for frame in range(clip.frame_count)])
    picked = frames[np.linspace(0, len(frames) - 1, min(len(frames), VIEWS_AT_MOST)).round().astype(int)]
    for frame in picked.tolist():
        yield one_frame(clip, frame).rgb, shown.mask(frame, number)
