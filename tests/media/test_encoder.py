"""The same pictures are always encoded as the same bits: that is what going on with a killed run rests on."""

from pathlib import Path

import numpy as np

from avfusion.media.probe import probe
from avfusion.media.write import write_video
from tests.media.making import ffmpeg, packets, source


def test_the_same_pictures_give_the_same_packets_every_time(tmp_path: Path) -> None:
    # A fade from black, at which x264 with AVX-512 gave another result every third time or so.
    ffmpeg(*source(rate="30000/1001", seconds=2.0), "-vf", "fade=in:0:60", "-crf", "12", tmp_path / "fade.mp4")
    clip = probe(tmp_path / "fade.mp4")
    pictures = [tuple(np.array(plane) for plane in frame.yuv) for frame in clip.frames()]
    found = set()
    for _ in range(12):
        write_video(tmp_path / "out.mp4", iter(pictures), clip=clip)
        found.add(tuple(packet["data_hash"] for packet in packets(tmp_path / "out.mp4", "v:0")))
    assert len(found) == 1
