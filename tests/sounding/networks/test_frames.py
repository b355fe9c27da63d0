"""Attention over time in the pictures: guided by the sound's scores, place by place, for any number of pictures."""

import pytest
import torch

from avfusion.sounding.networks.frames import attend_in_time, draw_frames, draw_projection, project
from tests.sounding.networks.loosened import loosened, unused


def weights(*, own_scores: bool = False) -> dict[str, torch.Tensor]:
    return loosened(draw_frames(torch.Generator().manual_seed(0), "level", 16, own_scores=own_scores))


def level(pictures: int) -> torch.Tensor:
    return torch.randn(pictures, 16, 3, 5, generator=torch.Generator().manual_seed(1))


def scores(clips: int, pictures: int) -> torch.Tensor:
    return torch.randn(clips, 4, pictures, pictures, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("pictures", [1, 2, 5, 10])
@pytest.mark.parametrize("own_scores", [False, True])
def test_any_number_of_pictures(pictures: int, own_scores: bool) -> None:
    when = None if own_scores else scores(2, pictures)
    x = level(2 * pictures)
    found = attend_in_time(weights(own_scores=own_scores), "level", x, when, pictures=pictures, heads=4)
    assert found.shape == x.shape
    first = attend_in_time(
        weights(own_scores=own_scores),
        "level",
        x[:pictures],
        None if when is None else when[:1],
        pictures=pictures,
        heads=4,
    )
    torch.testing.assert_close(found[:pictures], first)


@pytest.mark.parametrize("own_scores", [False, True])
def test_places_do_not_mix(own_scores: bool) -> None:
    when = None if own_scores else scores(1, 4)
    drawn, x = weights(own_scores=own_scores), level(4)
    whole = attend_in_time(drawn, "level", x, when, pictures=4, heads=4)
    part = attend_in_time(drawn, "level", x[:, :, 1:2, 3:], when, pictures=4, heads=4)
    torch.testing.assert_close(whole[:, :, 1:2, 3:], part)


def test_the_sound_says_which_moment_is_looked_at() -> None:
    """A moment that is far ahead in every row is all that is seen: the others may be anything."""
    when = torch.zeros(1, 4, 3, 3)
    when[..., 2] = 1e4
    x = level(3)
    changed = x.clone()
    changed[1] = -changed[1]
    one, other = (attend_in_time(weights(), "level", part, when, pictures=3, heads=4) for part in (x, changed))
    torch.testing.assert_close(one[0], other[0])
    even = torch.zeros_like(when)
    one, other = (attend_in_time(weights(), "level", part, even, pictures=3, heads=4) for part in (x, changed))
    assert not torch.allclose(one[0], other[0], atol=1e-3)


def test_scores_are_scaled_by_a_head_of_the_pictures() -> None:
    """Equal to a block whose own queries and keys give the same scores: those that are scaled by sqrt(16 / 4)."""
    own = weights(own_scores=True)
    x = level(3)[..., :1, :1]
    normed = torch.nn.functional.layer_norm(x[..., 0, 0], (16,), own["level.norm1.weight"], own["level.norm1.bias"])
    q, k = (normed @ own[f"level.{part}.weight"].T + own[f"level.{part}.bias"] for part in ("query", "key"))
    when = torch.einsum("thd,shd->hts", q.unflatten(1, (4, 4)), k.unflatten(1, (4, 4)))[None]
    by_itself = attend_in_time(own, "level", x, None, pictures=3, heads=4)
    torch.testing.assert_close(attend_in_time(own, "level", x, when, pictures=3, heads=4), by_itself)


def test_every_weight_is_used() -> None:
    for own_scores in (False, True):
        drawn = weights(own_scores=own_scores) | loosened(draw_projection(torch.Generator(), "to", 8, 16))
        drawn = {name: part.requires_grad_() for name, part in drawn.items()}
        x = project(drawn, "to", torch.randn(4, 8, 2, 2, generator=torch.Generator().manual_seed(0)))
        attend_in_time(
            drawn, "level", x, None if own_scores else scores(1, 4), pictures=4, heads=4
        ).square().sum().backward()
        assert unused(drawn) == []
