"""One colour for each object: in the tint over the frame, its clicks, the timeline and the list."""

from __future__ import annotations

# Told apart by most colour-blind people in this order, and visible on light and dark.
_HEX = ("#2f6fff", "#ff9416", "#0ca678", "#e64980", "#8a5cf6", "#f2c200", "#15aabf", "#a0522d", "#6aa80f")


def hex_of(number: int) -> str:
    """#rrggbb of object 1, 2, ...; they come round again after the ninth."""
    return _HEX[(number - 1) % len(_HEX)]


def rgb_of(number: int) -> tuple[int, int, int]:
    value = hex_of(number)
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


def style() -> str:
    """CSS: the coloured dot before each object in the list."""
    rules = (
        f'#background-objects label:has(input[value="{number}"])::before {{ background: {hex_of(number)}; }}'
        for number in range(1, 28)
    )
    return "\n".join(rules)
