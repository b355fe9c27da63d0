"""Losses over clips: of one picture those of pictures, and a thing is one over all that somebody annotated."""

import pytest
import torch

from avfusion.sounding.networks.losses import LossSettings, layer_losses
from avfusion.sounding.networks.matching import Costs, Target
from avfusion.sounding.networks.ov_losses import Tubes, match_tubes, tubes_of, video_losses

SETTINGS = LossSettings(points=60)


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def prediction(clips: int, pictures: int, layers: int = 1) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    drawn = dice(3)
    classes = [torch.randn(clips, 5, 4, generator=drawn).requires_grad_() for _ in range(layers)]
    masks = [torch.randn(clips, 5, pictures, 8, 8, generator=drawn).requires_grad_() for _ in range(layers)]
    return classes, masks


def labels_of(clips: int, pictures: int) -> torch.Tensor:
    return torch.randint(0, 4, (clips, pictures, 16, 16), generator=dice(1), dtype=torch.uint8).clamp(max=3)


def test_things_are_classes_that_are_annotated_and_no_background() -> None:
    labels = torch.zeros(3, 2, 2, 2, dtype=torch.uint8)
    labels[0, 0, 0] = torch.tensor([5, 255])
    labels[0, 1, 1] = torch.tensor([9, 5])
    labels[1] = 7
    annotated = torch.tensor([[True, True], [False, False], [True, False]])
    tubes = tubes_of(labels, annotated, one_class=False)
    assert tubes.counts == (2, 0, 0)
    assert tubes.classes[0].tolist() == [5, 9]
    assert tubes.masks[0, 0].nonzero().tolist() == [[0, 0, 0], [1, 1, 1]]
    assert tubes.masks[0, 1].nonzero().tolist() == [[1, 1, 0]]
    assert tubes_of(labels, annotated, one_class=True).classes[0].tolist() == [0, 0]
    first_alone = tubes_of(labels, torch.tensor([[True, False]] * 3), one_class=False)
    assert first_alone.classes[0].tolist()[: first_alone.counts[0]] == [5]


def test_clips_of_one_picture_cost_what_pictures_cost() -> None:
    (classes,), (masks,) = prediction(3, 1)
    labels = labels_of(3, 1)
    known = torch.ones(3, 1, dtype=torch.bool)
    ours = video_losses([classes], [masks], tubes_of(labels, known, one_class=False), known, SETTINGS, dice=dice())
    targets = [
        Target(torch.arange(1, 4), torch.stack([(picture[0] == number).float() for number in (1, 2, 3)]))
        for picture in labels
    ]
    theirs = layer_losses(classes, masks[:, :, 0], targets, SETTINGS, dice=dice())
    for part, loss in theirs.items():
        torch.testing.assert_close(ours[part], loss)
    weighed = 2 * theirs["class"] + 5 * theirs["mask"] + 5 * theirs["dice"]
    torch.testing.assert_close(ours["total"], weighed)


