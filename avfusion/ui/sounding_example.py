"""The example of the tab Sounding: a made scene, in which two of three things sound by turns.

To the page's other example the engine that needs no download abstains, and there would be nothing to see.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from avfusion.datasets.scenes import draw_scene
from avfusion.datasets.scenes_settings import BASE_KINDS, SceneSettings
from avfusion.datasets.write_parts import save_sound, save_video
from avfusion.jobs.home import home
from avfusion.media.target import writing

NAME = "made-scene.mp4"

_SEED = 3
_SETTINGS = SceneSettings(
    size_px=320, seconds=5, sources=2, movers=1, kinds=BASE_KINDS, taking_turns=True, radius_px=(26.0, 36.0),
    motions=("bounce",), thing_px_s=0.0, background_px_s=0.0,
)  # fmt: skip
_MAKING = threading.Lock()


def made_scene() -> Path:
    """The clip, the same for every visitor: made when it is first wanted, in a second or two. Raises `CannotWrite`."""
    path = home() / "scenes" / f"{_SEED}-{_SETTINGS.size_px}" / NAME
    with _MAKING:
        if not path.is_file():
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            scene = draw_scene(_SETTINGS, _SEED)
            with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
                wav = Path(folder) / "sound.wav"
                save_sound(wav, scene.sound)
                save_video(path, scene.frames, scene.fps, wav)
    return path
