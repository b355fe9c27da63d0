"""Training through files: what it leaves, that it goes on where it stopped, and what it refuses."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avfusion.datasets.avs_read import read_avs
from avfusion.datasets.made import MadeSettings
from avfusion.errors import CannotRead, CannotWrite, Stopped, UsageError
from avfusion.pipelines.make_avs import make_avs
from avfusion.pipelines.progress import Progress
from avfusion.pipelines.train_avs import train_avs
from avfusion.pipelines.train_avs_clips import read_example
from avfusion.pipelines.train_avs_network import Given, begun
from avfusion.pipelines.train_avs_settings import AvsTraining, training_of
from avfusion.sounding.checkpoint import read_checkpoint
from avfusion.sounding.networks.losses import LossSettings
from avfusion.sounding.training.made_start import StartSettings

NOTHING = Given()
SHIPPED = Path(__file__).parents[2] / "avfusion" / "sounding" / "checkpoints" / "ov-avss"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "ms3"
    make_avs(folder, setting="ms3", settings=MadeSettings(clips=20, size_px=64, is_moving=False))
    return folder


def a_training(steps: int = 4, **changes: object) -> AvsTraining:
    training = training_of(
        "av2ts", "ms3", "cpu", steps=steps, batch=2, size_px=32, save_every=2, validate_every=3, validate_clips=2,
        losses=LossSettings(points=32, cosine=1.0), **changes,
    )  # fmt: skip
    return replace(training, network=replace(training.network, decoder_layers=1))


def curve(folder: Path) -> list[list[float]]:
    """All columns of losses.csv but the speed."""
    head, *rows = csv.reader((folder / "losses.csv").read_text().splitlines())
    assert head[-1] == "clips_per_s"
    return [[float(value) for value in row[:-1]] for row in rows]


@pytest.fixture(scope="module")
def through(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of four steps in one go."""
    out = tmp_path_factory.mktemp("through") / "run"
    report = train_avs(data, out=out, training=a_training(), given=NOTHING, device="cpu")
    assert (report.step, report.clips, report.validated, report.best_step) == (4, 14, 2, report.best_step)
    assert report.best_step in (3, 4)
    assert set(report.scores) == {"M_J", "M_F", "M_J swapped"}
    return out


def test_it_leaves_a_checkpoint_tables_and_a_page(through: Path, data: Path) -> None:
    assert [row[0] for row in curve(through)] == [1, 2, 3, 4]
    assert [row["step"] for row in csv.DictReader((through / "scores.csv").read_text().splitlines())] == ["3", "4"]
    assert sorted(path.name for path in (through / "looks").iterdir()) == ["000003.png", "000004.png"]
    assert "<svg" in (through / "training.html").read_text()
    assert json.loads((through / "training.json").read_text())["clips"] == 14
    checkpoint = read_checkpoint(through)
    assert (checkpoint.card.kind, checkpoint.card.setting, checkpoint.card.size_px) == ("av2ts", "ms3", 32)
    assert "ms3" in checkpoint.card.note
    example = read_example(read_avs(data, "ms3", "test")[0], 32)
    rgb = torch.from_numpy(example.rgb).permute(0, 3, 1, 2).float()[None]
    predictions = checkpoint.network.predict(rgb, torch.from_numpy(example.log_mel)[None])
    assert torch.isfinite(predictions.masks[-1]).all()


