# ruff: noqa: RUF001 - the phonemes are meant to be these signs
"""Speaks the two sentences of the example with Kokoro-82M and writes `speech.flac` and `voice.wav`.

    python assets/synthesise_voices.py MODEL.onnx VOICES_DIR

MODEL.onnx is the ONNX export of Kokoro-82M v1.0 with inputs `tokens`, `style`, `speed`; VOICES_DIR holds its voices as
raw float32 tables [510, 1, 256] (`af_heart.bin`, `am_fenrir.bin`). Needs the package `onnxruntime`, which the app
itself does not. The results are part of the repository, so nobody has to run this: `make_example.py` starts from them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ = 24_000
HERE = Path(__file__).resolve().parent

# The model's own numbers for the signs used below, from the vocabulary in its published configuration.
TOKENS = {
    **{"!": 5, ",": 3, ".": 4, " ": 16, "A": 24, "I": 25, "O": 31, "W": 39, "Y": 41, "ᵊ": 42, "b": 44, "d": 46},
    **{"f": 48, "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "p": 58, "s": 61, "t": 62, "u": 63},
    **{"v": 64, "w": 65, "z": 68, "ɑ": 69, "ɐ": 70, "æ": 72, "ɔ": 76, "ð": 81, "ə": 83, "ɛ": 86, "ɜ": 87, "ɡ": 92},
    **{"ɪ": 102, "ŋ": 112, "ɹ": 123, "ɾ": 125, "ʃ": 131, "ʧ": 133, "ʌ": 138, "ʤ": 82, "ˈ": 156, "ˌ": 157},
}

# "Hello, I'm Pip! Click on me, choose a new background. You can even change my voice!"
EXAMPLE = "həlˈO, ˌIm pˈɪp! klˈɪk ˌɔn mˌi, ʧˈuz ɐ nˈu bˈækɡɹˌWnd. ju kæn ˈivən ʧˈAnʤ mI vˈYs!"
# "The water was calm that evening, and the first stars were just beginning to shine over the hills."
TARGET = "ðə wˈɑɾəɹ wʌz kˈɑm ðæt ˈivnɪŋ, ænd ðə fˈɜɹst stˈɑɹz wɜɹ ʤˈʌst bəɡˈɪnɪŋ tə ʃˈIn ˌOvəɹ ðə hˈɪlz."


def speak(model: Path, voice: Path, phonemes: str) -> NDArray[np.float32]:
    """float32 [n] at 24 kHz: `phonemes` in the model's alphabet, spoken by `voice`."""
    try:
        import onnxruntime
    except ImportError:
        sys.exit("onnxruntime is missing: pip install onnxruntime")

    tokens = [TOKENS[sign] for sign in phonemes]
    style = np.fromfile(voice, np.float32).reshape(-1, 1, 256)[len(tokens)]
    session = onnxruntime.InferenceSession(str(model))
    inputs = {"tokens": np.array([[0, *tokens, 0]], np.int64), "style": style, "speed": np.ones(1, np.float32)}
    return np.asarray(session.run(None, inputs)[0], np.float32).reshape(-1)


def trim(speech: NDArray[np.float32], margin_s: float = 0.06) -> NDArray[np.float32]:
    """Cuts the silence before and after, keeps a faded margin, and brings the peak to -3 dBFS."""
    loud = np.flatnonzero(np.abs(speech) > 0.01 * np.abs(speech).max())
    margin = round(margin_s * RATE_HZ)
    cut = speech[max(loud[0] - margin, 0) : loud[-1] + margin].copy()
    fade = np.sin(np.linspace(0, np.pi / 2, margin // 2, dtype=np.float32)) ** 2
    cut[: len(fade)] *= fade
    cut[-len(fade) :] *= fade[::-1]
    return np.asarray(cut * (10 ** (-3 / 20) / np.abs(cut).max()), np.float32)


def main() -> None:
    model, voices = Path(sys.argv[1]), Path(sys.argv[2])
    example = trim(speak(model, voices / "af_heart.bin", EXAMPLE))
    target = trim(speak(model, voices / "am_fenrir.bin", TARGET))
    soundfile.write(HERE / "speech.flac", example, RATE_HZ, subtype="PCM_16")
    soundfile.write(HERE / "voice.wav", target, RATE_HZ, subtype="PCM_16")
    print(f"speech.flac {len(example) / RATE_HZ:.2f} s, voice.wav {len(target) / RATE_HZ:.2f} s")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python assets/synthesise_voices.py MODEL.onnx VOICES_DIR")
    main()
