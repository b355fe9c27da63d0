"""A job -> the pipeline that its verb names, with the job's inputs, settings and engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avfusion.clip import Clip, Drawn, Prompt
from avfusion.errors import UsageError
from avfusion.jobs.job_file import DrawnInput, Job
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.progress import OnProgress, ShouldStop

if TYPE_CHECKING:
    from avfusion.pipelines.convert_voice import VoiceReport
    from avfusion.pipelines.report import Report
    from avfusion.voice.opening import ModelFiles


@dataclass(frozen=True, eq=False)
class Order:
    """A job, where its inputs lie, where its files go (`out`, and what `Job.also` names), and what is kept."""

    job: Job
    paths: Mapping[str, Path]
    outs: Mapping[str, Path]
    keep: Keep | None
    probed: Clip | None = None
    on_progress: OnProgress | None = None
    should_stop: ShouldStop | None = None

    def clip(self) -> Clip | Path:
        """As it was probed already, where somebody did."""
        return self.probed or self.paths["clip"]

    def prompts(self) -> list[Prompt]:
        return [self._prompt(prompt) if isinstance(prompt, DrawnInput) else prompt for prompt in self.job.prompts]

    def _prompt(self, prompt: DrawnInput) -> Drawn:
        from avfusion.media.masks import read_mask

        return Drawn(read_mask(self.paths[prompt.mask]) > 0, prompt.frame, prompt.object)

    def common(self) -> dict[str, Any]:
        """What every pipeline takes."""
        return {
            **self.job.engines, "out": self.outs["out"], "keep": self.keep, "on_progress": self.on_progress,
            "should_stop": self.should_stop,
        }  # fmt: skip

    def masks(self) -> dict[str, Any]:
        """Prompts or masks, and the span."""
        return {"prompts": self.prompts(), "masks": self.paths.get("masks"), "span": self.job.span}

    def targets(self) -> list[Path]:
        numbered = [name for name in self.paths if name.startswith("target-")]
        return [self.paths[name] for name in sorted(numbered, key=lambda name: int(name.partition("-")[2]))]

    def model(self) -> ModelFiles | None:
        from avfusion.voice.opening import ModelFiles

        others = {name: self.paths.get(name) for name in ("config", "index", "clusters", "speaker_encoder")}
        return ModelFiles(self.paths["model"], **others) if "model" in self.paths else None

    def seconds(self) -> tuple[tuple[float, float], ...]:
        """The spans of a voice; an end of null is that of the sound."""
        return tuple((start_s, inf if end_s is None else end_s) for start_s, end_s in self.job.options.spans)

    def background(self) -> Path | str | None:
        """A path, a word, or None."""
        return self.paths.get("background") or self.job.options.background or None


def carry_out(order: Order) -> Report | VoiceReport:
    """Runs the job's verb. Raises what the pipeline raises."""
    return _VERBS[order.job.verb](order)


def _segment(order: Order) -> Report:
    from avfusion.pipelines.segment import segment

    return segment(order.clip(), order.prompts(), kind=order.job.options.kind, span=order.job.span, **order.common())


def _swap(order: Order) -> Report:
    from avfusion.pipelines.swap import swap

    background = order.background()
    if background is None:
        raise UsageError("options.background: is missing. Give a word, or a background among the inputs.")
    return swap(
        order.clip(), background=background, matte=order.outs.get("matte"), settings=order.job.settings,
        **order.masks(), **order.common(),
    )  # fmt: skip


def _remove(order: Order) -> Report:
    from avfusion.pipelines.remove import remove

    settings = replace(order.job.settings, map_out=order.outs.get("map"))
    return remove(order.clip(), settings=settings, **order.masks(), **order.common())


def _locate(order: Order) -> Report:
    from avfusion.pipelines.locate import locate

    options = order.job.options
    return locate(
        order.clip(), labels=options.labels, text=options.text, controls=options.controls,
        sound=order.paths.get("sound"), span=order.job.span, settings=order.job.settings, **order.common(),
    )  # fmt: skip


def _voice(order: Order) -> VoiceReport:
    from avfusion.pipelines.convert_voice import convert_voice

    options = order.job.options
    return convert_voice(
        order.paths["media"], target=order.targets(), model=order.model(), speaker=options.speaker,
        spans=order.seconds(), only_speaker=options.only_speaker, seed=options.seed, settings=order.job.settings,
        **order.common(),
    )  # fmt: skip


def _fuse(order: Order) -> Report:
    from avfusion.pipelines.convert_voice_settings import VoiceWish
    from avfusion.pipelines.fuse import fuse

    job, options, model = order.job, order.job.options, order.model()
    common = order.common()
    engine = common.pop("voice_engine", "auto")
    voice = None
    if order.targets() or model is not None:
        voice = VoiceWish(
            target=tuple(order.targets()), model=model, speaker=options.speaker, engine=engine,
            settings=job.settings.voice, spans=order.seconds(), only_speaker=options.only_speaker, seed=options.seed,
        )  # fmt: skip
    picture = job.settings.picture
    picture = replace(picture, remove=replace(picture.remove, map_out=order.outs.get("map")))
    return fuse(
        order.clip(), background=order.background(), remove=options.remove, voice=voice, settings=picture,
        report=order.outs.get("report"), **order.masks(), **common,
    )  # fmt: skip


_VERBS: Mapping[str, Callable[[Order], Report | VoiceReport]] = {
    "segment": _segment, "swap": _swap, "remove": _remove, "locate": _locate, "voice": _voice,
    "fuse": _fuse,
}  # fmt: skip
