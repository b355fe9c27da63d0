"""What located things are called: a naming engine looks at each on some of the frames on which it sounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from avfusion.clip import Clip, Mask, MaskTrack, Rgb
from avfusion.engines.registry import Settled, lend, settle
from avfusion.errors import EngineNotReady
from avfusion.pipelines.frame import one_frame
from avfusion.pipelines.progress import Teller
from avfusion.sounding import Source, Sources
from avfusion.sounding.naming import VIEWS_AT_MOST, Namer


def settled_namer(namer: str, device: str, labels: Sequence[str]) -> tuple[Settled | None, str]:
    """The engine that names what has no name; or none, and a note where names were asked for all the same.

    Raises `EngineNotReady` for an engine that was asked for by name.
    """
    try:
        return settle("naming", namer, device), ""
    except EngineNotReady as error:
        if namer != "auto":
            raise
        return None, f"Nothing could be named by your labels: {error}" if labels else ""


def named(
    clip: Clip, sources: Sources, shown: MaskTrack, settled: Settled, labels: Sequence[str], teller: Teller
) -> Sources:
    """The sources, those without a name with one. shown: where each is while it sounds, in the clip's frames."""
    if all(source.name for source in sources.found):
        return sources
    teller.expect(sum(not source.name for source in sources.found))
    found: list[Source] = []
    with lend(settled.engine.name, "naming", settled.device) as lent:
        namer: Namer = lent
        for source in sources.found:
            if not source.name and source.number in shown.bits:
                teller.check()
                one = namer.call(_views(clip, shown, source.number), labels, objectness=source.confidence)
                source = replace(source, name=one.name, name_confidence=one.confidence)
                teller.step()
            found.append(source)
    return replace(sources, found=tuple(found))


def _views(clip: Clip, shown: MaskTrack, number: int) -> Iterator[tuple[Rgb, Mask]]:
    """Frames on which the object is shown, spread evenly over them, with its masks."""
    frames = np.flatnonzero([bool(shown.bits[number][frame].any()) for frame in range(clip.frame_count)])
    picked = frames[np.linspace(0, len(frames) - 1, min(len(frames), VIEWS_AT_MOST)).round().astype(int)]
    for frame in picked.tolist():
        yield one_frame(clip, frame).rgb, shown.mask(frame, number)
