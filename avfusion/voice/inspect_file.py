"""What a model file that somebody brings is: which engine it is for, and what it says. Nothing in it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead
from avfusion.voice.model_file import read_file
from avfusion.voice.so_vits_clusters import is_clusters, plain_arrays

_SO_VITS = "enc_p.enc_."
_AUTOVC = "encoder.lstm."
_JUDGES_OF_SO_VITS = 6
_HDEMUCS = {"freq_emb.embedding.weight", "freq_encoder.0.conv.weight", "time_encoder.0.conv.weight"}
_HZ = {"32k": 32_000, "40k": 40_000, "48k": 48_000, "24k": 24_000}


@dataclass(frozen=True)
class FileFacts:
    """kind: in words. engine: what it works with; "" for a file that is no voice by itself. None and "": the file does
    not say. speakers: how many it knows. notes: what its user should know, one sentence each."""

    path: Path
    kind: str
    engine: str = ""
    version: str = ""
    rate_hz: int | None = None
    follows_pitch: bool | None = None
    speakers: int | None = None
    trained: str = ""
    notes: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """A few lines for people."""
        pitch = {True: "follows the pitch (F0)", False: "makes its own melody (no F0)", None: ""}[self.follows_pitch]
        rows = (
            ("kind", self.kind),
            ("engine", self.engine),
            ("version", self.version),
            ("rate", f"{self.rate_hz} Hz" if self.rate_hz else ""),
            ("pitch", pitch),
            ("speakers", str(self.speakers) if self.speakers else ""),
            ("trained", self.trained),
            *(("note", note) for note in self.notes),
        )
        return tuple(f"{name:9}{value}" for name, value in rows if value)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"path": str(self.path)}


def inspect_file(path: Path | str) -> FileFacts:
    """Raises CannotRead for a file that is missing, damaged, or holds what could run code."""
    path = Path(path)
    if path.suffix == ".index":
        return _index(path)
    with plain_arrays():
        found = read_file(path)
    if not isinstance(found, Mapping):
        return FileFacts(path, "not a voice: there are no named weights in it")
    if "weight" in found and "config" in found:
        return _rvc(path, found)
    if isinstance(found.get("model_b"), Mapping):
        note = "Give it as the speaker encoder, beside AutoVC's own file."
        return FileFacts(path, "the speaker encoder of AutoVC", trained=_steps(found, "step"), notes=(note,))
    if is_clusters(found):
        return _clusters(path, found)
    if found.keys() >= {"state", "param_groups"}:
        note = "Give the weights that were saved beside it."
        return FileFacts(path, "the state of an optimizer, which only training needs", notes=(note,))
    if found.keys() >= _HDEMUCS:
        note = "It takes the music away before a conversion, as the separator hdemucs; it is no voice."
        return FileFacts(path, "an HDemucs, which takes songs apart", notes=(note,))
    weights = found.get("model")
    if isinstance(weights, Mapping):
        return _of_model(path, found, [str(name).removeprefix("module.") for name in weights])
    return FileFacts(path, "not a voice that is known here: so-vits, RVC and AutoVC look different")


def engine_of(path: Path) -> str:
    """The engine that a voice's file is for. Raises CannotRead for one that no engine takes."""
    facts = inspect_file(path)
    if not facts.engine:
        raise CannotRead(f"{path}: is {facts.kind}. {' '.join(facts.notes) or 'Give the file of a voice.'}")
    return facts.engine


