"""`avfusion train`: a voice of one's own from recordings of it, and networks that find what sounds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avfusion.cli.options import DeviceOption, JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_json
from avfusion.cli.stopping import stopping
from avfusion.cli.train_avs import av2ts, ov_avss

if TYPE_CHECKING:
    from avfusion.pipelines.train_voice import TrainingReport

commands = typer.Typer(help="Train a voice, or a network that finds what sounds.", rich_markup_mode=None)

_DIR = "Recordings of one speaker, or a folder of them for each speaker."
_OUT = "A new folder: G_*.pth and config.json for 'avfusion voice --model', and losses.csv."
_STEPS = "Train until this step, those of earlier runs included."
_EPOCHS = "The same in rounds through all recordings. Left out, as the configuration says."
_CONFIG = "A so-vits config.json to go by instead of so-vits-svc-fork's own."

_FROM = "A G_*.pth to begin with instead of random weights, such as a published G_0.pth."
_JUDGE = "The D_*.pth beside it."
_CLUSTERS = (
    "Also make kmeans.pt, with so many centres for each speaker, for 'avfusion voice --clusters'. With --resume and "
    "steps that are done already, nothing else."
)

_Count = int | None

commands.command("av2ts")(av2ts)
commands.command("ov-avss")(ov_avss)


@commands.command("so-vits")
def so_vits(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=_DIR)],
    out: Annotated[Path, typer.Option(metavar="MODEL_DIR", help=_OUT)],
    speaker: Annotated[str, typer.Option(metavar="NAME", help="What to call the speaker; left out, as DIR.")] = "",
    steps: Annotated[_Count, typer.Option(min=1, metavar="N", help=_STEPS)] = None,
    epochs: Annotated[_Count, typer.Option(min=1, metavar="N", help=_EPOCHS)] = None,
    batch: Annotated[_Count, typer.Option(min=1, metavar="N", help="Pieces of speech in one step.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help=_CONFIG)] = None,
    save_every: Annotated[int, typer.Option(min=1, metavar="N", help="Steps from checkpoint to checkpoint.")] = 200,
    generator: Annotated[Path | None, typer.Option("--from", metavar="FILE", help=_FROM)] = None,
    discriminator: Annotated[Path | None, typer.Option("--from-discriminator", metavar="FILE", help=_JUDGE)] = None,
    clusters: Annotated[_Count, typer.Option(min=1, metavar="N", help=_CLUSTERS)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in MODEL_DIR.")] = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a so-vits voice on the recordings in DIR. Ctrl-C saves the step it is at; --resume goes on from there.

    Train nobody's voice without their consent. At least five recordings of 0.3 s or more are needed for each speaker.
    """
    from avfusion.errors import UsageError
    from avfusion.pipelines.train_voice import TrainingSettings, train_voice
    from avfusion.voice.train_so_vits_start import Start

    if generator is None and discriminator is not None:
        raise UsageError("--from-discriminator goes with a generator. Give --from too.")
    start = None if generator is None else Start(generator, discriminator)
    settings = TrainingSettings(steps=steps, epochs=epochs, batch=batch, save_every=save_every, clusters=clusters)
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = train_voice(
            folder, out=out, speaker=speaker, settings=settings, config=config, start=start, resume=resume,
            device=device, on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    if json:
        print_json(report.as_json())
    else:
        _print(report)


def _print(report: TrainingReport) -> None:
    print(f"{report.weights}: step {report.step}, {report.pieces} pieces, {report.speech_s:.1f} s of speech")
    print(f"  speakers {', '.join(report.speakers)}")
    if report.losses is not None:
        print(f"  losses   {report.losses.total:.2f}, mel {report.losses.mel:.2f}; all in {report.losses_table}")
    if report.clusters is not None:
        print(f"  k-means  {report.clusters}")
    print(f"  device   {report.devices['voice']}")
    print(f"  time     {', '.join(f'{stage} {seconds:.1f} s' for stage, seconds in report.stages_s.items())}")
    for note in report.notes:
        print(f"  note     {note}")