def test_after_a_stop_it_goes_on_as_if_there_was_none(through: Path, data: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "run", []

    def stops() -> bool:
        told.append(None)
        return (out / "losses.csv").is_file() and len(curve(out)) == 1

    with pytest.raises(Stopped, match="at step 1, which is saved"):
        train_avs(data, out=out, training=a_training(), given=NOTHING, device="cpu", should_stop=stops)
    report = train_avs(data, out=out, device="cpu")
    assert (report.first_step, report.step) == (2, 4)
    np.testing.assert_allclose(curve(out), curve(through), rtol=0, atol=1e-6)
    ours, theirs = read_checkpoint(out).network.state(), read_checkpoint(through).network.state()
    assert all(torch.equal(part, theirs[name]) for name, part in ours.items())


def test_after_being_broken_off_it_goes_on_from_the_last_step_saved(through: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"

    def breaks(progress: Progress) -> None:
        if progress.stage.startswith("training, step 3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_avs(data, out=out, training=a_training(), given=NOTHING, device="cpu", on_progress=breaks)
    assert [row[0] for row in curve(out)] == [1, 2, 3]
    assert train_avs(data, out=out, device="cpu").first_step == 3
    np.testing.assert_allclose(curve(out), curve(through), rtol=0, atol=1e-6)


def test_broken_off_before_the_first_step_it_keeps_its_beginning(data: Path, tmp_path: Path) -> None:
    out, lessons = tmp_path / "run", Given(made=StartSettings(scenes=6, eye_steps=3, ear_steps=3))

    def breaks(progress: Progress) -> None:
        if progress.stage.startswith("training"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_avs(data, out=out, training=a_training(2), given=lessons, device="cpu", on_progress=breaks)
    heard: list[str] = []
    report = train_avs(data, out=out, device="cpu", on_progress=lambda progress: heard.append(progress.stage))
    assert (report.first_step, report.step) == (1, 2)
    assert "teaching ears" not in heard
    assert any("made timbres" in note for note in report.notes)
    assert json.loads((out / "training.json").read_text())["notes"] == list(report.notes)


def test_a_clip_that_cannot_be_read_costs_no_step(through: Path, data: Path, tmp_path: Path) -> None:
    mine, out = tmp_path / "mine", tmp_path / "run"
    shutil.copytree(data, mine)
    spoilt: dict[Path, bytes] = {}

    def spoil(progress: Progress) -> None:
        if progress.stage.startswith("training, step 3") and not spoilt:
            spoilt.update(
                (frame, frame.read_bytes()) for clip in read_avs(mine, "ms3", "train") for frame in clip.frames
            )
            for frame in spoilt:
                frame.write_bytes(b"no picture")

    with pytest.raises(CannotRead):
        train_avs(mine, out=out, training=a_training(), given=NOTHING, device="cpu", on_progress=spoil)
    assert "Broken off after step 3" in (out / "training.html").read_text()
    for frame, kept in spoilt.items():
        frame.write_bytes(kept)
    assert train_avs(mine, out=out, device="cpu").first_step == 4
    np.testing.assert_allclose(curve(out), curve(through), rtol=0, atol=1e-6)


def test_what_is_done_stays_done_and_other_clips_are_refused(through: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(through, out)
    before = (out / "model.safetensors").read_bytes()
    report = train_avs(data, out=out, device="cpu")
    assert (report.first_step, report.step) == (5, 4)
    assert "<b>Done: 4 steps</b>" in (out / "training.html").read_text()
    assert (out / "model.safetensors").read_bytes() == before
    make_avs(tmp_path / "other", setting="ms3", settings=MadeSettings(clips=20, seed=5, size_px=64, is_moving=False))
    with pytest.raises(UsageError, match="holds other clips than"):
        train_avs(tmp_path / "other", out=out, device="cpu")


def test_words_go_with_what_is_begun_with_them(tmp_path: Path) -> None:
    make_avs(tmp_path / "ov", setting="ov", settings=MadeSettings(clips=20, size_px=64, is_moving=False))
    training = training_of("ov-avss", "ov", "cpu", steps=1, batch=2, size_px=32, validate_clips=2)
    train_avs(tmp_path / "ov", out=tmp_path / "run", training=training, given=Given(start=SHIPPED), device="cpu")
    ours, theirs = read_checkpoint(tmp_path / "run").card, read_checkpoint(SHIPPED).card
    assert ours.names == theirs.names
    assert not ours.needs_clip
    model = Path("words", "model.safetensors")
    assert (tmp_path / "run" / model).read_bytes() == (SHIPPED / model).read_bytes()
    with pytest.raises(UsageError, match="holds ov-avss, and av2ts is to be trained"):
        begun(a_training(), Given(start=SHIPPED), None, None)


def test_small_networks_begin_with_eyes_and_ears_that_were_taught(data: Path, tmp_path: Path) -> None:
    given = Given(made=StartSettings(scenes=6, eye_steps=3, ear_steps=30))
    heard: list[str] = []
    report = train_avs(
        data, out=tmp_path / "run", training=a_training(1), given=given, device="cpu",
        on_progress=lambda progress: heard.append(progress.stage),
    )  # fmt: skip
    assert {"drawing lessons", "teaching ears", "teaching eyes"} <= set(heard)
    assert any("made timbres" in note for note in report.notes)


def test_a_trained_network_is_begun_with(through: Path, data: Path, tmp_path: Path) -> None:
    training = a_training(1)
    report = train_avs(data, out=tmp_path / "run", training=training, given=Given(start=through), device="cpu")
    assert report.losses["total"] != curve(through)[0][2]
    other = training_of("av2ts", "avss", "cpu")
    with pytest.raises(UsageError, match=r"holds av2ts of ms3 .* \(av2ts of avss\)"):
        begun(other, Given(start=through), None, None)


def test_a_set_with_a_missing_picture_is_refused_by_its_name(data: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(data, broken)
    picture = read_avs(broken, "ms3", "train")[3].frames[2]
    picture.unlink()
    with pytest.raises(CannotRead, match=picture.name):
        train_avs(broken, out=tmp_path / "run", training=a_training(), given=NOTHING, device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_set_of_another_setting_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotRead):
        train_avs(data, out=tmp_path / "run", training=training_of("av2ts", "s4", "cpu"), device="cpu")
    with pytest.raises(UsageError, match="av2ts is trained on s4 or ms3 or avss, not on ov"):
        training_of("av2ts", "ov", "cpu")


def test_folders_that_are_taken_are_refused(through: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="holds a training already: go on with --resume"):
        train_avs(data, out=through, training=a_training(), device="cpu")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(CannotWrite, match="new or empty folder"):
        train_avs(data, out=tmp_path / "full", training=a_training(), device="cpu")
    with pytest.raises(UsageError, match="holds no training to go on with"):
        train_avs(data, out=tmp_path / "none", device="cpu")
