"""What a page gives, as the environment says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from avfusion.errors import TooLarge, UsageError
from avfusion.media import limits as in_force
from avfusion.media.limits import USUAL, Limits, enforce
from avfusion.ui.limits import OFF, SETTINGS, brought, page_limits
from tests.ui.making import balls, write_clip


def test_a_space_gives_less_than_a_machine_of_ones_own() -> None:
    own, space = page_limits({}), page_limits({"SPACE_ID": "someone/space"})
    assert page_limits({}, is_shared=True) == space
    for setting in SETTINGS:
        assert getattr(space, setting.field) <= getattr(own, setting.field), setting.variable
    assert own.run_seconds == own.visitor_seconds_per_hour == OFF
    assert space.run_seconds < OFF


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.variable)
def test_each_variable_sets_its_own_limit_alone(setting: object) -> None:
    field, variable = setting.field, setting.variable  # type: ignore[attr-defined]
    changed = page_limits({variable: "7.5"})
    assert getattr(changed, field) == 7.5
    for other in SETTINGS:
        if other.field != field:
            assert getattr(changed, other.field) == getattr(page_limits({}), other.field)
    assert getattr(page_limits({variable: " off "}), field) == OFF
    assert getattr(page_limits({variable: "  "}), field) == getattr(page_limits({}), field)


@pytest.mark.parametrize("nonsense", ["much", "-1", "0", "nan", "inf", "1e999", "10 MB", "1,5", "0x10", "\0"])
def test_nonsense_is_named_in_one_line(nonsense: str) -> None:
    with pytest.raises(UsageError, match=r"^AVFUSION_MAX_SECONDS=.*: not an amount\. Give seconds of .*, or off\.$"):
        page_limits({"AVFUSION_MAX_SECONDS": nonsense})


@pytest.fixture
def _as_before() -> object:
    yield
    enforce(USUAL)


@pytest.mark.usefixtures("_as_before")
def test_what_the_page_says_holds_for_every_file(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", balls(6, 160, 120))
    gigapixels = 160 * 120 * 6 / 1e9
    for variable, amount, said in (
        ("AVFUSION_MAX_GIGAPIXELS", gigapixels, "gigapixels"),
        ("AVFUSION_MAX_PIXELS", 160 * 120, "160 x 120 pixels"),
        ("AVFUSION_MAX_SECONDS", 6 / 25, "seconds long"),
        ("AVFUSION_MAX_UPLOAD_MB", clip.stat().st_size / 1e6, "MB are taken"),
    ):
        enforce(page_limits({variable: str(amount * 1.01)}).of_files)
        assert brought(clip).frame_count == 6
        enforce(page_limits({variable: str(amount * 0.99)}).of_files)
        with pytest.raises(TooLarge, match=said):
            brought(clip)


@pytest.mark.usefixtures("_as_before")
def test_a_limit_that_is_named_is_not_the_one_in_force() -> None:
    enforce(Limits(pixels=10))
    assert Limits().pixels == 10
    assert Limits(pixels=20).pixels == 20
    assert Limits().frames == USUAL.frames
    assert in_force.USUAL.pixels == 8192 * 8192
