"""A training that is killed goes on from its last checkpoint."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from avfusion.errors import CannotRead
from avfusion.pipelines.train_voice import TrainingSettings, train_voice
from avfusion.voice.train_so_vits_checkpoints import last_step, read_losses
from avfusion.voice.train_so_vits_start import Start
from tests.cli.test_train import recordings, tiny_config
from tests.voice.tiny_so_vits import tiny_hubert
from tests.voice.tiny_voices import pulled

_TRAIN = """
import sys
from avfusion.pipelines.train_voice import TrainingSettings, train_voice
speech, out, config = sys.argv[1:]
train_voice(speech, out=out, config=config, settings=TrainingSettings(steps=1000, batch=1, save_every=2, clusters=4))
"""


def test_what_is_wrong_is_named_before_a_download_is_asked_for(tmp_path: Path) -> None:
    """The content encoder is not here."""
    speech, wrong = recordings(tmp_path / "speech", 5), tmp_path / "wrong.json"
    wrong.write_text("{")
    with pytest.raises(CannotRead, match=r"wrong\.json: cannot be read"):
        train_voice(speech, out=tmp_path / "model", config=wrong)
    with pytest.raises(CannotRead, match=r"wrong\.json: "):
        train_voice(speech, out=tmp_path / "model", start=Start(wrong))
    assert not (tmp_path / "model").exists()


@pytest.mark.proof
def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    pulled("so-vits", tiny_hubert)
    speech, out = recordings(tmp_path / "speech", 5), tmp_path / "model"
    words = [sys.executable, "-c", _TRAIN, str(speech), str(out), str(tiny_config(tmp_path))]
    running = subprocess.Popen(words, env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        deadline_s = time.monotonic() + 120
        while not (out / "G_2.pth").is_file():
            assert running.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        while len(read_losses(out)) < 3 and time.monotonic() < deadline_s:
            time.sleep(0.05)
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    (out / ".G_4-0badcafe.part.pth").write_bytes(b"as far as it came")
    reached = last_step(out)
    assert reached is not None
    known = {row.step: row for row in read_losses(out)}
    assert max(known) > reached or reached > 2, "it was killed between two checkpoints"

    report = train_voice(
        speech, out=out, resume=True, settings=TrainingSettings(steps=reached + 1, batch=1, save_every=50)
    )
    assert (report.first_step, report.step) == (reached + 1, reached + 1)
    after = read_losses(out)
    assert [row.step for row in after] == list(range(1, reached + 2))
    assert [known[row.step] for row in after[:reached]] == list(after[:reached]), "what was learnt before stays told"
    assert report.losses == after[-1]
    assert report.clusters == out / "kmeans.pt"
    assert not list(out.glob(".*"))
    for path in out.glob("*.pth"):  # half a gigabyte
        path.unlink()
