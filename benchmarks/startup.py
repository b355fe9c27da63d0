"""How soon something happens: `import avfusion`, `avfusion --help`, `avfusion engines` against an empty Python.

    python benchmarks/startup.py [--rounds 15]

Each is a process of its own; the median of the rounds counts, taken in turn.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import avfusion'": [sys.executable, "-c", "import avfusion"],
    "avfusion --help": [str(Path(sys.executable).with_name("avfusion")), "--help"],
    "avfusion engines": [str(Path(sys.executable).with_name("avfusion")), "engines"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            started = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.monotonic() - started)
    empty = statistics.median(seconds["python -c pass"])
    print(f"| {'':28} | median s | over an empty Python s |")
    print(f"|{'-' * 30}|{'-' * 10}|{'-' * 24}|")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"| {name:28} | {median:8.3f} | {median - empty:22.3f} |")


if __name__ == "__main__":
    main()
