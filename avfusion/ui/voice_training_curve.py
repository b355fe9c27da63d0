"""The losses of a voice's training as a picture: what the networks found at each step, from the table they write."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avfusion.media.curve import Line, Plot, figure
from avfusion.voice.train_so_vits_checkpoints import Losses


def loss_curve(rows: Sequence[Losses]) -> str:
    """HTML with one line for the generator, its mel distance and the discriminator; nothing where no step was done."""
    steps = np.array([row.step for row in rows], np.float64)
    lines = (
        Line("Generator, in all", steps, np.array([row.total for row in rows], np.float64), "a"),
        Line("of it, distance of spectrograms", steps, np.array([row.mel for row in rows], np.float64), "b"),
        Line("Discriminator", steps, np.array([row.discriminator for row in rows], np.float64), "c"),
    )
    return figure(Plot("Losses", lines, scale="log"))
