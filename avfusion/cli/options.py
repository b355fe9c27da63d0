"""Options that more than one command has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from avfusion.clip import Clip


def _allow(ctx: typer.Context, words: str | None) -> str | None:
    """Holds until the command ends, for whichever engine it takes."""
    if words is not None:
        from avfusion.engines.memory import allowing

        ctx.with_resource(allowing(words, said_by="--fallback "))
    return words


ClipArgument = Annotated[Path, typer.Argument(metavar="CLIP", help="A video, an animation or a picture.")]

PointOption = Annotated[
    list[str] | None,
    typer.Option("--point", metavar="X,Y[@FRAME]", help="A pixel of the object. Frames count from 0."),
]
NotOption = Annotated[
    list[str] | None, typer.Option("--not", metavar="X,Y[@FRAME]", help="A pixel that is not the object.")
]
BoxOption = Annotated[
    list[str] | None, typer.Option("--box", metavar="X0,Y0,X1,Y1[@FRAME]", help="A box around the object.")
]
MaskOption = Annotated[
    list[str] | None,
    typer.Option("--mask", metavar="PNG[@FRAME]", help="The object's mask: 0/255, or objects by number."),
]
TextOption = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="WORDS[@FRAME]", help="What the object is called: every instance of it."),
]
SoundOption = Annotated[
    list[str] | None,
    typer.Option("--sound", metavar="[@FRAME]", help="Whatever makes the sound; with --sound@FRAME, at that frame."),
]
LocatorOption = Annotated[str, typer.Option("--locator", metavar="NAME", help="Finds what --sound means.")]
ObjectOption = Annotated[
    list[int] | None,
    typer.Option("--object", metavar="N", min=1, max=255, help="The prompts after this are for object N."),
]

FromOption = Annotated[
    int | None, typer.Option("--from", metavar="FRAME", min=0, help="The first frame to take; left out, the first.")
]
ToOption = Annotated[
    int | None, typer.Option("--to", metavar="FRAME", min=0, help="The last frame to take; left out, the last.")
]
EngineOption = Annotated[str, typer.Option("--engine", metavar="NAME", help="Carries masks through the clip.")]
SegmenterOption = Annotated[str, typer.Option("--segmenter", metavar="NAME", help="Turns prompts into the first mask.")]
DeviceOption = Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda|mps", help="Where engines work.")]
FallbackOption = Annotated[
    str | None,
    typer.Option(
        "--fallback", metavar="smaller|cpu", callback=_allow, help="What to do where an engine does not fit in memory."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print a report for machines.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def span_of(clip: Clip, first: int | None, last: int | None) -> tuple[int, int] | None:
    """--from and --to as (start, stop); None for the whole clip."""
    if first is None and last is None:
        return None
    return first or 0, clip.frame_count if last is None else last + 1
