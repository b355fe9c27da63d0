"""A new background, a clean plate or another voice for a video clip. Importing this package loads nothing heavy."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ROOM_OF = {
    "AvfusionError": "errors",
    "Clip": "clip",
    "Frame": "clip",
    "Sound": "clip",
    "Mask": "clip",
    "MaskTrack": "clip",
    "Prompt": "clip",
    "Point": "clip",
    "Box": "clip",
    "Scribble": "clip",
    "Drawn": "clip",
    "Words": "clip",
    "Sounding": "clip",
    "compare": "pipelines.compare",
    "convert_voice": "pipelines.convert_voice",
    "ModelFiles": "voice.opening",
    "VoiceReport": "pipelines.convert_voice",
    "VoiceSettings": "pipelines.convert_voice",
    "VoiceWish": "pipelines.convert_voice",
    "fuse": "pipelines.fuse",
    "FuseReport": "pipelines.fuse",
    "FuseSettings": "pipelines.fuse",
    "locate": "pipelines.locate",
    "LocateReport": "pipelines.locate",
    "LocateSettings": "pipelines.locate",
    "Keep": "pipelines.keep",
    "probe": "media.probe",
    "swap": "pipelines.swap",
    "SwapSettings": "pipelines.swap",
    "remove": "pipelines.remove",
    "RemoveReport": "pipelines.remove",
    "RemoveSettings": "pipelines.remove",
    "segment": "pipelines.segment",
    "track": "pipelines.track",
    "Report": "pipelines.report",
    "Progress": "pipelines.progress",
}

__all__ = ["__version__", *_ROOM_OF]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'avfusion' has no attribute '{name}'")
    return getattr(import_module(f"avfusion.{_ROOM_OF[name]}"), name)
