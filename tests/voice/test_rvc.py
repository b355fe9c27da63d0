"""RVC voices load whole or say why not, compute what RVC computes, and keep length and times of what they convert."""

import math
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.errors import CannotRead, InputError, UsageError
from avfusion.voice import Reference, Speaker, pitch
from avfusion.voice.content import ContentEncoder, read_content
from avfusion.voice.rvc import Rvc, RvcSettings, _with_margins, pitch_bins
from avfusion.voice.rvc_config import config_of, tensor_shapes
from avfusion.voice.rvc_decoder import SINE, UNVOICED_NOISE, VOICED_NOISE, sine_source
from avfusion.voice.rvc_encoder import _attend
from avfusion.voice.rvc_file import RvcVoice, read_rvc
from avfusion.voice.rvc_index import read_index
from tests.voice.tiny_rvc import RATES, Malice, checkpoint, config, old_names, save, save_hubert, seeded
from tests.voice.tiny_sounds import hum, noise

DIO = RvcSettings(pitch="dio")


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ContentEncoder]:
    """By version: 256 features after a ninth layer, 768 of the last."""
    first = save_hubert(tmp_path_factory.mktemp("v1"), hidden=32, layers=9, projection=256)
    second = save_hubert(tmp_path_factory.mktemp("v2"), hidden=768, layers=1)
    return {"v1": read_content(first), "v2": read_content(second)}


def voice(folder: Path, version: str = "v1", rate_hz: int = 40000, *, f0: bool = True) -> RvcVoice:
    return read_rvc(save(folder, checkpoint(version, rate_hz, f0=f0)))


# The network


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["v2_40k_f0", "v1_40k_f0", "v1_48k_f0", "v2_40k_nof0"])
def test_every_array_of_the_reference_is_reproduced(shared_data: Path, tmp_path: Path, name: str) -> None:
    version, rate, kind = name.split("_")
    rate_hz = int(rate.removesuffix("k")) * 1000
    path = save(tmp_path, checkpoint(version, rate_hz, f0=kind == "f0", tiny=False, speakers=4))
    network = read_rvc(path).network
    arrays = np.load(shared_data / "parity" / f"rvc_{name}.npz")
    given = {key: torch.from_numpy(arrays[key]) for key in arrays}
    speaker = int(given["speaker"][0])
    with torch.inference_mode():
        mean, log_deviation = network.prior(given["phone"], given["pitch"])
        latent = network.latent(mean, log_deviation, speaker=speaker, dice=None)
        audio = network.sound(latent, given["f0"], speaker=speaker, dice=None)
    for key, ours in {"m": mean, "logs": log_deviation, "z": latent, "audio": audio}.items():
        assert ours.shape == given[key].shape
        assert (ours - given[key]).abs().max() < 1e-4 * given[key].abs().max(), key


@pytest.mark.real_data
def test_names_and_shapes_are_those_of_the_published_layout(shared_data: Path) -> None:
    lines = (shared_data.parent / "reference" / "shapes" / "rvc_v2_40k_f0.txt").read_text().splitlines()
    rows = [line.split("\t") for line in lines if "\t" in line]
    listed = {name: tuple(int(size) for size in shape.strip("()").split(",") if size.strip()) for name, shape in rows}
    assert old_names(config("v2", 40000, tiny=False, speakers=109)) == listed
    assert len(listed) == 457


@pytest.mark.parametrize(
    ("version", "rate_hz", "parameters"),
    [("v1", 40000, 27_439_042), ("v2", 40000, 27_537_346), ("v2", 48000, 28_716_994), ("v2", 32000, 28_057_538)],
)
def test_voices_have_their_published_size(version: str, rate_hz: int, parameters: int) -> None:
    shapes = old_names(config(version, rate_hz, tiny=False, speakers=109))
    assert sum(math.prod(shape) for shape in shapes.values()) == parameters


