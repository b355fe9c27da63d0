"""A voice taken out of what is around it before it is converted, so that the rest can be put back."""

from __future__ import annotations

from pathlib import Path

from avfusion.engines.catalogue import find
from avfusion.engines.registry import Settled, lend, settle
from avfusion.errors import UsageError
from avfusion.media.store import StoredSound, store
from avfusion.pipelines.progress import Teller
from avfusion.voice.separate_pieces import Separator

ANY = "auto"


def settled_separator(name: str, device: str, *, is_wanted: bool) -> Settled | None:
    """Which separator, and where; None where the background is not kept. Raises `UsageError`, `UnknownEngine`,
    `EngineNotReady`."""
    if is_wanted:
        return settle("separation", name, device)
    if name != ANY:
        find(name, "separation")
        raise UsageError(
            f"{name} takes voice and background apart, which is done to keep the background: "
            "give --keep-background too (keep_background)."
        )
    return None


def about_background(background: StoredSound | None) -> tuple[str, ...]:
    """A note where it was asked for, and there is none."""
    if background is None or any(block.any() for block in background.blocks()):
        return ()
    return ("No background was found under the voice; the result is as it is without keeping one.",)


def background_of(
    sound: StoredSound, settled: Settled, folder: Path, teller: Teller
) -> tuple[StoredSound, StoredSound]:
    """(voice, everything else); together they are the sound. teller: counts seconds. Raises `Stopped`."""
    total_s = max(1, round(sound.duration_s))
    teller.expect(total_s)

    def tell(done_s: float) -> None:
        # Counted from where the work began: what is told first took time too.
        teller.done = max(1, round(done_s)) - 1
        teller.step()

    teller.check()
    with lend(settled.engine.name, "separation", settled.device) as lent:
        separator: Separator = lent
        voice = separator.voice_of(sound, folder / "voice", tell=tell)
    rest = (one - other for one, other in zip(sound.blocks(), voice.blocks(), strict=True))
    return voice, store(folder / "background", rest, channels=sound.channels, rate_hz=sound.rate_hz)
