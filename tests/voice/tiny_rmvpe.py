"""RMVPE's network of any size with weights anyone can draw again, and as a module of torch's own layers."""

from functools import cache
from pathlib import Path

import torch
from torch import nn

from avfusion.voice.rmvpe_network import BINS, RmvpeConfig, tensor_shapes
from tests.voice.tiny_rvc import seeded

TINY = RmvpeConfig(mels=16, depth=2, between=2, blocks=2, channels=4, hidden=8)


@cache
def weights(config: RmvpeConfig = TINY) -> dict[str, torch.Tensor]:
    found = {name: seeded(name, shape) for name, shape in tensor_shapes(config).items()}
    return found | {name: weight.abs() + 0.1 for name, weight in found.items() if name.endswith("running_var")}


def save_rmvpe(path: Path, config: RmvpeConfig = TINY) -> Path:
    """In half precision, as it is published."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = {name: weight.half() if weight.is_floating_point() else weight for name, weight in weights(config).items()}
    torch.save(held, path)
    return path


class Block(nn.Module):
    def __init__(self, size: int, out: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (size, out):
            layers += [nn.Conv2d(width, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
        self.conv = nn.Sequential(*layers)
        if size != out:
            self.shortcut = nn.Conv2d(size, out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)


def row(size: int, out: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(Block(size, out), *(Block(out, out) for _ in range(blocks - 1)))


class Part(nn.Module):
    """Something with named parts, for their names."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


class Reference(nn.Module):
    """The same network, of layers that know their own sizes."""

    def __init__(self, config: RmvpeConfig) -> None:
        super().__init__()
        widths = [config.channels * 2**layer for layer in range(config.depth + 1)]
        down = [Part(conv=row(size, out, config.blocks)) for size, out in zip([1, *widths], widths[:-1], strict=False)]
        low = [
            Part(conv=row(widths[-1] if layer else widths[-2], widths[-1], config.blocks))
            for layer in range(config.between)
        ]
        up = [
            Part(
                conv1=nn.Sequential(
                    nn.ConvTranspose2d(2 * out, out, 3, stride=2, padding=1, output_padding=1, bias=False),
                    nn.BatchNorm2d(out),
                    nn.ReLU(),
                ),
                conv2=row(2 * out, out, config.blocks),
            )
            for out in reversed(widths[:-1])
        ]
        self.unet = Part(
            encoder=Part(bn=nn.BatchNorm2d(1), layers=nn.ModuleList(down)),
            intermediate=Part(layers=nn.ModuleList(low)),
            decoder=Part(layers=nn.ModuleList(up)),
        )
        self.cnn = nn.Conv2d(widths[0], 3, 3, padding=1)
        gru = nn.GRU(3 * config.mels, config.hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Sequential(Part(gru=gru), nn.Linear(2 * config.hidden, BINS))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        x = self.unet.encoder.bn(mel.unsqueeze(1))
        passed = []
        for part in self.unet.encoder.layers:
            x = part.conv(x)
            passed.append(x)
            x = nn.AvgPool2d(2)(x)
        for part in self.unet.intermediate.layers:
            x = part.conv(x)
        for part, beside in zip(self.unet.decoder.layers, reversed(passed), strict=True):
            x = part.conv2(torch.cat([part.conv1(x), beside], dim=1))
        x = self.cnn(x)
        rows = torch.cat([x[:, number] for number in range(3)], dim=2)
        return torch.sigmoid(self.fc[1](self.fc[0].gru(rows)[0]))