@pytest.mark.parametrize("frames", [1, 2, 7, 10, 11, 40])
def test_attention_sees_distances_up_to_its_window(frames: int) -> None:
    tiny = config("v1", 40000)
    name, size = "enc_p.encoder.attn_layers.0", tiny.hidden // tiny.heads
    weights = {key: seeded(key, shape).double() for key, shape in tensor_shapes(tiny).items() if key.startswith(name)}
    x = torch.randn(1, tiny.hidden, frames, dtype=torch.float64, generator=torch.Generator().manual_seed(frames))

    def projected(part: str, moment: int) -> torch.Tensor:
        kernel = weights[f"{name}.conv_{part}.weight"][:, :, 0]
        return (kernel @ x[0, :, moment] + weights[f"{name}.conv_{part}.bias"]).view(tiny.heads, size)

    # The formulas of Shaw et al., one pair of moments after the other.
    rows = []
    for i in range(frames):
        pairs = []
        for j in range(frames):
            near = abs(j - i) <= 10
            key_offset = weights[f"{name}.emb_rel_k"][0, j - i + 10] if near else torch.zeros(size)
            value_offset = weights[f"{name}.emb_rel_v"][0, j - i + 10] if near else torch.zeros(size)
            score = (projected("q", i) * (projected("k", j) + key_offset)).sum(1) / math.sqrt(size)
            pairs.append((score, projected("v", j) + value_offset))
        shares = torch.stack([score for score, _ in pairs]).softmax(0)
        rows.append(torch.einsum("jh,jhd->hd", shares, torch.stack([value for _, value in pairs])).reshape(-1))
    mixed = torch.stack(rows, dim=1)
    expected = weights[f"{name}.conv_o.weight"][:, :, 0] @ mixed + weights[f"{name}.conv_o.bias"][:, None]
    assert torch.allclose(_attend(weights, name, x, tiny)[0], expected, atol=1e-9)


def test_the_source_is_a_sine_at_the_pitch_and_noise_without_one() -> None:
    tiny = config("v2", 48000)
    f0 = torch.tensor([[0.0] * 100 + [200.0] * 100 + [201.0] * 100])
    silent = torch.zeros(1, 300 * tiny.hop)
    sine = sine_source(f0, tiny, silent)[0, 0].numpy()
    assert not sine[: 100 * tiny.hop].any()
    sung = sine[100 * tiny.hop : 200 * tiny.hop]
    assert np.abs(np.fft.rfft(sung)).argmax() == 200  # one second of it
    assert abs(np.abs(sung).max() - SINE) < 1e-4
    # Where the pitch changes, the phase goes on: no step is larger than the sine's steepest.
    assert np.abs(np.diff(sine)).max() < 1.01 * SINE * 2 * np.pi * 201 / 48000
    drawn = torch.randn(1, 300 * tiny.hop, generator=torch.Generator().manual_seed(0))
    breath = (sine_source(f0, tiny, drawn) - sine_source(f0, tiny, silent))[0, 0]
    assert abs(breath[: 100 * tiny.hop].std() / UNVOICED_NOISE - 1) < 0.02
    assert abs(breath[100 * tiny.hop :].std() / VOICED_NOISE - 1) < 0.02


def test_the_sine_keeps_its_pitch_for_minutes() -> None:
    tiny = config("v1", 40000)
    f0 = torch.full((1, 60 * 100), 441.7)
    sine = sine_source(f0, tiny, torch.zeros(1, f0.shape[1] * tiny.hop))[0, 0].numpy()
    last = np.arange(sine.size - 4000, sine.size) + 1
    assert (
        np.abs(sine[-4000:] - SINE * np.sin(2 * np.pi * (np.float32(441.7).astype(float) * last / 40000))).max() < 1e-5
    )


