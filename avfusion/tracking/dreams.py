"""Pictures of what a frame might have looked like: the object and what is behind it moved, bent, relit, hidden in part.

After A. Khoreva et al., "Lucid Data Dreaming for Video Object Segmentation", 2017 (IJCV 2019), made on tensors so that
a batch costs less than the step that learns from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor, device


@dataclass(frozen=True)
class DreamSettings:
    """Shares are of the window's shorter side; chances in 0..1."""

    apart: float = 0.6
    flip: float = 0.25
    shift: float = 0.15
    turn_rad: float = 0.25
    zoom: float = 0.2
    bend: float = 0.03
    relight: float = 0.2
    hide: float = 0.25
    blur: float = 0.25
    slip: float = 0.04
    lose: float = 0.5
    add: float = 0.5
    blind: float = 0.1


@dataclass(frozen=True, eq=False)
class Source:
    """A key frame's surroundings of the object, float32.

    picture, behind: [3, H, W] Y, U, V in 0..1, as it is and with the object painted over; cover: [1, H, W], the object.
    middle: where windows are cut, (x, y) in pixels of it.
    """

    picture: Tensor
    behind: Tensor
    cover: Tensor
    middle: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Batch:
    """pictures [n, 3, h, w]; guess, truth [n, 1, h, w], all in 0..1."""

    pictures: Tensor
    guess: Tensor
    truth: Tensor


def dream(
    source: Source,
    count: int,
    size: tuple[int, int],
    settings: DreamSettings,
    random: Generator,
    *,
    blind: bool = True,
) -> Batch:
    """`count` dreams of `size` (height, width) pixels. blind: some come without any guess."""
    import torch

    throw = _Dice(random, count, source.picture.device)
    camera, own = _motions(throw, source, size, settings)
    ground = torch.cat([source.picture, source.behind, source.cover]).expand(count, -1, -1, -1)
    scene = _sample(ground, camera)
    thing = _sample(torch.cat([source.picture, source.cover]).expand(count, -1, -1, -1), own)
    apart = throw.chance(settings.apart)
    cover = torch.where(apart, thing[:, 3:], scene[:, 6:])
    behind = torch.where(apart, scene[:, 3:6], scene[:, :3])
    front = torch.where(apart, thing[:, :3], scene[:, :3])
    pictures = cover * _relit(front, throw, settings) + (1 - cover) * _relit(behind, throw, settings)
    hidden = throw.blotches(size, 0.12) * throw.chance(settings.hide)
    other = _sample(source.behind.expand(count, -1, -1, -1), _anywhere(throw, source, size))
    pictures = hidden * _relit(other, throw, settings) + (1 - hidden) * pictures
    cover = cover * (1 - hidden)
    pictures = _relit(pictures, throw, settings)
    pictures = torch.where(throw.chance(settings.blur), _blurred(pictures, 3), pictures)
    pictures = pictures + 0.01 * throw.normal(1, *size)
    guess = _guess(cover, throw, size, settings)
    return Batch(pictures, guess * ~throw.chance(settings.blind if blind else 0), cover)


