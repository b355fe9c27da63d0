"""A fusion as one self-contained page: both clips, that they are in sync, how sure the masks are, sounds, figures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from avfusion.clip import Clip
from avfusion.errors import AvfusionError
from avfusion.media.probe import probe
from avfusion.media.target import whole_file
from avfusion.pipelines.fuse_page_figures import engines, figures, in_sync, notes, times
from avfusion.pipelines.fuse_page_pictures import LONGEST_S, legend, moments, player, timeline
from avfusion.pipelines.fuse_settings import FuseReport
from avfusion.pipelines.fuse_sync import Proof
from avfusion.pipelines.sound_pictures import drawn, pitch_figure, spectrogram_figure, wave_figure
from avfusion.pipelines.track import Tracking

_STYLES = tuple(Path(__file__).with_name(name) for name in ("compare_page.css", "fuse_page.css"))

# Both players on one clock; without a script each is a player of its own.
_SCRIPT = """
const pair = [...document.querySelectorAll(".players video")];
if (pair.length === 2) {
  const [before, after] = pair, bar = document.querySelector(".both");
  const hear = (one) => {
    for (const video of pair) video.muted = video !== one;
    for (const button of bar.querySelectorAll("[data-hear]"))
      button.setAttribute("aria-pressed", String(pair[button.dataset.hear] === one));
  };
  bar.hidden = false;
  hear(after);
  bar.addEventListener("click", ({ target }) => {
    if (target.dataset.hear) hear(pair[target.dataset.hear]);
    else if (after.paused) { if (after.ended) after.currentTime = 0; after.play(); } else after.pause();
  });
  const follow = () => {
    if (Math.abs(before.currentTime - after.currentTime) > 0.06) before.currentTime = after.currentTime;
  };
  after.addEventListener("play", () => { follow(); before.play(); });
  after.addEventListener("pause", () => { before.pause(); follow(); });
  for (const name of ["seeked", "timeupdate"]) after.addEventListener(name, follow);
  const say = () => { bar.querySelector(".go").textContent = after.paused ? "Play both" : "Pause"; };
  for (const name of ["play", "pause", "ended"]) after.addEventListener(name, say);
}
"""


@dataclass(frozen=True, eq=False)
class Told:
    """What the page is made of. part: the frames of the source that were taken. tracking: None for masks that were
    given. background: as it was asked for, "" for none."""

    report: FuseReport
    part: Clip
    proof: Proof
    background: str = ""
    targets: tuple[str, ...] = ()
    tracking: Tracking | None = None


def write_page(told: Told, out: Path, folder: Path) -> None:
    """Writes the page whole, or not at all. folder: for what need not last. Raises `CannotWrite`."""
    with whole_file(out) as part, part.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(page(told, folder, beside=out))


def page(told: Told, folder: Path, *, beside: Path) -> Iterator[str]:
    """The document, piece by piece. It needs no network; all text in it is escaped. beside: where it will lie."""
    after = _read_back(told.report.out)
    style = "".join(path.read_text(encoding="utf-8") for path in _STYLES)
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(told.report.out.name)}: fused with AVFusion</title>\n<style>\n{style}</style>\n</head>\n"
        "<body>\n<main>\n"
    )
    yield _head(told)
    yield in_sync(told.report)
    yield from _players(told, after, folder, beside)
    yield _moments(told, after)
    yield _sureness(told)
    yield _sounds(told)
    yield engines(told.report)
    yield times(told.report)
    yield figures(told.report)
    yield notes(told.report, told.part.path)
    yield f"</main>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"


def _read_back(out: Path) -> Clip | None:
    """The result as a clip; None for a folder or a ZIP of pictures."""
    try:
        return probe(out)
    except AvfusionError:
        return None


def _head(told: Told) -> str:
    report = told.report
    said = {
        "background": f"a new background ({escape(_named(told.background))})",
        "remove": f"{_objects(report.removed)} taken out",
        "voice": f"another voice ({escape(', '.join(told.targets))})" if told.targets else "another voice",
    }
    frames = "1 frame" if report.frames == 1 else f"{report.frames} frames"
    facts = f"{report.width_px} &times; {report.height_px} pixels · {frames} · {report.duration_s:.2f} s"
    changes = ", ".join(said[name] for name in report.changed) or "nothing changed"
    return (
        f'<header><p class="over">Fusion</p><h1>{escape(report.out.name)}</h1>'
        f"<p>{escape(told.part.path.name)} with {changes}</p><p>{facts}</p></header>\n"
    )


def _named(background: str) -> str:
    words = {"blur": "itself, out of focus", "transparent": "none: transparent"}
    return words.get(background, background if background.startswith("#") else Path(background).name)


def _objects(numbers: Sequence[int]) -> str:
    return f"object{'s' if len(numbers) > 1 else ''} {' and '.join(map(str, numbers))}"


def _players(told: Told, after: Clip | None, folder: Path, beside: Path) -> Iterator[str]:
    proof = told.proof
    clips = [("Before", told.part, proof.before)]
    clips += [("After", after, proof.after)] if after is not None else []
    short = f"The first {LONGEST_S:g} s, made small." if told.part.duration_s > LONGEST_S else "Made small."
    link = quote(os.fsencode(os.path.relpath(told.report.out, beside.absolute().parent)))
    yield (
        f'<section><h2>Before and after</h2><p>{short} The whole result: <a href="{link}">'
        f'{escape(told.report.out.name)}</a></p><div class="players">'
    )
    for name, clip, sound in clips:
        yield f'<figure><video controls playsinline preload="auto" aria-label="{name}" src="'
        yield from player(clip, sound, folder)
        yield f'"></video><figcaption><b>{name}</b></figcaption></figure>'
    yield (
        '</div><div class="both" hidden><button type="button" class="go">Play both</button><span>Hear</span>'
        '<button type="button" data-hear="0" aria-pressed="false">before</button>'
        '<button type="button" data-hear="1" aria-pressed="true">after</button></div></section>\n'
    )


def _moments(told: Told, after: Clip | None) -> str:
    figures = "".join(
        f'<figure><img alt="Frame {one.frame} before" src="{one.before}">'
        + (f'<img alt="Frame {one.frame} after" src="{one.after}">' if one.after else "")
        + f"<figcaption><b>{one.time_s:.2f} s</b><span>frame {one.frame}</span></figcaption></figure>"
        for one in moments(told.part, after)
    )
    return f'<section><h2>Moments</h2><div class="answers moments">{figures}</div></section>\n'


def _sureness(told: Told) -> str:
    if told.tracking is None:
        return ""
    became = dict.fromkeys(told.report.kept, "kept") | dict.fromkeys(told.report.removed, "removed")
    return (
        "<section><h2>How sure the masks are</h2><p>By the tracker's own measure. A dashed line is a cut, a dot a "
        "frame with prompts, the arrow the frame on which another one would help most.</p>"
        f'{timeline(told.tracking, told.part)}<ul class="legend">{legend(became)}</ul></section>\n'
    )


def _sounds(told: Told) -> str:
    before, after = told.proof.before, told.proof.after
    if before is None or after is None:
        return ""
    if "voice" not in told.report.changed:
        picture = drawn(after)
        plots = wave_figure(picture, "The sound, as it was", "a") + spectrogram_figure(picture, "The sound")
    else:
        first, second = drawn(before), drawn(after)
        plots = (
            wave_figure(first, "Before", "a") + wave_figure(second, "After", "b")
            + spectrogram_figure(first, "Before") + spectrogram_figure(second, "After")
            + pitch_figure(first, second, "Pitch")
        )  # fmt: skip
    said = "" if "voice" not in told.report.changed else "<p>A machine made this voice; the file's tags say so.</p>"
    return f'<section><h2>Sound</h2>{said}<div class="plots">{plots}</div></section>\n'
