"""What an RVC checkpoint says of its network, and the name and shape of every tensor that follows from it.

The layout is that of RVC v1 and v2 voices: a VITS without text (J. Kim et al., ICML 2021) on content features, whose
decoder is HiFi-GAN (J. Kong et al., NeurIPS 2020), with a sine source where the voice follows a pitch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from avfusion.voice.layers import Shape, conv_shapes

FRAMES_A_SECOND = 100
PITCH_BINS = 256
WINDOW = 10
"""How many frames to either side attention knows apart."""

COUPLINGS = 4
FLOW_LAYERS = 3
_FLOW_KERNEL = 5
_ENDS_KERNEL = 7
FEATURES = {"v1": 256, "v2": 768}
_ENTRIES = 18
# What no voice exceeds: a config with more in it is damaged, and shall not fill the memory.
_MOST = 8192
_MOST_LAYERS = 64


@dataclass(frozen=True)
class RvcConfig:
    """Sizes of one voice's network, in the terms of its checkpoint. features: of one content frame (256 or 768)."""

    version: str
    follows_pitch: bool
    inter: int
    hidden: int
    filter: int
    heads: int
    layers: int
    kernel: int
    block_kernels: tuple[int, ...]
    block_dilations: tuple[tuple[int, ...], ...]
    rates: tuple[int, ...]
    first_channels: int
    rate_kernels: tuple[int, ...]
    speakers: int
    speaker_size: int
    rate_hz: int

    @property
    def features(self) -> int:
        return FEATURES[self.version]

    @property
    def hop(self) -> int:
        """Samples of one frame."""
        return math.prod(self.rates)

    def channels(self, stage: int) -> int:
        """After `stage` stages of upsampling."""
        return self.first_channels // 2**stage


def config_of(values: object, *, version: object, follows_pitch: bool) -> RvcConfig:
    """The 18 positional values of a checkpoint's `config`. Raises ValueError with the reason in a few words."""
    if not isinstance(values, list | tuple) or len(values) != _ENTRIES:
        raise ValueError(f"its config has not the {_ENTRIES} entries of an RVC voice")
    if version not in FEATURES:
        raise ValueError(f"its version is {version!r}; known are {', '.join(FEATURES)}")
    if str(values[9]) != "1":
        raise ValueError(f"its decoder has residual blocks of kind {values[9]!r}; known is '1'")
    config = RvcConfig(
        version=str(version),
        follows_pitch=follows_pitch,
        inter=_size(values[2]),
        hidden=_size(values[3]),
        filter=_size(values[4]),
        heads=_size(values[5]),
        layers=_size(values[6], _MOST_LAYERS),
        kernel=_size(values[7], _MOST_LAYERS),
        block_kernels=_sizes(values[10]),
        block_dilations=tuple(_sizes(row) for row in _rows(values[11])),
        rates=_sizes(values[12]),
        first_channels=_size(values[13]),
        rate_kernels=_sizes(values[14]),
        speakers=_size(values[15]),
        speaker_size=_size(values[16]),
        rate_hz=_rate_hz(values[17]),
    )
    _check(config)
    return config


def _check(config: RvcConfig) -> None:
    if config.hop * FRAMES_A_SECOND != config.rate_hz:
        raise ValueError(
            f"its config contradicts itself: upsampling by {config.hop} is {config.hop * FRAMES_A_SECOND} Hz, "
            f"not {config.rate_hz} Hz"
        )
    pairs = list(zip(config.rates, config.rate_kernels, strict=False))
    if len(config.rates) != len(config.rate_kernels) or any(k < u or (k - u) % 2 for u, k in pairs):
        raise ValueError(f"its upsampling kernels {config.rate_kernels} do not fit the rates {config.rates}")
    if config.first_channels % 2 ** len(config.rates):
        raise ValueError(f"its {config.first_channels} channels cannot be halved {len(config.rates)} times")
    if len(config.block_kernels) != len(config.block_dilations):
        raise ValueError("its config has not as many dilations as kernels of residual blocks")
    if (
        config.hidden % config.heads
        or config.inter % 2
        or not all(k % 2 for k in (*config.block_kernels, config.kernel))
    ):
        raise ValueError("its config has sizes that do not fit each other")


