"""One voice to another on the same words, in time to the sample: one engine a file.

    engine = Rvc(read_rvc("singer.pth"), read_content("contentvec"))
    converted = engine.convert(sound, Speaker(), semitones=12)

Engines differ in what says whose voice it shall be. `world-knn` and `autovc` listen to recordings of the target: they
take a `Reference`. `so-vits` and `rvc` have learnt their voices, which lie in the user's model files: they take a
`Speaker`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from avfusion.clip import Sound


@dataclass(frozen=True, eq=False)
class Reference:
    """Recordings of the target speaking anything, at any rate, at least one; together from a few seconds on."""

    recordings: tuple[Sound, ...]


@dataclass(frozen=True)
class Speaker:
    """A voice in the model file, by the name or the number that it has there; empty: its first."""

    name: str = ""


Target: TypeAlias = Reference | Speaker


class VoiceEngine(Protocol):
    """A voice engine, loaded. It holds no state of any sound."""

    @property
    def name(self) -> str: ...

    def convert(self, sound: Sound, target: Target, *, semitones: float = 0.0, seed: int = 0) -> Sound:
        """The same words as the target would say them: [channels, n] at the rate of `sound`, as it came, no sample
        more or less, and nothing earlier or later than it was.

        sound: a piece of up to a minute; longer sound is cut by `blocks`. semitones: by how much the pitch is moved,
        apart from what the engine does to it by itself. seed: the same seed gives the same samples on the same device.
        Raises UsageError (a target of the other kind, a speaker that there is not, a voice whose pitch cannot be moved,
        too long a piece), NothingFound (no voice in the reference), InputError (samples that are no numbers).
        """
        ...
