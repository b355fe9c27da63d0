"""Painters in the pipelines: located as any engine and followed between the seconds; scored by their own maps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from avfusion.clip import Sound
from avfusion.datasets.avs_clip import SIZE_PX, Setting
from avfusion.datasets.avs_predictions import is_named, read_classes, read_probabilities
from avfusion.datasets.avs_read import read_avs
from avfusion.datasets.avs_write import write_avs
from avfusion.datasets.classes import BACKGROUND, NUMBER_OF
from avfusion.engines import registry
from avfusion.engines.catalogue import CATALOGUE
from avfusion.engines.engine import MIB, Engine
from avfusion.engines.folders import home
from avfusion.engines.trained import TRAINED
from avfusion.errors import Stopped, UsageError
from avfusion.pipelines.evaluate_avs import evaluate_avs
from avfusion.pipelines.evaluate_avs_paint import paint_clip
from avfusion.pipelines.evaluate_avs_run import EngineChoice
from avfusion.pipelines.evaluate_avs_scores import scores_for
from avfusion.pipelines.locate import find
from avfusion.sounding.checkpoint import read_checkpoint
from avfusion.sounding.networks.av2ts import class_maps
from avfusion.sounding.networks.log_mel import log_mel_examples
from avfusion.sounding.painted import Painted, squashed
from tests.datasets.samples import avs_sample
from tests.sounding.painting import ColourPainter, loose_network, trained_folder
from tests.sounding.test_painted_sources import film, is_red, loud, overlap, square


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> ColourPainter:
    painter = ColourPainter()
    row = Engine("colours", "sounding", "For tests.", "none", lambda device: painter, 1 * MIB, understands=(),
                 paints=True)  # fmt: skip
    free = [one for one in CATALOGUE if one.name in ("grabcut", "flow")]
    monkeypatch.setattr(registry, "_REGISTRY", registry.Registry((row, *free)))
    return painter


def test_what_is_painted_is_followed_between_the_seconds_and_shown_while_it_sounds(
    colours: ColourPainter, tmp_path: Path
) -> None:
    """A thing that changes its pace; frames 4 to 7 belong to the second in which nothing is heard."""
    clip = film(7, lambda time_s, rgb: square(rgb, 4 + 1.5 * time_s**2, 20 + round(4 * time_s)))
    located = find(clip, folder=tmp_path, sound=loud(1, 0, 1, 1, 1, 1, 1), tracker="flow", segmenter="grabcut")
    (source,) = located.sources.found
    assert (source.name, len(source.prompts)) == ("devil", 3)
    assert located.heard[0].spans == ((0, 1), (2, 7))
    for frame in range(clip.frame_count):
        if 4 <= frame < 8:
            assert not located.track.union(frame).any()
        else:
            assert overlap(located.track.mask(frame, 1), is_red(clip, frame)) > 0.8, frame
    assert located.engines["sounding"] == "colours"
    assert not any("could not" in note for note in located.notes)


def test_a_part_of_a_clip_is_painted_by_its_own_seconds(colours: ColourPainter, tmp_path: Path) -> None:
    clip = film(6, lambda time_s, rgb: square(rgb, 4 + 10 * time_s))
    located = find(clip, folder=tmp_path, sound=loud(1, 1, 1), span=(6, 18), tracker="flow", segmenter="grabcut")
    frames = [prompt.frame for prompt in located.sources.found[0].prompts]
    assert frames == [9, 13, 17]
    for prompt in located.sources.found[0].prompts:
        assert overlap(prompt.mask, is_red(clip, prompt.frame)) > 0.85


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[Setting, Path]:
    root = tmp_path_factory.mktemp("sets")
    samples = [avs_sample("one_0_5000"), avs_sample("two_0_5000", labels=("violin",), number=68)]
    samples[1] = replace(samples[1], sound=Sound(samples[1].sound.samples[:, ::-1] * np.float32(2), 16_000))
    settings: tuple[Setting, ...] = ("ms3", "avss")
    for setting in settings:
        write_avs(root / setting, setting, samples)
    return {setting: root / setting for setting in settings}


@pytest.mark.parametrize("setting", ["ms3", "avss"])
def test_a_network_is_scored_by_its_own_maps(sets: dict[Setting, Path], setting: Setting, tmp_path: Path) -> None:
    """Against the network, its maps at 224 x 224 and the scores, taken by hand."""
    network = loose_network(setting, favoured=(17, 68) if setting == "avss" else ())
    folder = trained_folder(home() / TRAINED / "mine", setting, network)
    report = evaluate_avs(
        sets[setting], setting=setting, choice=EngineChoice("mine", tracker="flow", namer="clip-vit-b16"),
        write=tmp_path / "out",
    )  # fmt: skip
    network, clips, scores = read_checkpoint(folder).network, read_avs(sets[setting], setting), scores_for(setting)
    for clip in clips:
        seen = np.stack([squashed(np.asarray(Image.open(path).convert("RGB")), 64) for path in clip.frames])
        wave = avs_sample(clip.name).sound.samples[0]
        wave = wave[::-1] * np.float32(2) if clip.name.startswith("two") else wave
        log_mel = torch.from_numpy(log_mel_examples(np.rint(wave * 32767) / np.float32(32767)))
        with torch.no_grad():
            predictions = network.predict(torch.from_numpy(seen).permute(0, 3, 1, 2)[None].float(), log_mel[None])
            maps = class_maps(predictions, height=SIZE_PX, width=SIZE_PX)
        found = maps.argmax(1).numpy().astype(np.uint8) if is_named(clip) else maps.softmax(1)[:, 1].numpy()
        scores.add(clip, list(found))
        read = read_classes if is_named(clip) else read_probabilities
        np.testing.assert_allclose(np.stack(read(tmp_path / "out" / "own", clip)), found, atol=0.01)
    assert report.figures["own"] == {name: pytest.approx(value, abs=2e-3) for name, value in scores.figures().items()}
    assert list(report.figures) == ["own", "mute", "swap"]
    if setting == "ms3":
        assert report.figures["own"] != report.figures["mute"]
    assert (report.engines, set(report.revisions)) == ({"sounding": "mine"}, {"sounding"})
    assert report.notes == ("mine paints each picture itself: --tracker flow and --namer clip-vit-b16 had nothing to "
                            "do.",)  # fmt: skip
    assert [report.abstained(hearing) for hearing in report.figures] == [0, 0, 0]
    stored = evaluate_avs(sets[setting], setting=setting, predictions=tmp_path / "out")
    for hearing, figures in report.figures.items():
        # Greys keep where it is more than a half, and 256 of all the other steps.
        assert stored.figures[hearing] == {name: pytest.approx(value, abs=0.01) for name, value in figures.items()}
        assert stored.figures[hearing].get("M_J") == figures.get("M_J")


def test_without_names_nothing_is_scored_by_names(sets: dict[Setting, Path]) -> None:
    trained_folder(home() / TRAINED / "mine", "s4")
    with pytest.raises(
        UsageError, match="mine was trained for s4, where nothing has a name: it cannot be scored as avss"
    ):
        evaluate_avs(sets["avss"], setting="avss", choice=EngineChoice("mine"))
    report = evaluate_avs(sets["ms3"], setting="ms3", choice=EngineChoice("mine"), controls=False, clips=["one_0_5000"])
    assert set(report.figures) == {"own"}
    assert report.notes == ()


class Naming(ColourPainter):
    """Says of everything what its list says, in the order of the list; remembers what it was asked."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names, self.asked = (BACKGROUND, *names), []

    def paint(self, pictures, sound, labels=(), *, shape=None, waiting=lambda: None) -> Painted:
        self.asked.append((pictures.shape, labels, shape, sound))
        height, width = shape or pictures.shape[1:3]
        numbers = np.tile(np.arange(width, dtype=np.uint8) % len(self.names), (len(pictures), height, 1))
        return Painted((numbers > 0).astype(np.float32) * 0.8, numbers, self.names)


