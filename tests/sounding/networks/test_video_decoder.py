"""The decoder over clips: over one picture and without a sound the same as over pictures, and what the sound does."""

from dataclasses import replace

import torch

from avfusion.sounding.networks.layers import Drawn
from avfusion.sounding.networks.masked_decoder import MaskedDecoderConfig, decode_masks
from avfusion.sounding.networks.video_decoder import VideoDecoderConfig, _sound_places, decode_video, draw_video_decoder
from tests.sounding.networks.loosened import loosened, unused

TINY = VideoDecoderConfig(classes=2, queries=5, width=16, layers=4, hidden=24, heads=4, levels=3, heard=6, pictures=3)


def weights() -> Drawn:
    return loosened(draw_video_decoder(torch.Generator().manual_seed(0), "masks", TINY))


def inputs(clips: int, pictures: int) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
    dice = torch.Generator().manual_seed(1)
    memories = [torch.randn(clips, pictures, 16, *side, generator=dice) for side in ((2, 3), (4, 6), (8, 12))]
    fine = torch.randn(clips, pictures, 16, 16, 24, generator=dice)
    return memories, fine, torch.randn(clips, pictures, 6, generator=dice)


def test_of_one_picture_without_a_sound_it_says_what_the_decoder_of_pictures_says() -> None:
    """Sound that adds nothing leaves a norm behind, which a norm before it has made needless."""
    ours = weights()
    for name in ours:
        if "heard" in name or "first" in name or "norm2" in name:
            plain = torch.ones if name.endswith("norm.weight") or name.endswith("norm2.weight") else torch.zeros
            ours[name] = plain(ours[name].shape)
    # What the queries look at first leaves a norm too, which the queries of the other get before.
    normed = torch.nn.functional.layer_norm(ours["masks.queries"], (16,))
    config = MaskedDecoderConfig(classes=2, queries=5, width=16, layers=4, hidden=24, heads=4, levels=3)
    memories, fine, heard = inputs(2, 1)
    found = decode_video(ours, "masks", TINY, memories, fine, heard)
    wanted = decode_masks(
        {**ours, "masks.queries": normed}, "masks", config, [memory[:, 0] for memory in memories], fine[:, 0]
    )
    for masks, theirs in zip(found.masks, wanted.masks, strict=True):
        torch.testing.assert_close(masks[:, :, 0], theirs, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found.classes[-1], wanted.classes[-1], rtol=1e-3, atol=1e-3)


def test_a_query_has_masks_in_all_pictures_and_clips_do_not_mix() -> None:
    memories, fine, heard = inputs(3, 4)
    found = decode_video(weights(), "masks", TINY, memories, fine, heard)
    assert found.masks[-1].shape == (3, 5, 4, 16, 24)
    order = [2, 0, 1]
    turned = decode_video(weights(), "masks", TINY, [memory[order] for memory in memories], fine[order], heard[order])
    torch.testing.assert_close(found.masks[-1][order], turned.masks[-1], rtol=1e-3, atol=1e-3)


def test_the_sound_of_one_picture_is_heard_in_all_and_in_its_place() -> None:
    memories, fine, heard = inputs(1, 3)
    masks = decode_video(weights(), "masks", TINY, memories, fine, heard).masks
    louder = decode_video(weights(), "masks", TINY, memories, fine, heard * torch.tensor([1, 1, 3.0])[:, None]).masks
    turned = decode_video(weights(), "masks", TINY, memories, fine, heard.flip(1)).masks
    for other in (louder, turned):
        assert not torch.allclose(masks[0][:, :, 0], other[0][:, :, 0], atol=1e-3)
        assert not torch.allclose(masks[-1], other[-1], atol=1e-3)


def test_places_of_the_sound_are_stretched_over_clips_of_other_lengths() -> None:
    learnt = torch.tensor([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]])
    assert _sound_places(learnt, 3) is learnt
    torch.testing.assert_close(_sound_places(learnt, 1), learnt[1:2])
    ten = _sound_places(learnt, 10)
    assert bool((ten[1:, 0] >= ten[:-1, 0]).all())
    torch.testing.assert_close(ten[[0, 9]], learnt[[0, 2]])
    torch.testing.assert_close(ten[:, 1], torch.full((10,), 5.0))


def test_full_size() -> None:
    config = VideoDecoderConfig()
    drawn = {name: tensor.to("meta") for name, tensor in draw_video_decoder(torch.Generator(), "m", config).items()}
    memories = [torch.empty(1, 10, 256, side, side, device="meta") for side in (11, 22, 44)]
    heard = torch.empty(1, 10, 128, device="meta")
    found = decode_video(drawn, "m", config, memories, torch.empty(1, 10, 256, 88, 88, device="meta"), heard)
    assert len(found.masks) == 10
    assert found.masks[-1].shape == (1, 100, 10, 88, 88)
    assert found.classes[-1].shape == (1, 100, 2)


def test_every_weight_is_used() -> None:
    drawn = {name: tensor.requires_grad_() for name, tensor in weights().items()}
    found = decode_video(drawn, "masks", replace(TINY), *inputs(2, 3))
    (found.masks[-1].square().sum() + found.classes[-1].square().sum()).backward()
    assert unused(drawn) == []