def _size(value: object, most: int = _MOST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise ValueError(f"its config holds {value!r} where a size from 1 to {most} belongs")
    return value


def _rows(values: object) -> list[object]:
    if not isinstance(values, list | tuple) or not 0 < len(values) <= _MOST_LAYERS:
        raise ValueError(f"its config holds {values!r} where a short list of sizes belongs")
    return list(values)


def _sizes(values: object) -> tuple[int, ...]:
    return tuple(_size(value) for value in _rows(values))


def _rate_hz(value: object) -> int:
    """40000, or "40k" as old files have it."""
    words = str(value)
    number = words.removesuffix("k")
    if not number.isdecimal():
        raise ValueError(f"its config holds {value!r} where a sampling rate belongs")
    return int(number) * (1000 if words.endswith("k") else 1)


def tensor_shapes(config: RvcConfig) -> dict[str, Shape]:
    """Name -> shape of every tensor that the voice needs; weights kept as direction and length count as one."""
    return (
        _encoder_shapes(config)
        | _decoder_shapes(config)
        | _flow_shapes(config)
        | {"emb_g.weight": (config.speakers, config.speaker_size)}
    )


def _encoder_shapes(config: RvcConfig) -> dict[str, Shape]:
    hidden = config.hidden
    shapes: dict[str, Shape] = {
        "enc_p.emb_phone.weight": (hidden, config.features),
        "enc_p.emb_phone.bias": (hidden,),
        **conv_shapes("enc_p.proj", 2 * config.inter, hidden, 1),
    }
    if config.follows_pitch:
        shapes["enc_p.emb_pitch.weight"] = (PITCH_BINS, hidden)
    for layer in range(config.layers):
        attention = f"enc_p.encoder.attn_layers.{layer}"
        for part in ("emb_rel_k", "emb_rel_v"):
            shapes[f"{attention}.{part}"] = (1, 2 * WINDOW + 1, hidden // config.heads)
        for part in "qkvo":
            shapes |= conv_shapes(f"{attention}.conv_{part}", hidden, hidden, 1)
        shapes |= conv_shapes(f"enc_p.encoder.ffn_layers.{layer}.conv_1", config.filter, hidden, config.kernel)
        shapes |= conv_shapes(f"enc_p.encoder.ffn_layers.{layer}.conv_2", hidden, config.filter, config.kernel)
        for norm in ("norm_layers_1", "norm_layers_2"):
            shapes |= {f"enc_p.encoder.{norm}.{layer}.{part}": (hidden,) for part in ("gamma", "beta")}
    return shapes


def _flow_shapes(config: RvcConfig) -> dict[str, Shape]:
    hidden, half = config.hidden, config.inter // 2
    shapes: dict[str, Shape] = {}
    for flow in flow_names():
        shapes |= conv_shapes(f"{flow}.pre", hidden, half, 1) | conv_shapes(f"{flow}.post", half, hidden, 1)
        shapes |= conv_shapes(f"{flow}.enc.cond_layer", 2 * hidden * FLOW_LAYERS, config.speaker_size, 1)
        for layer in range(FLOW_LAYERS):
            out = hidden if layer == FLOW_LAYERS - 1 else 2 * hidden
            shapes |= conv_shapes(f"{flow}.enc.in_layers.{layer}", 2 * hidden, hidden, _FLOW_KERNEL)
            shapes |= conv_shapes(f"{flow}.enc.res_skip_layers.{layer}", out, hidden, 1)
    return shapes


def flow_names() -> list[str]:
    """The coupling layers from first to last; the flips between them have no weights."""
    return [f"flow.flows.{2 * coupling}" for coupling in range(COUPLINGS)]


def _decoder_shapes(config: RvcConfig) -> dict[str, Shape]:
    shapes = conv_shapes("dec.conv_pre", config.first_channels, config.inter, _ENDS_KERNEL)
    shapes |= conv_shapes("dec.cond", config.first_channels, config.speaker_size, 1)
    if config.follows_pitch:
        shapes |= {"dec.m_source.l_linear.weight": (1, 1), "dec.m_source.l_linear.bias": (1,)}
    for stage, kernel in enumerate(config.rate_kernels):
        before, after = config.channels(stage), config.channels(stage + 1)
        shapes |= {f"dec.ups.{stage}.weight": (before, after, kernel), f"dec.ups.{stage}.bias": (after,)}
        if config.follows_pitch:
            shapes |= conv_shapes(f"dec.noise_convs.{stage}", after, 1, source_kernel(config, stage))
        for block, size in enumerate(config.block_kernels):
            for row, _ in enumerate(config.block_dilations[block]):
                name = f"dec.resblocks.{stage * len(config.block_kernels) + block}"
                shapes |= conv_shapes(f"{name}.convs1.{row}", after, after, size)
                shapes |= conv_shapes(f"{name}.convs2.{row}", after, after, size)
    return shapes | conv_shapes("dec.conv_post", 1, config.channels(len(config.rates)), _ENDS_KERNEL, bias=False)


def source_stride(config: RvcConfig, stage: int) -> int:
    """Samples of the sine source that go with one moment after `stage + 1` stages of upsampling."""
    return math.prod(config.rates[stage + 1 :])


def source_kernel(config: RvcConfig, stage: int) -> int:
    stride = source_stride(config, stage)
    return 2 * stride if stage + 1 < len(config.rates) else 1
