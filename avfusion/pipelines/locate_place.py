"""Sources whose place shows something that can be cut out, and the others left out, so that one does not stop all."""

from __future__ import annotations

from dataclasses import replace

from avfusion.clip import Clip, Drawn, Words
from avfusion.errors import NothingFound
from avfusion.pipelines.frame import mask_frame
from avfusion.sounding import Source, Sources


def placeable(clip: Clip, sources: Sources, segmenter: str, device: str) -> Sources:
    """The sources of which the engine for masks sees something on their first pivot; they keep their numbers.

    Where it sees nothing of any, that is why nothing is shown. Raises what `mask_frame` raises but for `NothingFound`.
    """
    found = tuple(source for source in sources.found if _is_seen(clip, source, segmenter, device))
    if len(found) == len(sources.found):
        return sources
    if not found:
        return replace(sources, found=(), abstained="Something sounds, but no object could be cut out where it is.")
    lost = [source.number for source in sources.found if source not in found]
    note = f"Source {', '.join(map(str, lost))} was left out: no object could be cut out where it is."
    return replace(sources, found=found, notes=(*sources.notes, note))


def _is_seen(clip: Clip, source: Source, segmenter: str, device: str) -> bool:
    """Masks are taken as they are, and words may be followed by a tracker, which finds them in its own way."""
    first = [prompt for prompt in source.prompts if prompt.frame == source.prompts[0].frame]
    if any(isinstance(prompt, Drawn | Words) for prompt in first):
        return True
    try:
        mask_frame(clip, first, frame=first[0].frame, segmenter=segmenter, device=device)
    except NothingFound:
        return False
    return True
