"""What a made scene holds: its settings, the kinds of things that there are, and named settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

RATE_HZ = 16000


@dataclass(frozen=True)
class Kind:
    """A kind of thing: how it looks, what it sounds like, and the name of AVSBench that stands for it.

    The name is a label and no likeness: nobody will take a hissing triangle for frying food.
    """

    name: str
    shape: str
    texture: str
    timbre: str


BASE_KINDS = (
    Kind("man", "blob", "plain", "voice"),
    Kind("trumpet", "star", "striped", "saw"),
    Kind("duck", "square", "checked", "hollow"),
    Kind("bell", "triangle", "dotted", "bell"),
    Kind("hair-dryer", "bar", "ringed", "hiss"),
    Kind("bird", "cross", "wavy", "chirp"),
    Kind("motorcycle", "flower", "halved", "pulses"),
    Kind("airplane", "drop", "netted", "drone"),
)

NOVEL_KINDS = (
    Kind("wolf", "triangle", "plain", "voice"),
    Kind("violin", "bar", "striped", "saw"),
    Kind("clarinet", "cross", "checked", "hollow"),
    Kind("handpan", "flower", "dotted", "bell"),
    Kind("frying-food", "drop", "ringed", "hiss"),
    Kind("flute", "blob", "wavy", "chirp"),
    Kind("tabla", "star", "halved", "pulses"),
    Kind("tuba", "square", "netted", "drone"),
)
"""Every shape, texture and timbre of the base kinds again, no shape with a timbre or a texture that it has there. The
texture that goes with a timbre is the same, as a wolf that howls has a dog's fur: whoever has learnt what a sound looks
like, and not one thing by heart, can find them."""


@dataclass(frozen=True)
class SceneSettings:
    """A scene of made things on a drifting background.

    size_px: width and height. sources: things that sound and move with it; statics: that sound and stay still; movers:
    that move as if they sounded; off_screen: sounds that nothing shows. kinds: what the things are drawn from, no two
    alike as long as they last. taking_turns: in each second only some of the sources play, each in one at least.
    rest_share: the chance that a source rests for a second. gap_s: between onsets, from and to. radius_px, at a size of
    224: from and to. motions: "bounce" and "pulse" (in size); each thing has one of them. lag_frames: how far pictures
    lie behind the sound; lag_jitter_frames: each thing is up to so far off beyond that, either way. shake_px: deviation
    of the camera's place, as a hand shakes it. noise_db: signal-to-noise ratio of a steady noise, None for none.
    overlap: how far things may overlap, 0 (not) to 1. background_px_s, thing_px_s: how fast they drift at the most, at
    a size of 224. grain: deviation of the sensor's noise, of 255.
    """

    size_px: int = 224
    fps: int = 25
    seconds: int = 5
    sources: int = 1
    statics: int = 0
    movers: int = 2
    off_screen: int = 0
    kinds: tuple[Kind, ...] = BASE_KINDS
    taking_turns: bool = False
    rest_share: float = 0.0
    gap_s: tuple[float, float] = (0.25, 0.8)
    radius_px: tuple[float, float] = (12.0, 40.0)
    motions: tuple[str, ...] = ("bounce", "pulse")
    lag_frames: int = 0
    lag_jitter_frames: int = 0
    shake_px: float = 0.0
    noise_db: float | None = None
    overlap: float = 0.0
    background_px_s: float = 4.0
    thing_px_s: float = 4.0
    grain: float = 2.0


# Pink noise without a pattern in four outlines, as in the measurements that the engine `mutual-information` rests on.
_PLAIN_KINDS = tuple(replace(BASE_KINDS[place], texture="plain") for place in (0, 1, 2, 3))
_ONE = SceneSettings(
    size_px=128, sources=1, movers=2, kinds=_PLAIN_KINDS, radius_px=(20.0, 36.0), motions=("bounce",), thing_px_s=0.0
)

PRESETS = {
    "one": _ONE,
    "two": replace(_ONE, sources=2, movers=1),
    "off-screen": replace(_ONE, off_screen=1),
    "noise": replace(_ONE, noise_db=0.0),
    "lag": replace(_ONE, lag_frames=3),
    "shake": replace(_ONE, shake_px=1.5),
}
"""Three things of 128 x 128 pixels for 5 s, four timbres: one or two of the three sound, or one under a difficulty."""
