"""What was done to a voice, and how well, as a few lines in the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avfusion.pipelines.convert_voice import VoiceReport
    from avfusion.pipelines.evaluate_voice import VoiceEvaluation, VoiceScore
    from avfusion.pipelines.evaluate_voice_free import VoiceJudgement

_HEADS = (
    "MCD dB", "source", "GV", "F0 RMSE", "F0 corr", "F0 ratio", "lag ms", "drift ms", "length ms", "loud dB", "speed",
)  # fmt: skip

_WORDS = {"voice": "voice", "separation": "apart by"}


_MORE_HEADS = ("like", "was like")


def print_voice(report: VoiceReport) -> None:
    print(f"{report.out}: {report.duration_s:.2f} s, {report.rate_hz} Hz, {_channels(report.channels)}")
    for ability, name in report.engines.items():
        weights = report.revisions.get(ability)
        of = f", weights {weights[:25]}" if weights else ""
        print(f"  {_WORDS[ability]:9}{name} on {report.devices[ability]}{of}")
    if report.converted_s < report.duration_s - 0.005:
        print(f"  changed  {f'{report.converted_s:.2f} s of it' if report.converted_s else 'nothing'}")
    if report.lag_s is not None:
        drift = "" if report.drift_s is None else f", drift {1000 * report.drift_s:+.1f} ms"
        print(f"  in time  lag {1000 * report.lag_s:+.1f} ms{drift}")
    if report.loudness_before is not None and report.loudness_after is not None:
        peak = "" if report.true_peak_db is None else f", true peak {report.true_peak_db:.1f} dBTP"
        print(f"  loudness {report.loudness_before:.1f} -> {report.loudness_after:.1f} LUFS{peak}")
    if report.pitch_before_hz is not None and report.pitch_after_hz is not None:
        goal = "" if report.pitch_target_hz is None else f" (target {report.pitch_target_hz:.0f} Hz)"
        print(f"  pitch    {report.pitch_before_hz:.0f} -> {report.pitch_after_hz:.0f} Hz{goal}")
    print(f"  time     {', '.join(f'{stage} {seconds:.1f} s' for stage, seconds in report.stages_s.items())}")
    for note in report.notes:
        print(f"  note     {note}")


def print_voices(report: VoiceEvaluation) -> None:
    """A row for each sentence, the means, and the rule that the distortion follows."""
    rows = [*report.sentences, *(report.pairs if len(report.pairs) > 1 else ()), report.overall]
    width = max(len(f"{row.pair} {row.sentence}") for row in rows)
    is_heard = math.isfinite(report.overall.similarity)
    print(" " * width + "".join(f"{head:>10}" for head in (*_HEADS, *(_MORE_HEADS if is_heard else ()))))
    for row in rows:
        figures = (*_figures(row), *((row.similarity, row.source_similarity) if is_heard else ()))
        cells = "".join(f"{value:10.2f}" if math.isfinite(value) else f"{'-':>10}" for value in figures)
        print(f"{row.pair} {row.sentence}".ljust(width) + cells)
    print(f"\n{report.dataset}: {len(report.sentences)} sentences converted")
    print(f"  {report.engine} on {report.device}{f', weights {report.revision[:25]}' if report.revision else ''}")
    if report.reference:
        print(f"  heard of each target: {', '.join(report.reference)}")
    print(f"  MCD: {report.rule}")
    print("  source: MCD of the source as it came; GV: variance over the target's; speed: seconds for one of sound")
    if is_heard:
        print("  like: cosine to the target's voice by Resemblyzer, 1 for the same; was like: that of the source")
    else:
        _say_how_to_hear()


def _figures(row: VoiceScore) -> tuple[float, ...]:
    return (
        row.distortion_db, row.source_db, row.variance_ratio, row.f0_rmse_hz, row.f0_correlation, row.f0_ratio,
        1000 * row.lag_s, 1000 * row.drift_s, 1000 * row.duration_error_s, row.loudness_error_db, row.real_time_factor,
    )  # fmt: skip


def print_judgement(judged: VoiceJudgement) -> None:
    print(f"{judged.result}: beside {judged.source}")
    rows = (
        ("in time", f"lag {1000 * judged.lag_s:+.1f} ms, drift {1000 * judged.drift_s:+.1f} ms", judged.lag_s),
        ("length", f"{1000 * judged.duration_error_s:+.1f} ms", judged.duration_error_s),
        ("loudness", f"{judged.loudness_error_db:+.1f} dB", judged.loudness_error_db),
        ("pitch", f"{judged.pitch_source_hz:.0f} -> {judged.pitch_result_hz:.0f} Hz", judged.pitch_result_hz),
        ("target", f"{judged.pitch_target_hz:.0f} Hz", judged.pitch_target_hz),
        (
            "timbre",
            f"{judged.source_distance_db:.2f} -> {judged.result_distance_db:.2f} dB from the target's mean",
            judged.result_distance_db,
        ),
        ("variety", f"{judged.variance_ratio:.2f} of the target's global variance", judged.variance_ratio),
        (
            "like",
            f"{judged.source_similarity:.2f} -> {judged.result_similarity:.2f} (cosine to the target, Resemblyzer)",
            judged.result_similarity,
        ),
    )
    for name, words, value in rows:
        if math.isfinite(value):
            print(f"  {name:9}{words}")
    if math.isfinite(judged.result_distance_db) and not math.isfinite(judged.result_similarity):
        _say_how_to_hear()


def _say_how_to_hear() -> None:
    from avfusion.metrics.voice_likeness import HOW_TO_GET

    print(f"  how much the voice sounds like the target's: {HOW_TO_GET}")


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")
