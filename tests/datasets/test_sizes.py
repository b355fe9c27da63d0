"""What belongs to one frame is of one size, or of the benchmark's; whatever else is refused with its file and sizes."""

from pathlib import Path

import pytest
from PIL import Image

from avfusion.datasets.sizes import check_predictions, check_truths
from avfusion.datasets.truth import CodedMasks, NumberPicture, Truth
from avfusion.errors import CannotRead, MaskSizeMismatch


def picture(path: Path, size: tuple[int, int]) -> Path:
    Image.new("L", size).save(path)
    return path


@pytest.mark.parametrize("is_coded", [False, True])
@pytest.mark.parametrize(
    ("size", "or_benchmark", "is_right"),
    [((40, 30), False, True), ((30, 40), False, False), ((224, 224), False, False), ((224, 224), True, True),
     ((30, 40), True, False)],
)  # fmt: skip
def test_a_truth_is_of_its_picture_s_size(
    tmp_path: Path, is_coded: bool, size: tuple[int, int], or_benchmark: bool, is_right: bool
) -> None:
    frame = picture(tmp_path / "frame.png", (40, 30))
    source = tmp_path / "truth.png"
    truth: Truth = CodedMasks(source, *size, ()) if is_coded else NumberPicture(picture(source, size))
    if is_right:
        check_truths([(frame, truth), (frame, None)], or_benchmark=or_benchmark)
        return
    with pytest.raises(MaskSizeMismatch) as caught:
        check_truths([(frame, truth)], or_benchmark=or_benchmark)
    said = str(caught.value)
    assert said.startswith(f"{source}: ")
    assert f"{size[0]} x {size[1]}" in said
    assert "frame.png 40 x 30" in said


def test_a_prediction_is_of_the_truth_s_size(tmp_path: Path) -> None:
    truth = NumberPicture(picture(tmp_path / "truth.png", (40, 30)))
    wrong, small = picture(tmp_path / "wrong.png", (80, 60)), picture(tmp_path / "small.png", (224, 224))
    check_predictions([(wrong, None), (truth.path, truth)])
    check_predictions([(small, truth)], or_benchmark=True)
    for path, or_benchmark in ((wrong, True), (small, False)):
        with pytest.raises(MaskSizeMismatch, match=rf"{path.name}: the prediction has \d+ x \d+ .* 40 x 30"):
            check_predictions([(path, truth)], or_benchmark=or_benchmark)


def test_what_is_no_picture_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no")
    with pytest.raises(CannotRead, match=r"no.png: not a picture"):
        check_truths([(tmp_path / "no.png", NumberPicture(tmp_path / "no.png"))])
