"""One colour for each object: in the tint over the frame, its clicks, the timeline and the list."""

from __future__ import annotations

from avfusion.media.masks import shown_colour as hex_of

__all__ = ["hex_of", "rgb_of", "style"]


def rgb_of(number: int) -> tuple[int, int, int]:
    value = hex_of(number)
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


def style() -> str:
    """CSS: the coloured dot before each object in the list."""
    rules = (
        f'.objects label:has(input[value="{number}"])::before {{ background: {hex_of(number)}; }}'
        for number in range(1, 28)
    )
    return "\n".join(rules)
