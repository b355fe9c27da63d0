"""A fusion killed (SIGKILL) at random moments and gone on with: is the result the one of a run that nobody killed?

    python benchmarks/kills.py [--clip FILE] [--target FILE] [--seconds 4] [--size 320x180] [--kills 10] [--seed 0]

Each round makes a job (a new background and another voice), starts it in a process of its own, kills that process with
signal 9 at a random moment, and goes on with the job in another process. Compared with the uninterrupted run are the
decoded pictures and their times, the masks bit for bit, and the packets of the sound. Looked for are temporary files
that the dead process may have left: beside the result, in the job's folder, and in the system's folder for them.
Pieces are of 24 frames here, so that a short clip has several. Exit status 1 if anything differs or is left.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import av

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
PIECE_FRAMES = 24

# Runs a job, and before what is kept goes, writes down what its masks are.
CHILD = """
import hashlib, sys
from pathlib import Path
from avfusion.jobs import run as jobs
job, masks, frames = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
carried_out = jobs.carry_out

def noted(order):
    report = carried_out(order)
    said = hashlib.sha256()
    # A run that goes on writes its track once more beside the one that is there: the newest counts.
    newest = max(order.keep.folder.glob("track-*/track-*"), key=lambda path: int(path.name.partition("-")[2]))
    for path in sorted(newest.iterdir()):
        said.update(path.name.encode() + path.read_bytes())
    masks.write_text(said.hexdigest())
    return report

jobs.carry_out = noted
jobs.run(job, segment_frames=frames)
"""


@dataclass(frozen=True)
class Result:
    """Digests of what a result shows, and sounds like."""

    pictures: str
    masks: str
    sound: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clip", type=Path, default=DATA / "clips" / "talking.mp4")
    parser.add_argument("--target", type=Path, default=DATA / "speech" / "vctk" / "p225" / "p225_003.wav")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--size", default="320x180")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        return compare(Path(name), asked)


def compare(folder: Path, asked: argparse.Namespace) -> int:
    for part in ("home", "temporary", "out"):
        (folder / part).mkdir()
    os.environ["AVFUSION_HOME"] = str(folder / "home")
    clip = shortened(asked.clip, folder / "clip.mp4", asked.seconds, asked.size)
    chance = random.Random(asked.seed)
    whole = begun(clip, asked.target, folder / "out" / "whole.mp4")
    began_s = time.monotonic()
    finish(started(whole, folder))
    whole_s = time.monotonic() - began_s
    wanted = result_of(folder, whole, "whole")
    print(f"uninterrupted: {whole_s:.1f} s")
    print(f"{'round':>5} {'killed at':>10} {'kept then':>34} {'went on for':>11}  pictures masks sound  left behind")
    wrong = 0
    for round_ in range(asked.kills):
        out = folder / "out" / "killed.mp4"
        job, moment_s = killed(clip, asked.target, out, folder, whole_s, chance)
        kept = kept_in(folder / "home" / "jobs" / job)
        began_s = time.monotonic()
        finish(started(job, folder))
        took_s = time.monotonic() - began_s
        found = result_of(folder, job, "killed")
        same = [getattr(found, part) == getattr(wanted, part) for part in ("pictures", "masks", "sound")]
        left = left_behind(folder, job)
        wrong += not all(same) or bool(left)
        words = "  ".join("same  " if one else "DIFFER" for one in same)
        print(f"{round_ + 1:5} {moment_s:8.1f} s {kept:>34} {took_s:9.1f} s  {words} {', '.join(left) or 'nothing'}")
        out.unlink()
    print(f"{asked.kills - wrong} of {asked.kills} the same, and nothing left behind")
    return 1 if wrong else 0


def shortened(source: Path, out: Path, seconds: float, size: str) -> Path:
    width, height = size.split("x")
    command = ["ffmpeg", "-v", "error", "-y", "-i", source, "-t", str(seconds), "-vf", f"scale={width}:{height}"]
    subprocess.run([*command, "-crf", "16", out], check=True)
    return out


def begun(clip: Path, target: Path, out: Path) -> str:
    """The id of a new job: the person of the clip on another ground, with another voice."""
    from avfusion.clip import Box
    from avfusion.jobs.fusion import FusionOptions
    from avfusion.jobs.run import start
    from avfusion.media.probe import probe

    source = probe(clip)
    width, height = source.width_px, source.height_px
    box = Box(0.3 * width, 0.15 * height, 0.7 * width, 0.98 * height)
    return start(
        "fuse", inputs={"clip": clip, "target-1": target}, out=out, prompts=[box],
        options=FusionOptions("#305030"), engines={"engine": "flow", "segmenter": "grabcut"},
    ).id  # fmt: skip


def started(job: str, folder: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"TMPDIR": str(folder / "temporary"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CHILD, job, str(folder / f"{job}.masks"), str(PIECE_FRAMES)]
    return subprocess.Popen(command, env=environment, cwd=ROOT)


def finish(process: subprocess.Popen[bytes]) -> None:
    if process.wait() != 0:
        raise SystemExit(f"a run ended with status {process.returncode}")


def killed(
    clip: Path, target: Path, out: Path, folder: Path, whole_s: float, chance: random.Random
) -> tuple[str, float]:
    """A job whose process was killed before it was done: its id, and when, in seconds after its start."""
    while True:
        job, moment_s = begun(clip, target, out), chance.uniform(0.05, 0.98) * whole_s
        process = started(job, folder)
        try:
            process.wait(moment_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return job, moment_s
        out.unlink()  # it was quicker than the first one


def kept_in(job: Path) -> str:
    """What there is to go on from, in words."""
    kept = job / "kept"
    places = [json.loads(line)["frame"] for path in kept.rglob("*.aside/journal.jsonl") for line in path.open()]
    tracks = len(list(kept.glob("track-*/track-*/confidence.npz")))
    pieces = sum(len(path.read_text().splitlines()) for path in kept.glob("rendering-*/journal.jsonl"))
    voice = sum(len(path.read_text().splitlines()) for path in kept.glob("voice-*/journal.jsonl"))
    if tracks:
        return f"masks, {voice} of voice, {pieces} of picture"
    return f"tracker at frame {max(places)}" if places else "nothing"


def result_of(folder: Path, job: str, name: str) -> Result:
    out = folder / "out" / f"{name}.mp4"
    pictures, sound = hashlib.sha256(), hashlib.sha256()
    with av.open(str(out)) as container:
        for frame in container.decode(video=0):
            pictures.update(f"{frame.time} {frame.width}".encode() + frame.to_ndarray().tobytes())
    with av.open(str(out)) as container:
        for packet in container.demux(audio=0):
            sound.update(f"{packet.pts} {packet.time_base}".encode() + bytes(packet))
    return Result(pictures.hexdigest(), (folder / f"{job}.masks").read_text(), sound.hexdigest())


def left_behind(folder: Path, job: str) -> list[str]:
    results = {"whole.mp4", "killed.mp4"}
    left = [path.name for path in (folder / "out").iterdir() if path.name not in results]
    left += [path.name for path in (folder / "temporary").iterdir()]
    own = {"job.json", "run.json", "lock"}
    return left + [path.name for path in (folder / "home" / "jobs" / job).iterdir() if path.name not in own]


if __name__ == "__main__":
    sys.exit(main())