@pytest.mark.parametrize("key", sorted(RATES))
@pytest.mark.parametrize("f0", [True, False])
def test_every_kind_of_voice_makes_a_hop_of_sound_a_frame(tmp_path: Path, key: tuple[str, int], f0: bool) -> None:
    found = voice(tmp_path, *key, f0=f0)
    frames, rate_hz = 13, key[1]
    phone = torch.randn(1, frames, found.config.features, generator=torch.Generator().manual_seed(0))
    hz, bins = torch.full((1, frames), 120.0), torch.full((1, frames), 40)
    said = found.network.speak(phone, bins, hz, speaker=3, dice=torch.Generator().manual_seed(0))
    assert said.shape == (1, 1, frames * rate_hz // 100)
    again = found.network.speak(phone, bins, hz, speaker=3, dice=torch.Generator().manual_seed(0))
    other = found.network.speak(phone, bins, hz, speaker=2, dice=torch.Generator().manual_seed(0))
    higher = found.network.speak(phone, bins, 2 * hz, speaker=3, dice=torch.Generator().manual_seed(0))
    assert torch.equal(said, again)
    assert not torch.allclose(said, other, atol=1e-3)
    assert torch.allclose(said, higher, atol=1e-6) is not f0


# The file


def as_new_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    new = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
    return {name.replace(name.split(".")[-1], new.get(name.split(".")[-1], name.split(".")[-1])): weight
            for name, weight in weights.items()}  # fmt: skip


def as_one(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weight norm taken off by torch itself."""
    plain = {name: weight for name, weight in weights.items() if not name.endswith(("weight_g", "weight_v"))}
    for name in [name for name in weights if name.endswith("weight_g")]:
        layer = torch.nn.Module()
        layer.weight = torch.nn.Parameter(torch.zeros_like(weights[name[:-1] + "v"]))
        layer = torch.nn.utils.parametrizations.weight_norm(layer, dim=0)
        layer.parametrizations.weight.original0.data = weights[name]
        layer.parametrizations.weight.original1.data = weights[name[:-1] + "v"]
        plain[name.removesuffix("_g")] = layer.weight.detach()
    return plain


@pytest.mark.parametrize("form", [as_new_names, as_one])
def test_weight_norm_has_three_spellings_and_one_meaning(tmp_path: Path, form: Any) -> None:
    found = checkpoint()
    expected = read_rvc(save(tmp_path, found)).network.weights
    ours = read_rvc(save(tmp_path, found | {"weight": form(found["weight"])})).network.weights
    assert ours.keys() == expected.keys()
    assert all(torch.allclose(ours[name], expected[name], atol=1e-6) for name in expected)


def test_half_precision_is_read_as_what_it_stands_for(tmp_path: Path) -> None:
    found = checkpoint()
    halved = {name: weight.half() for name, weight in found["weight"].items()}
    widened = {name: weight.float() for name, weight in halved.items()}
    ours = read_rvc(save(tmp_path, found | {"weight": halved})).network.weights
    expected = read_rvc(save(tmp_path, found | {"weight": widened})).network.weights
    assert all(weight.dtype == torch.float32 for weight in ours.values())
    assert all(torch.equal(ours[name], expected[name]) for name in expected)


def test_what_files_leave_open_has_a_meaning(tmp_path: Path) -> None:
    found = checkpoint("v1", 40000)
    del found["version"], found["info"], found["sr"]
    found["config"][-1] = "40k"
    read = read_rvc(save(tmp_path, found))
    assert (read.config.version, read.config.rate_hz, read.config.speakers) == ("v1", 40000, 4)
    assert read.notes == ()
    other = read_rvc(save(tmp_path, found | {"embedder_model": "chinese-hubert-base"}))
    assert "chinese-hubert-base" in other.notes[0]


def without(found: dict[str, Any], name: str) -> dict[str, Any]:
    return found | {"weight": {key: weight for key, weight in found["weight"].items() if key != name}}


def with_config(found: dict[str, Any], place: int, value: Any) -> dict[str, Any]:
    values = list(found["config"])
    values[place] = value
    return found | {"config": values}


@cache
def wrong_files() -> dict[str, tuple[Any, str]]:
    """Name -> (what a file holds, what the message must say)."""
    whole = checkpoint()
    bias = "dec.conv_pre.bias"
    return {
        "training": ({"model": whole["weight"], "optimizer": {}, "iteration": 3, "learning_rate": 1e-4}, "training"),
        "so-vits": ({"model": {"enc_p.enc_.attn_layers.0.conv_q.weight": torch.zeros(1)}, "optimizer": {}}, "so-vits"),
        "enc_q": (whole | {"weight": whole["weight"] | {"enc_q.pre.bias": torch.zeros(8)}}, "training"),
        "missing": (without(whole, bias), bias),
        "left over": (whole | {"weight": whole["weight"] | {"dec.more": torch.zeros(1)}}, "dec.more"),
        "length alone": (without(whole, "dec.ups.0.weight_v"), "dec.ups.0"),
        "no number": (whole | {"weight": whole["weight"] | {bias: torch.full((32,), math.nan)}}, bias),
        "no tensor": (whole | {"weight": whole["weight"] | {bias: [0.0] * 32}}, bias),
        "other hidden size": (with_config(whole, 3, 16), "do not match"),
        "fewer layers": (with_config(whole, 6, 2), "lacks"),
        "other rates": (with_config(whole, 12, [10, 8, 2, 2]), "32000 Hz"),
        "other kernels": (with_config(whole, 14, [16, 16, 4, 6]), "dec.ups.3.weight"),
        "rate in words": (with_config(whole, 17, "fast"), "fast"),
        "a size of -1": (with_config(whole, 3, -1), "-1"),
        "a size beyond reason": (with_config(whole, 6, 10**9), "1000000000"),
        "residual blocks 2": (with_config(whole, 9, "2"), "'2'"),
        "short config": (whole | {"config": whole["config"][:-1]}, "18"),
        "config by name": (whole | {"config": {"hidden": 8}}, "18"),
        "v1 of a v2": (whole | {"version": "v1"}, "v1"),
        "v3": (whole | {"version": "v3"}, "v3"),
        "no pitch of one with": (whole | {"f0": 0}, "pitch"),
        "pitch of one without": (checkpoint(f0=False) | {"f0": 1}, "pitch"),
        "other decoder": (whole | {"vocoder": "RefineGAN"}, "RefineGAN"),
        "empty": ({}, "no `weight`"),
        "a tensor": (torch.zeros(3), "no `weight`"),
        "no weights": (whole | {"weight": {}}, "no weights"),
    }


@pytest.mark.parametrize("name", sorted(wrong_files()))
def test_what_is_no_voice_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    held, says = wrong_files()[name]
    path = save(tmp_path, held)
    with pytest.raises(CannotRead) as refusal:
        read_rvc(path)
    message = str(refusal.value)
    assert message.startswith(f"{path}: ")
    assert says in message
    assert "\n" not in message


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_a_malicious_file_is_refused_and_its_code_does_not_run(tmp_path: Path, form: str) -> None:
    mark, path = tmp_path / "ran", tmp_path / "voice.pth"
    held = checkpoint() | {"info": Malice(mark)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(held["info"]))
    else:
        torch.save(held, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(CannotRead, match="refused"):
        read_rvc(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Malice(mark)))
    assert mark.exists(), "the test's own code does nothing"


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    path = save(tmp_path, checkpoint())
    whole = path.read_bytes()
    for held in (b"", b"RIFF", whole[: len(whole) // 2]):
        path.write_bytes(held)
        with pytest.raises(CannotRead, match=r"voice\.pth: "):
            read_rvc(path)
    with pytest.raises(CannotRead, match="no such file"):
        read_rvc(tmp_path / "gone.pth")


# Around the network


def test_pitch_bins_are_even_on_the_mel_scale() -> None:
    mel_of = lambda hz: 2595 * np.log10(1 + np.asarray(hz) / 700)  # noqa: E731  the same scale in its other spelling
    assert pitch_bins(np.array([0.0, 20.0, 50.0, 1100.0, 5000.0])).tolist() == [1, 1, 1, 255, 255]
    hz = np.linspace(50, 1100, 5000)
    bins = pitch_bins(hz)
    expected = 1 + 254 * (mel_of(hz) - mel_of(50)) / (mel_of(1100) - mel_of(50))
    assert np.abs(bins - expected).max() <= 0.501
    assert set(bins) == set(range(1, 256))


def save_index(path: Path, vectors: NDArray[np.float32], *, lists: int) -> Path:
    index = faiss.index_factory(vectors.shape[1], f"IVF{lists},Flat")
    index.train(vectors)
    index.add(vectors)
    index.nprobe = lists
    faiss.write_index(index, str(path))
    return path


def test_the_index_gives_the_weighted_mean_of_eight_neighbours(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    kept = dice.standard_normal((300, 16)).astype(np.float32)
    asked = dice.standard_normal((20, 16)).astype(np.float32)
    index = read_index(save_index(tmp_path / "added.index", kept, lists=3))
    squared = np.square(asked[:, None].astype(float) - kept).sum(axis=2)
    nearest = np.argsort(squared, axis=1)[:, :8]
    weights = np.take_along_axis(squared, nearest, axis=1) ** -2
    expected = (weights[..., None] * kept[nearest]).sum(axis=1) / weights.sum(axis=1, keepdims=True)
    assert np.allclose(index.nearest(asked), expected, atol=1e-4)
    assert np.allclose(index.nearest(kept[:5]), kept[:5], atol=1e-5)


def test_fewer_than_eight_neighbours_are_enough(tmp_path: Path) -> None:
    kept = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    index = read_index(save_index(tmp_path / "added.index", kept, lists=1))
    assert np.isfinite(index.nearest(kept + 0.1)).all()


def test_an_index_without_features_or_of_something_else_is_refused(tmp_path: Path) -> None:
    empty = faiss.index_factory(4, "IVF1,Flat")
    empty.train(np.eye(4, dtype=np.float32))
    faiss.write_index(empty, str(tmp_path / "trained.index"))
    with pytest.raises(CannotRead, match="added_"):
        read_index(tmp_path / "trained.index")
    (tmp_path / "no.index").write_bytes(b"nothing of the kind")
    for name in ("no.index", "gone.index"):
        with pytest.raises(CannotRead, match=name):
            read_index(tmp_path / name)


# The engine

LENGTHS = [(16000, 16000, 1), (16000, 12345, 1), (22050, 1, 1), (44100, 4410, 2), (48000, 33333, 6), (8000, 801, 1)]


@pytest.mark.parametrize(("rate_hz", "count", "channels"), LENGTHS)
def test_as_many_samples_as_before(
    tmp_path: Path, encoders: dict[str, ContentEncoder], rate_hz: int, count: int, channels: int
) -> None:
    engine = Rvc(voice(tmp_path, "v1", 32000), encoders["v1"], settings=DIO)
    given = hum(count, rate_hz, channels)
    out = engine.convert(given, Speaker())
    assert (out.samples.shape, out.samples.dtype, out.rate_hz) == ((channels, count), np.float32, rate_hz)
    assert np.isfinite(out.samples).all()
    assert count < 100 or not np.allclose(out.samples, given.samples, atol=1e-2)


@pytest.mark.parametrize("key", sorted(RATES))
def test_every_kind_of_voice_converts(
    tmp_path: Path, encoders: dict[str, ContentEncoder], key: tuple[str, int]
) -> None:
    given = hum(9001, 44100)
    f0 = key[1] != 32000  # voices without a pitch among them
    out = Rvc(voice(tmp_path, *key, f0=f0), encoders[key[0]], settings=DIO).convert(given, Speaker("3"))
    assert out.samples.shape == given.samples.shape
    assert np.abs(out.samples).max() > 0.01


def test_the_seed_decides_all_that_is_random(tmp_path: Path, encoders: dict[str, ContentEncoder]) -> None:
    engine, given = Rvc(voice(tmp_path), encoders["v1"], settings=DIO), hum(16000, 16000)
    first, again, other = (engine.convert(given, Speaker(), seed=seed).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other, atol=1e-3)


@pytest.mark.parametrize("own", [0.0, 0.25, 1.0])
def test_silence_stays_silence(tmp_path: Path, encoders: dict[str, ContentEncoder], own: float) -> None:
    engine = Rvc(voice(tmp_path), encoders["v1"], settings=RvcSettings(pitch="dio", own_loudness=own))
    silence = Sound(np.zeros((2, 20000), np.float32), 44100)
    assert not engine.convert(silence, Speaker()).samples.any()
    tone = noise(16000, 16000, level=1e-5)
    assert np.abs(engine.convert(tone, Speaker()).samples).max() < 1e-4


def test_a_pause_keeps_its_room_tone(tmp_path: Path, encoders: dict[str, ContentEncoder]) -> None:
    samples = hum(48000, 16000).samples.copy()
    samples[:, 16000:32000] = noise(16000, 16000, level=1e-4).samples
    out = Rvc(voice(tmp_path), encoders["v1"], settings=DIO).convert(Sound(samples, 16000), Speaker()).samples
    assert np.array_equal(out[:, 17600:30400], samples[:, 17600:30400])
    assert not np.allclose(out[:, :14000], samples[:, :14000], atol=1e-2)


@pytest.mark.parametrize("count", [1, 320, 12345, 16001])
def test_features_lie_where_the_sound_is(encoders: dict[str, ContentEncoder], count: int) -> None:
    wave = noise(count, 16000).samples[0]
    clean, frames = _with_margins(wave)
    assert encoders["v1"].features(clean, projected=True).shape[0] == frames
    assert frames * 320 >= count + 2 * 16000
    if count > 10000:  # all but the rumble is there, in its place
        power = np.abs(np.fft.rfft(clean[16000 : 16000 + count] - wave)) / np.abs(np.fft.rfft(wave)).mean()
        assert power[round(200 * count / 16000) :].mean() < 0.05


@pytest.mark.parametrize("key", sorted(RATES))
def test_a_frame_is_heard_at_its_time(tmp_path: Path, key: tuple[str, int]) -> None:
    network = voice(tmp_path, *key, f0=False).network
    latent = torch.randn(1, network.config.inter, 60, generator=torch.Generator().manual_seed(0))
    changed = latent.clone()
    changed[:, :, 30] += 1
    with torch.inference_mode():
        both = [network.sound(given, torch.zeros(1, 60), speaker=0, dice=None)[0, 0] for given in (latent, changed)]
    moved = (both[0] != both[1]).nonzero()
    middle = float(moved[0] + moved[-1]) / 2
    assert abs(middle - 30.5 * network.config.hop) < 0.5 * network.config.hop


def test_the_voice_begins_and_ends_when_the_sources_does(tmp_path: Path, encoders: dict[str, ContentEncoder]) -> None:
    held = checkpoint("v1", 40000)
    # What is left of this voice is its sine source, straight to the end.
    passed = ("dec.m_source", "dec.noise_convs.3", "dec.conv_post", "emb_g", "weight_g", "weight_v")
    for name, weight in held["weight"].items():
        is_block = "dec.resblocks" in name and name.endswith("_g")
        if not any(part in name for part in passed) or is_block or name.endswith("bias"):
            weight.zero_()
    held["weight"]["dec.m_source.l_linear.weight"][:] = 1
    held["weight"]["dec.noise_convs.3.weight"][:] = 1
    engine = Rvc(
        read_rvc(save(tmp_path, held)), encoders["v1"], settings=RvcSettings(pitch="parselmouth", own_loudness=1)
    )
    samples = noise(48000, 16000, level=0.003).samples
    samples[:, 16000:32000] += 3 * hum(16000, 16000).samples
    out = engine.convert(Sound(samples, 16000), Speaker()).samples[0]
    loud = np.convolve(np.square(out), np.ones(160) / 160, mode="same")
    where = np.flatnonzero(loud > 0.6 * np.median(loud[18000:30000]))
    assert abs(where[0] - 16000) < 400
    assert abs(where[-1] - 32000) < 400


def test_each_channel_keeps_its_share(tmp_path: Path, encoders: dict[str, ContentEncoder]) -> None:
    engine, one = Rvc(voice(tmp_path), encoders["v1"], settings=DIO), hum(30000, 44100).samples
    alike = engine.convert(Sound(np.concatenate([one, one]), 44100), Speaker()).samples
    assert np.array_equal(alike[0], alike[1])
    left = engine.convert(Sound(np.concatenate([one, 0 * one]), 44100), Speaker()).samples
    assert np.abs(left[0]).max() > 0.05
    assert not left[1].any()


def test_an_octave_up_is_twice_the_pitch(
    tmp_path: Path, encoders: dict[str, ContentEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, given = Rvc(voice(tmp_path), encoders["v1"], settings=DIO), hum(16000, 16000)
    up = engine.convert(given, Speaker(), semitones=12).samples
    assert not np.allclose(up, engine.convert(given, Speaker()).samples, atol=1e-3)
    dio = pitch.METHODS["dio"]
    monkeypatch.setitem(pitch.METHODS, "dio", lambda wave, device: 2 * dio(wave, device))
    assert np.allclose(up, engine.convert(given, Speaker()).samples, atol=1e-5)


def test_the_index_draws_voiced_sound_and_spares_the_rest(tmp_path: Path, encoders: dict[str, ContentEncoder]) -> None:
    kept = np.random.default_rng(0).standard_normal((40, 256)).astype(np.float32)
    index = read_index(save_index(tmp_path / "added.index", kept, lists=1))
    held = voice(tmp_path)

    def said(given: Sound, **settings: float) -> NDArray[np.float32]:
        engine = Rvc(held, encoders["v1"], index, RvcSettings(pitch="parselmouth", own_loudness=1, **settings))
        return engine.convert(given, Speaker()).samples

    voiced, voiceless = hum(16000, 16000), noise(16000, 16000)
    assert not np.allclose(said(voiced, index_rate=1), said(voiced, index_rate=0), atol=1e-3)
    assert np.allclose(said(voiceless, index_rate=1, protect=0), said(voiceless, index_rate=0), atol=1e-6)
    assert not np.allclose(said(voiceless, index_rate=1, protect=0.5), said(voiceless, index_rate=0), atol=1e-3)


def test_the_loudness_over_time_is_the_sources(tmp_path: Path, encoders: dict[str, ContentEncoder]) -> None:
    samples = hum(64000, 16000).samples * np.where(np.arange(64000) < 32000, 0.1, 1.0).astype(np.float32)
    engine = Rvc(voice(tmp_path), encoders["v1"], settings=RvcSettings(pitch="dio", own_loudness=0))
    out = engine.convert(Sound(samples, 16000), Speaker()).samples
    for part in (slice(8000, 24000), slice(40000, 56000)):
        ratio = np.sqrt(np.square(out[:, part]).mean() / np.square(samples[:, part]).mean())
        assert abs(20 * np.log10(ratio)) < 1


@pytest.mark.real_data
def test_real_speech_keeps_its_length(shared_data: Path, tmp_path: Path, encoders: dict[str, ContentEncoder]) -> None:
    engine = Rvc(voice(tmp_path), encoders["v1"], settings=DIO)
    samples, rate_hz = soundfile.read(shared_data / "speech" / "short" / "SF1_200027.wav", dtype="float32")
    out = engine.convert(Sound(samples[None], rate_hz), Speaker()).samples
    assert out.shape == (1, samples.size)
    assert np.isfinite(out).all()


def test_what_does_not_fit_is_said(tmp_path: Path, encoders: dict[str, ContentEncoder]) -> None:
    given, held = hum(1600, 16000), voice(tmp_path)
    engine = Rvc(held, encoders["v1"], settings=DIO)
    with pytest.raises(UsageError, match="recordings"):
        engine.convert(given, Reference((given,)))
    for name in ("4", "Anna", "-1"):
        with pytest.raises(UsageError, match="from 0 to 3"):
            engine.convert(given, Speaker(name))
    with pytest.raises(UsageError, match="60 s"):
        engine.convert(Sound(np.ones((1, 61 * 8000), np.float32), 8000), Speaker())
    with pytest.raises(InputError, match="no numbers"):
        engine.convert(Sound(np.full((1, 1600), np.nan, np.float32), 16000), Speaker())
    with pytest.raises(CannotRead, match="final_proj"):
        Rvc(held, encoders["v2"])
    small = np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32)
    with pytest.raises(UsageError, match="8 features"):
        Rvc(held, encoders["v1"], read_index(save_index(tmp_path / "added.index", small, lists=1)))
    with pytest.raises(UsageError, match="32 features"):
        Rvc(voice(tmp_path, "v2"), encoders["v1"])
    flat = Rvc(voice(tmp_path, "v1", f0=False), encoders["v1"], settings=DIO)
    with pytest.raises(UsageError, match="no pitch"):
        flat.convert(given, Speaker(), semitones=1)


@pytest.mark.parametrize("wrong", [{"pitch": "ear"}, {"index_rate": 1.1}, {"protect": 0.6}, {"own_loudness": -0.1}])
def test_settings_have_limits(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong)) if "pitch" not in wrong else "ear"):
        RvcSettings(**wrong)


def test_a_config_of_training_says_as_much_as_one_of_use() -> None:
    values = checkpoint()["config"]
    assert config_of(values, version="v2", follows_pitch=True).speakers == 109