def flat_prediction(layers: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Masks that are the same everywhere in a picture, so that it does not matter where points fall, but for the rim of
    half a pixel beyond which they are 0."""
    classes, masks = prediction(2, 3, layers)
    return classes, [(layer.detach()[..., :1, :1] * 0.2).expand(-1, -1, -1, 256, 256) for layer in masks]


def flat_labels() -> torch.Tensor:
    """In each picture one thing or none, everywhere."""
    return torch.tensor([[1, 1, 2], [0, 3, 3]], dtype=torch.uint8)[:, :, None, None].expand(-1, -1, 16, 16)


def test_layers_add_up_and_the_order_of_clips_means_nothing() -> None:
    classes, masks = flat_prediction(3)
    known = torch.ones(2, 3, dtype=torch.bool)
    tubes = tubes_of(flat_labels(), known, one_class=False)
    whole = video_losses(classes, masks, tubes, known, SETTINGS, dice=dice())
    parts = [video_losses(classes[n : n + 1], masks[n : n + 1], tubes, known, SETTINGS, dice=dice()) for n in range(3)]
    turned = video_losses(
        [layer.flip(0) for layer in classes], [layer.flip(0) for layer in masks],
        tubes_of(flat_labels().flip(0), known, one_class=False), known, SETTINGS, dice=dice(),
    )  # fmt: skip
    for name in ("class", "mask", "dice", "total"):
        torch.testing.assert_close(whole[name], sum(part[name] for part in parts), rtol=2e-3, atol=0)
        torch.testing.assert_close(whole[name], turned[name], rtol=2e-3, atol=0)


def test_a_thing_is_judged_as_one_over_its_pictures() -> None:
    """By hand: one thing in both of the annotated pictures of three, covering all of the first and none of the other;
    the likelihood of a pixel is a in the first and b in the other. With this seed no point falls on the rim."""
    a, b = 0.8, 0.4
    masks = torch.tensor([a, b, 0.5]).logit()[None, None, :, None, None].expand(1, 1, 3, 1000, 1000)
    labels = torch.zeros(1, 3, 1000, 1000, dtype=torch.uint8)
    labels[0, 0] = 6
    known = torch.tensor([[True, True, False]])
    losses = video_losses(
        [torch.zeros(1, 1, 2)],
        [masks],
        tubes_of(labels, known, one_class=True),
        known,
        LossSettings(points=12),
        dice=dice(),
    )
    surprise = -(torch.tensor(a).log() + torch.tensor(1 - b).log()) / 2
    torch.testing.assert_close(losses["mask"], surprise, rtol=1e-4, atol=0)
    # The code adds means over points and pictures up, and the 1 that keeps a quotient of nothing is worth a point.
    assert losses["dice"].item() == pytest.approx(1 - (2 * a + 1 / 12) / (a + b + 1 + 1 / 12), rel=1e-4)
    torch.testing.assert_close(losses["class"], torch.tensor(2.0).log())


def test_what_nobody_annotated_counts_for_nothing() -> None:
    classes, masks = prediction(3, 4, 2)
    labels = labels_of(3, 4)
    known = torch.tensor([[True, False, True, False], [False] * 4, [False, True, False, False]])
    losses = [
        video_losses(classes, masks, tubes_of(told, known, one_class=True), known, SETTINGS, dice=dice())["total"]
        for told in (labels, torch.where(known[:, :, None, None], labels, 3 - labels))
    ]
    assert losses[0].item() == losses[1].item()
    losses[0].backward()
    for layer in masks:
        assert layer.grad is not None
        felt = layer.grad.flatten(3).any(3).any(1)
        assert torch.equal(felt, known)
    assert [layer.grad is not None and bool(layer.grad[1].any()) for layer in classes] == [False, False]


@pytest.mark.parametrize("known", [True, False])
def test_silent_clips_teach_that_nothing_sounds(known: bool) -> None:
    classes, masks = prediction(2, 3)
    annotated = torch.full((2, 3), known)
    silent = tubes_of(torch.zeros(2, 3, 16, 16, dtype=torch.uint8), annotated, one_class=True)
    losses = video_losses(classes, masks, silent, annotated, SETTINGS, dice=dice())
    losses["total"].backward()
    assert (losses["class"].item() > 0) is known
    assert losses["mask"].item() == losses["dice"].item() == losses["cosine"].item() == 0


def test_the_query_is_matched_that_is_right_for_most_of_the_clip() -> None:
    true = torch.zeros(1, 1, 5, 16, 16, dtype=torch.bool)
    true[..., :8, :] = True
    small = torch.where(true[0, 0, 0, ::2, ::2], 4.0, -4.0)
    masks = torch.stack(
        [torch.stack([sign * small for sign in signs]) for signs in ((1, 1, -1, -1, -1), (-1, 1, 1, 1, 1))]
    )
    tubes = Tubes(torch.zeros(1, 1, dtype=torch.int64), true, (1,))
    said = torch.zeros(1, 1, 2, 2)
    for known, best in (([True] * 5, 1), ([True, True, False, False, False], 0)):
        annotated = torch.tensor([known])
        if best == 0:
            annotated[0, 1] = False
        ((queries, which),) = match_tubes(said, [masks[None]], tubes, annotated, costs=Costs(), points=50, dice=dice())
        assert (queries.tolist(), which.tolist()) == ([best], [0])
