"""The inpainting engines: rows for the catalogue. `auto` takes the one that needs no weights and shows what is there.

Sizes of downloads are those of the published files that are fetched. Peak memory is estimated and rounded up; the
Stable Diffusion engines use more of a card that has more, and less than that makes them slower.
"""

from __future__ import annotations

from avfusion.engines.engine import MIB, Engine


def _load_flow_fill(device: str) -> object:
    from avfusion.inpainting.flow_fill import FlowFill

    return FlowFill()


def _load_telea(device: str) -> object:
    from avfusion.inpainting.telea import Telea

    return Telea()


INPAINTED: tuple[Engine, ...] = (
    Engine(
        name="flow-fill",
        ability="inpainting",
        words="What other frames show behind the hole; patches of the picture for what none shows.",
        licence="Apache-2.0",
        load=_load_flow_fill,
        peak_memory_bytes=1000 * MIB,
        understands=(),
    ),
    Engine(
        name="telea",
        ability="inpainting",
        words="Colours marched inwards from the hole's border, frame by frame: for scratches and thin damage.",
        licence="Apache-2.0",
        load=_load_telea,
        peak_memory_bytes=100 * MIB,
        understands=(),
    ),
)
"""A hole filled."""