def _of_model(path: Path, found: Mapping[str, Any], names: list[str]) -> FileFacts:
    """A file whose weights lie under `model`: so-vits, AutoVC, or RVC while it is trained."""
    if any(name.startswith(_SO_VITS) for name in names):
        table = found["model"].get("emb_g.weight")
        return FileFacts(
            path,
            "a so-vits voice (G_*.pth of so-vits-svc-fork)",
            engine="so-vits",
            version="4.0",
            follows_pitch=True,
            speakers=None if table is None else int(table.shape[0]),
            trained=_steps(found, "iteration"),
            notes=("It needs its config.json, which says the rate and the speakers' names.", *_on_training(found)),
        )
    if any(name.startswith("discriminators.") for name in names):
        return _discriminator(path, found, names)
    if any(name.startswith(_AUTOVC) for name in names):
        note = "It needs its speaker encoder (3000000-BL.ckpt) and a recording of the target."
        return FileFacts(
            path, "an AutoVC", engine="autovc", rate_hz=16_000, follows_pitch=False,
            trained=_steps(found, "step"), notes=(note,),
        )  # fmt: skip
    if any(name.startswith("enc_p.") for name in names):
        note = "Extract the small model from it where it was trained, and give that."
        return FileFacts(path, "an RVC checkpoint of training", trained=_steps(found, "iteration"), notes=(note,))
    return FileFacts(path, "not a voice that is known here: so-vits, RVC and AutoVC look different")


def _discriminator(path: Path, found: Mapping[str, Any], names: list[str]) -> FileFacts:
    """so-vits has six in one, as RVC v1 has; RVC v2 has nine."""
    trained = _steps(found, "iteration")
    if any(name.startswith(f"discriminators.{_JUDGES_OF_SO_VITS}.") for name in names):
        note = "Give the small model that RVC extracts from the G_*.pth beside it."
        return FileFacts(
            path, "a discriminator of RVC v2, which only its training needs", trained=trained, notes=(note,)
        )
    note = "To convert, give the G_*.pth beside it; to begin a training with the two, give both."
    return FileFacts(path, "a discriminator (D_*.pth), which only training needs", trained=trained, notes=(note,))


def _on_training(found: Mapping[str, Any]) -> tuple[str, ...]:
    if not found.get("optimizer"):
        return ()
    return ("Its optimizer is in it too: with the D_*.pth of the same step it can be trained further.",)


def _clusters(path: Path, found: Mapping[str, Any]) -> FileFacts:
    sizes = {facts["cluster_centers_"].shape for facts in found.values()}
    centres = ", ".join(f"{count} centres of {size}" for count, size in sorted(sizes))
    return FileFacts(
        path, f"the k-means of a so-vits voice, {centres}", speakers=len(found),
        notes=(f"Give it as the clusters, beside the G_*.pth; it knows {', '.join(map(str, found))}.",),
    )  # fmt: skip


def _rvc(path: Path, found: Mapping[str, Any]) -> FileFacts:
    config, weights = found["config"], found["weight"]
    table = weights.get("emb_g.weight") if isinstance(weights, Mapping) else None
    rate = config[-1] if isinstance(config, list | tuple) and config else None
    notes = []
    if isinstance(weights, Mapping) and any(str(name).startswith("enc_q.") for name in weights):
        notes.append("It is a checkpoint of training: extract the small model from it, and give that.")
    if str(found.get("vocoder", "HiFi-GAN")) != "HiFi-GAN":
        notes.append(f"Its decoder is {found['vocoder']}, which is not known here.")
    embedder = str(found.get("embedder_model", "contentvec"))
    if embedder not in ("contentvec", "hubert", "hubert_base"):
        notes.append(f"It was trained on features of {embedder}; with ContentVec it may babble.")
    return FileFacts(
        path,
        "an RVC voice",
        engine="rvc",
        version=str(found.get("version", "v1")),
        rate_hz=rate if isinstance(rate, int) else _HZ.get(str(found.get("sr"))),
        follows_pitch=str(found.get("f0", 1)) in {"1", "True"},
        speakers=None if table is None else int(table.shape[0]),
        trained=str(found.get("info", "")),
        notes=tuple(notes),
    )


def _index(path: Path) -> FileFacts:
    from avfusion.voice.rvc_index import read_index

    index = read_index(path)
    version = {256: "v1", 768: "v2"}.get(index.size, "")
    return FileFacts(
        path,
        f"an index of RVC with {index.index.ntotal} features of {index.size}",
        version=version,
        notes=("Give it as the index, beside the voice's .pth.",),
    )


def _steps(found: Mapping[str, Any], name: str) -> str:
    steps = found.get(name)
    return f"{steps} steps" if isinstance(steps, int) else ""
