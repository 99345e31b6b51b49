"""Folders of language models for tests, written by hand (no torch) or by transformers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CONFIG: dict[str, Any] = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "n_positions": 1024,
    "n_embd": 8,
    "n_layer": 1,
    "n_head": 2,
    "vocab_size": 16,
}


def write_safetensors(path: Path, tensors: Mapping[str, Sequence[int]]) -> None:
    """Write float32 zeros of these shapes in the safetensors format."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in tensors.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    write_raw_safetensors(path, header, bytes(end))


def write_raw_safetensors(path: Path, header: Mapping[str, Any], body: bytes) -> None:
    raw = json.dumps(header).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + body)


def write_model(folder: Path, **config: Any) -> Path:
    """Write what a model's folder holds, with weights that are few and zero."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}), encoding="utf-8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 1024}', encoding="utf-8")
    write_safetensors(folder / "model.safetensors", {"wte.weight": (16, 8), "wpe.weight": (1024, 8)})
    return folder


def write_sharded(folder: Path) -> Path:
    """The same model in two files with their index."""
    write_model(folder)
    (folder / "model.safetensors").unlink()
    shards = {
        "model-00001-of-00002.safetensors": "wte.weight",
        "model-00002-of-00002.safetensors": "wpe.weight",
    }
    for name, tensor in shards.items():
        write_safetensors(folder / name, {tensor: (16, 8)})
    index = {
        "metadata": {"total_size": 2 * 16 * 8 * 4},
        "weight_map": {each: name for name, each in shards.items()},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder
