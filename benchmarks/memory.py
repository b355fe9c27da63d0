"""Peak memory against clip length: ten times as long may need 1.1 x the memory, in every pipeline.

    python benchmarks/memory.py [--size 1280x720] [--short 6.4] [--long 64]

Each pipeline runs in a process of its own on the example (`--clip`), played once and ten times; the peak is the
resident memory of that process. The track's bit-packed masks lie on disk.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PIPELINES = {
    "swap, given masks, hard edges": "swap(clip, masks=Box(clip), background=picture, out=out, settings=HARD)",
    "swap, given masks, soft edges": "swap(clip, masks=Box(clip), background=picture, out=out)",
    "swap, moving background": "swap(clip, masks=Box(clip), background=clip.path, out=out)",
    "swap, transparent webm": "swap(clip, masks=Box(clip), background='transparent', out=webm)",
    "segment (click, flow), overlay": "segment(clip, [Point(x, y)], out=out)",
    "locate, masks as JSON": "locate(clip, out=folder / 'masks.json')",
    "segment backwards (last frame)": "segment(clip, [Point(x, y, frame=clip.frame_count - 1)], out=out)",
    "fuse, background and voice": "fuse(clip, masks=Box(clip), background=picture, voice=VOICE, out=out)",
    "fuse, all three, voice and blur": (
        "fuse(clip, masks=Two(clip), background='blur', remove=[2], inpainter='telea', voice=VOICE, out=out)"
    ),
    "fuse, with its page": "fuse(clip, masks=Box(clip), background=picture, out=out, report=folder / 'page.html')",
}

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from avfusion import Point, SwapSettings, VoiceWish, fuse, locate, probe, segment, swap
from avfusion.media.write import Encoding

class Box:
    engine = "made"

    def __init__(self, clip):
        self.frame_count, self.size = clip.frame_count, (clip.height_px, clip.width_px)

    def labels(self, frame):
        mask = np.zeros(self.size, np.uint8)
        left = self.size[1] // 4 + frame % (self.size[1] // 4)
        mask[self.size[0] // 5 : self.size[0] * 4 // 5, left : left + self.size[1] // 3] = 1
        return mask

    def union(self, frame):
        return self.labels(frame) > 0

class Two(Box):
    def labels(self, frame):
        mask = super().labels(frame)
        mask[: self.size[0] // 6, : self.size[1] // 6] = 2
        return mask

clip, picture, folder, x, y = probe(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
out, webm = folder / "out.mp4", folder / "out.webm"
HARD = SwapSettings(edges="hard")
VOICE = VoiceWish(target=(Path("assets/voice.wav"),))
CALL
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def looped(source: Path, out: Path, size: str, seconds: float) -> Path:
    width, height = size.split("x")
    subprocess.run(
        ["ffmpeg", "-y", "-v", "error", "-stream_loop", "-1", "-i", str(source), "-t", str(seconds), "-vf",
         f"scale={width}:{height}", "-r", "30", "-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-c:a", "aac",
         str(out)],
        check=True,
    )  # fmt: skip
    return out


def peak_mib(call: str, clip: Path, picture: Path, folder: Path, click: tuple[float, float]) -> float:
    program = PROGRAM.replace("CALL", call)
    arguments = [str(clip), str(picture), str(folder), *map(str, click)]
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    return int(done.stdout.split()[-1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, default=ROOT / "assets" / "example.mp4")
    parser.add_argument("--picture", type=Path, default=ROOT / "assets" / "background.jpg")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--short", type=float, default=6.4)
    parser.add_argument("--long", type=float, default=64.0)
    parser.add_argument("--only", default="", help="run only the pipelines whose name has this in it")
    given = parser.parse_args()
    width, height = (int(part) for part in given.size.split("x"))
    click = (width * 0.42, height * 0.4)
    with tempfile.TemporaryDirectory(prefix="avfusion-bench-") as name:
        folder = Path(name)
        short = looped(given.clip, folder / "short.mp4", given.size, given.short)
        long = looped(given.clip, folder / "long.mp4", given.size, given.long)
        print(f"{given.size}, {given.short:g} s and {given.long:g} s at 30 frames/s")
        print(f"| {'pipeline':32} | {given.short:4g} s MiB | {given.long:4g} s MiB | ratio |")
        print(f"|{'-' * 34}|{'-' * 12}|{'-' * 12}|{'-' * 7}|")
        for pipeline, call in PIPELINES.items():
            if given.only not in pipeline:
                continue
            few, many = (peak_mib(call, clip, given.picture, folder, click) for clip in (short, long))
            print(f"| {pipeline:32} | {few:10.0f} | {many:10.0f} | {many / few:5.2f} |", flush=True)


if __name__ == "__main__":
    main()