class _Dice:
    """Random numbers for `count` dreams, from one generator, so that a seed gives the same dreams on every device."""

    def __init__(self, random: Generator, count: int, device: device) -> None:
        self._random, self._count, self._device = random, count, device

    def normal(self, *shape: int) -> Tensor:
        import torch

        return torch.randn(self._count, *shape, generator=self._random).to(self._device)

    def chance(self, share: float) -> Tensor:
        """True for this share of dreams, bool [n, 1, 1, 1]."""
        import torch

        return (torch.rand(self._count, 1, 1, 1, generator=self._random) < share).to(self._device)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        import torch

        return (low + (high - low) * torch.rand(self._count, *shape, generator=self._random)).to(self._device)

    def smooth(self, channels: int, size: tuple[int, int], cells: int) -> Tensor:
        """Smooth noise of about unit spread, [n, channels, *size]."""
        from torch.nn import functional

        half_way = (-(-size[0] // 8), -(-size[1] // 8))
        coarse = functional.interpolate(
            self.normal(channels, cells, cells), size=half_way, mode="bicubic", align_corners=True
        )
        return functional.interpolate(coarse, size=size, mode="bilinear", align_corners=True)

    def blotches(self, size: tuple[int, int], share: float) -> Tensor:
        """Soft blobs that cover about this share of a picture, [n, 1, *size] in 0..1."""
        level = math.sqrt(2) * float(_erfinv(1 - 2 * share))
        return ((self.smooth(1, size, 6) - 0.75 * level) * 12).sigmoid()


def _erfinv(value: float) -> float:
    import torch

    return float(torch.erfinv(torch.tensor(value)))


def _motions(throw: _Dice, source: Source, size: tuple[int, int], settings: DreamSettings) -> tuple[Tensor, Tensor]:
    """Places in the source, in pixels [n, h, w, 2], for each pixel of the dream: of the camera, and of the object."""
    import torch

    height, width = size
    side = min(size)
    device = source.picture.device
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    grid = torch.stack([x - (width - 1) / 2, y - (height - 1) / 2], -1).float()
    flip = 1 - 2 * throw.chance(settings.flip).float().view(-1, 1, 1, 1)
    grid = torch.cat([grid[..., :1] * flip, (grid[..., 1:]).expand(flip.shape[0], -1, -1, -1)], -1)
    middle = torch.tensor(source.middle, device=device)
    camera = _moved(grid, throw, side, settings) + middle
    own = _moved(grid, throw, side, settings) + middle
    for cells, share in ((4, settings.bend), (8, settings.bend / 2)):
        own = own + side * share * throw.smooth(2, size, cells).permute(0, 2, 3, 1)
    camera = camera + side * settings.bend * 0.7 * throw.smooth(2, size, 4).permute(0, 2, 3, 1)
    return camera, own


def _moved(grid: Tensor, throw: _Dice, side: int, settings: DreamSettings) -> Tensor:
    import torch

    angle = settings.turn_rad * throw.normal(1, 1).clamp(-2, 2) * 0.6
    zoom = torch.exp(settings.zoom * throw.normal(1, 1).clamp(-2, 2) * 0.6)
    aspect = torch.exp(0.3 * settings.zoom * throw.normal(1, 1).clamp(-2, 2))
    x, y = grid[..., 0], grid[..., 1]
    across = zoom * aspect * (angle.cos() * x - angle.sin() * y)
    down = zoom / aspect * (angle.sin() * x + angle.cos() * y)
    shift = side * settings.shift * throw.normal(1, 1, 2).clamp(-2, 2)
    return torch.stack([across, down], -1) + shift


def _anywhere(throw: _Dice, source: Source, size: tuple[int, int]) -> Tensor:
    """Places of a window that lies somewhere in the source, and may be upside down."""
    import torch

    height, width = size
    device = source.picture.device
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    grid = torch.stack([x - (width - 1) / 2, y - (height - 1) / 2], -1).float()
    _, high, wide = source.picture.shape
    angle = throw.uniform(-math.pi, math.pi, 1, 1)
    across = angle.cos() * grid[..., 0] - angle.sin() * grid[..., 1]
    down = angle.sin() * grid[..., 0] + angle.cos() * grid[..., 1]
    place = throw.uniform(0, 1, 1, 1, 2) * torch.tensor([wide, high], device=device)
    return torch.stack([across, down], -1) + place


def _sample(values: Tensor, places: Tensor) -> Tensor:
    """values [n, c, H, W] at places [n, h, w, 2] in pixels; what lies outside is mirrored."""
    import torch
    from torch.nn import functional

    height, width = values.shape[-2:]
    scale = torch.tensor([2 / width, 2 / height], device=values.device)
    return functional.grid_sample(
        values, (places + 0.5) * scale - 1, mode="bilinear", padding_mode="reflection", align_corners=False
    )


def _relit(pictures: Tensor, throw: _Dice, settings: DreamSettings) -> Tensor:
    """Brightness, contrast, tint, and a smooth shadow."""
    import torch

    strength = settings.relight
    gain = torch.exp(strength * throw.normal(1, 1, 1) * 0.7)
    shade = torch.exp(strength * 0.7 * throw.smooth(1, (pictures.shape[-2], pictures.shape[-1]), 3) * throw.chance(0.5))
    luma = (pictures[:, :1] - 0.5) * gain * shade + 0.5 + 0.3 * strength * throw.normal(1, 1, 1)
    tint = 0.5 + (pictures[:, 1:] - 0.5) * torch.exp(strength * throw.normal(1, 1, 1))
    tint = tint + 0.06 * strength * throw.normal(2, 1, 1)
    return torch.cat([luma, tint], 1)


def _blurred(values: Tensor, size_px: int) -> Tensor:
    from torch.nn import functional

    return functional.avg_pool2d(values, size_px, 1, size_px // 2, count_include_pad=False)


def _guess(cover: Tensor, throw: _Dice, size: tuple[int, int], settings: DreamSettings) -> Tensor:
    """The truth as a tracker might see it: slipped, grown or shrunk, with parts lost and ground taken along."""
    import torch
    from torch.nn import functional

    height, width = size
    side = min(size)
    device = cover.device
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    grid = torch.stack([x, y], -1).float()
    wobble = 0.5 * settings.slip * throw.smooth(2, size, 6).permute(0, 2, 3, 1)
    slip = settings.slip * throw.normal(1, 1, 2) * throw.uniform(0, 1.5, 1, 1, 1)
    guess = _sample(cover, grid + side * (slip + wobble))
    near = functional.max_pool2d(guess, 17, 4, 8)
    near = functional.interpolate(near, size=size, mode="bilinear")
    guess = guess * (1 - throw.blotches(size, 0.2) * throw.chance(settings.lose))
    added = throw.blotches(size, 0.2) * near * throw.chance(settings.add)
    guess = torch.maximum(guess, added)
    soft = _blurred(_blurred(guess, 5), 5)
    grown = ((soft - throw.uniform(0.2, 0.8, 1, 1, 1)) * 10).sigmoid()
    return torch.where(throw.chance(0.5), grown, guess)
