"""A clip with another sound track: it stands where the old one stood, and all else says of itself what it said."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avfusion.media.recording import probe_recording
from avfusion.media.revoice import write_revoiced
from tests.media.making import NOISE_48K, ffmpeg, ffprobe, source

TAG = "another voice"


def clip_of_three_sounds(path: Path, *coding: str) -> Path:
    """Pictures, and English, French and Italian sound, of which the English is the default, with titles."""
    sounds = [word for number in (1, 2, 3) for word in ("-map", f"{number}:a")]
    said = [
        word
        for number, (language, part) in enumerate([("eng", "default"), ("fra", "0"), ("ita", "comment")])
        for word in (
            f"-metadata:s:a:{number}", f"language={language}", f"-metadata:s:a:{number}", f"title=in {language}",
            f"-disposition:a:{number}", part,
        )
    ]  # fmt: skip
    of_all = ("-metadata", "title=A walk", "-metadata", "artist=Ada", "-metadata", "comment=taken in May")
    ffmpeg(*source(), *NOISE_48K * 3, "-map", "0:v", *sounds, *coding, *said, *of_all, path)
    return path


def revoiced(clip: Path, out: Path) -> tuple[str, ...]:
    """With silence in the place of the first sound."""
    track = probe_recording(clip).sounds[0]
    silence = np.zeros((track.channels, 48_000), np.float32)
    return write_revoiced(out, clip, track, [silence], first=0, count=48_000, tags={"comment": TAG})


def tracks(path: Path) -> list[tuple[Any, ...]]:
    """What each says of itself: kind, language, title, and the parts that it plays."""
    found: Sequence[dict[str, Any]] = ffprobe(path, "-show_streams")["streams"]
    return [
        (
            row["codec_type"],
            row["tags"].get("language", "und"),
            row["tags"].get("title"),
            {name for name, is_so in row["disposition"].items() if is_so},
        )
        for row in found
    ]


def about(path: Path) -> dict[str, str]:
    said = ffprobe(path, "-show_format")["format"]["tags"]
    return {name.lower(): words for name, words in said.items()}


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov"])
def test_the_new_sound_stands_in_the_place_of_the_old_one(tmp_path: Path, ending: str) -> None:
    coding = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-c:a", "aac")
    clip = clip_of_three_sounds(tmp_path / f"clip{ending}", *coding)
    out = tmp_path / f"out{ending}"
    assert revoiced(clip, out) == ()
    assert tracks(out) == tracks(clip)
    assert [row[1] for row in tracks(out)][1:] == ["eng", "fra", "ita"]
    with av.open(str(out)) as container:
        first = next(container.decode(audio=0)).to_ndarray()
    assert not first.any()
    assert (about(out)["title"], about(out)["artist"]) == ("A walk", "Ada")
    assert about(out)["comment"] == f"{TAG}; taken in May"


def test_a_sound_that_is_no_default_stays_none_and_subtitles_keep_their_place(tmp_path: Path) -> None:
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:00,900\nhello\n")
    clip, out, again = (tmp_path / name for name in ("clip.mkv", "out.mkv", "again.mkv"))
    maps = ("-map", "0:v", "-map", "1:a", "-map", "3:s", "-map", "2:a", "-disposition:a:0", "0")
    said = ("-disposition:a:1", "default", "-disposition:s:0", "0", "-metadata:s:s:0", "language=spa")
    ffmpeg(*source(), *NOISE_48K * 2, "-i", words, *maps, "-c:a", "flac", *said, clip)
    revoiced(clip, out)
    assert tracks(out) == tracks(clip)
    assert [row[0] for row in tracks(out)] == ["video", "audio", "subtitle", "audio"]
    revoiced(out, again)
    assert about(again)["comment"] == TAG
