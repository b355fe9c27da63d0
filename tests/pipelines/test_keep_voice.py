"""A voice whose making was stopped between two pieces and gone on with is the same, sample for sample."""

from pathlib import Path

import numpy as np
import pytest

from avfusion.errors import Stopped
from avfusion.media.write_sound import write_sound
from avfusion.pipelines.convert_voice import convert_voice
from avfusion.pipelines.keep import Keep
from tests.voice.talking import HIGH, LOW, talk

RATE = 16_000


def wav(path: Path, samples: np.ndarray) -> Path:
    write_sound(
        path, [samples[None].astype(np.float32)], rate_hz=RATE, channels=1, count=len(samples), tags={}
    )  # fmt: skip
    return path


def test_stopped_between_pieces_it_is_the_same(tmp_path: Path) -> None:
    media, target = wav(tmp_path / "media.wav", talk(LOW, 3)), wav(tmp_path / "target.wav", talk(HIGH, 5, seed=5))
    spans = [(0.1, 0.6), (0.8, 1.3)]
    plain, pieced = tmp_path / "plain.wav", tmp_path / "pieced.wav"
    convert_voice(media, out=plain, target=[target], spans=spans, seed=3)
    keep = Keep(tmp_path / "kept")
    with pytest.raises(Stopped):
        convert_voice(
            media, out=pieced, target=[target], spans=spans, seed=3, keep=keep,
            should_stop=lambda: any((tmp_path / "kept").rglob("0.npz")),
        )  # fmt: skip
    assert [path.name for path in (tmp_path / "kept").rglob("*.npz")] == ["0.npz"]
    first = next((tmp_path / "kept").rglob("0.npz")).stat().st_mtime_ns
    convert_voice(media, out=pieced, target=[target], spans=spans, seed=3, keep=keep)
    assert next((tmp_path / "kept").rglob("0.npz")).stat().st_mtime_ns == first, "it was made again"
    assert pieced.read_bytes() == plain.read_bytes()
    convert_voice(media, out=pieced, target=[target], spans=spans, seed=4, keep=keep)
    assert len(list((tmp_path / "kept").rglob("0.npz"))) == 2, "a piece of another seed was taken"
