"""A so-vits model and its content encoder, much smaller, with random weights, saved as users have them."""

import json
from pathlib import Path
from typing import Any

import torch

from avfusion.voice.so_vits_files import SoVitsFiles

MODEL: dict[str, Any] = {
    "inter_channels": 16, "hidden_channels": 16, "filter_channels": 32, "n_heads": 2, "n_layers": 1, "kernel_size": 3,
    "p_dropout": 0.1, "resblock": "1", "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]], "upsample_rates": [8, 8, 2, 2, 2],
    "upsample_initial_channel": 64, "upsample_kernel_sizes": [16, 16, 4, 4, 4], "gin_channels": 16, "ssl_dim": 24,
    "n_speakers": 4, "type_": "hifi-gan",
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "train": {"segment_size": 10240},
    "data": {"sampling_rate": 44100, "filter_length": 2048, "hop_length": 512, "contentvec_final_proj": False},
    "model": MODEL,
    "spk": {"ada": 0, "bob": 1},
}


def tiny_so_vits(folder: Path) -> SoVitsFiles:
    from so_vits_svc_fork.modules.synthesizers import SynthesizerTrn

    torch.manual_seed(3)
    network = SynthesizerTrn(1025, 20, **MODEL)
    weights, config = folder / "G_7.pth", folder / "config.json"
    torch.save(
        {"model": network.state_dict(), "iteration": 7, "optimizer": None, "learning_rate": 1e-4}, weights
    )  # fmt: skip
    config.write_text(json.dumps(CONFIG))
    return SoVitsFiles(weights, config)


def tiny_hubert(folder: Path) -> Path:
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(4)
    config = HubertConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    HubertModel(config).save_pretrained(folder)
    return folder


def tiny_clusters(path: Path, speakers: tuple[str, ...]) -> Path:
    from sklearn.cluster import KMeans

    dice = torch.Generator().manual_seed(5)
    held = {}
    for speaker in speakers:
        model = KMeans(4, n_init=1, random_state=0).fit(torch.randn(40, 24, generator=dice).numpy())
        held[speaker] = {
            "n_features_in_": model.n_features_in_, "_n_threads": model._n_threads,
            "cluster_centers_": model.cluster_centers_,
        }  # fmt: skip
    torch.save(held, path)
    return path