def test_names_become_numbers_of_classes_and_unknown_ones_nothing(sets: dict[Setting, Path]) -> None:
    clip = read_avs(sets["avss"], "avss")[0]
    painter = Naming("violin", "unicorn", "dog", "")
    found = paint_clip(painter, clip)
    assert len(found) == 5
    assert {frame.shape for frame in found} == {(SIZE_PX, SIZE_PX)}
    assert found[0][0, :5].tolist() == [0, NUMBER_OF["violin"], 0, NUMBER_OF["dog"], 0]
    ((_, labels, shape, sound),) = painter.asked
    assert (len(labels), labels[0], shape) == (70, "accordion", (SIZE_PX, SIZE_PX))
    assert sound.samples.shape[1] == 5 * sound.rate_hz


def test_in_v2_the_frames_have_their_own_size_and_no_names(sets: dict[Setting, Path]) -> None:
    clip = replace(read_avs(sets["avss"], "avss")[0], setting="v2")
    painter = Naming("something")
    found = paint_clip(painter, clip, Sound(np.zeros((1, 80_000), np.float32), 16_000))
    assert {(frame.shape, frame.dtype) for frame in found} == {((30, 40), np.dtype(np.float32))}
    ((shown, labels, shape, sound),) = painter.asked
    assert (shown, labels, shape) == ((5, 30, 40, 3), (), None)
    assert not sound.samples.any()


def test_it_can_be_stopped(sets: dict[Setting, Path]) -> None:
    trained_folder(home() / TRAINED / "mine", "ms3")
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    with pytest.raises(Stopped):
        evaluate_avs(sets["ms3"], setting="ms3", choice=EngineChoice("mine"), should_stop=stop)
