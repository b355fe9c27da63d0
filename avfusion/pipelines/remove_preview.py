"""One frame of a removal, before the whole clip: the hole, and what would fill it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avfusion.clip import Clip, Mask, Masks, Rgb
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.remove import RemoveSettings


@dataclass(frozen=True, eq=False)
class Preview:
    """One frame with its hole filled.

    rgb: uint8 [H, W, 3]. hole: bool [H, W], the mask after growing, with shadows. seen, invented: bool [H, W], the
    two parts of the hole. shadow: bool [H, W], what of the hole was taken for a shadow or a reflection. engine: what
    painted it.
    """

    rgb: Rgb
    hole: Mask
    seen: Mask
    invented: Mask
    shadow: Mask
    engine: str
    notes: tuple[str, ...] = ()


def preview(
    clip: Clip | Path | str,
    frame: int,
    mask: Mask | Masks,
    *,
    engine: str = "auto",
    device: str = "auto",
    settings: RemoveSettings | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Preview:
    """How `remove` would leave frame `frame`, from that frame and its neighbours.

    mask: the object on that frame, bool [H, W], which is then followed through the neighbours; or the masks of the
    whole clip. What only a frame further away shows is invented here and would be seen in the whole run. Raises as
    `remove`.
    """
    raise NotImplementedError
