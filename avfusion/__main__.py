"""`python -m avfusion`: the program, also for `accelerate launch -m avfusion`."""

from __future__ import annotations

import sys

from avfusion.cli import main

if __name__ == "__main__":
    sys.exit(main())
