"""Reading what safetensors files say of themselves, and whether it is true, without loading a tensor.

A file is 8 bytes (the header's length, little-endian), a JSON header `{name: {dtype, shape, data_offsets}}`,
and the tensors' bytes end to end (https://huggingface.co/docs/safetensors). A sharded model has an index
beside its files: `{"metadata": {"total_size"}, "weight_map": {tensor: file}}`.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

INDEX: Final = "model.safetensors.index.json"
SINGLE: Final = "model.safetensors"
_MOST_HEADER: Final = 16 << 20  # bytes: a hundred thousand tensors; read, they take ten times that in memory
_BYTES: Final = {
    "F64": 8,
    "I64": 8,
    "F32": 4,
    "I32": 4,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}


class ModelError(Exception):
    """A model that cannot be used; the message says what, where, and what to do next."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the files hold: tensors' names to their file, elements in all, bytes in all."""

    tensors: dict[str, str]
    parameters: int
    tensor_bytes: int


def read_weights(folder: Path, names: Sequence[str]) -> Weights:
    """Check the headers of a model's safetensors files, and that they are all that the index names.

    Raises ModelError: none, damaged, cut off, overlapping or missing bytes, a tensor twice or missing, a
    shard missing or left over, a wrong total.
    """
    if not names:
        raise ModelError(f"{folder.name} has no safetensors weights. Get the model in that form.")
    tensors: dict[str, str] = {}
    parameters = tensor_bytes = 0
    for name in sorted(names):
        for tensor, (elements, size) in _header(folder / name).items():
            if tensor in tensors:
                raise ModelError(
                    f"{folder}: {tensor} is both in {tensors[tensor]} and in {name}. Get it again."
                )
            tensors[tensor] = name
            parameters += elements
            tensor_bytes += size
    weights = Weights(tensors, parameters, tensor_bytes)
    if (folder / INDEX).exists():
        _check_index(folder / INDEX, weights)
    elif list(names) != [SINGLE]:
        raise ModelError(f"{folder}: the weights are in several files but {INDEX} is missing. Get it again.")
    return weights


def _header(path: Path) -> dict[str, tuple[int, int]]:
    """Each tensor's elements and bytes; every byte of the file is accounted for, once."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _MOST_HEADER):
            raise ModelError(f"{path} is cut off or is no safetensors file. Get it again.")
        raw = file.read(length)
    try:
        header = json.loads(raw)
        spans = {name: _span(entry) for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path}: its header is damaged. Get it again.") from error
    end = 0
    for begin, finish, _ in sorted(spans.values()):
        if begin != end:
            raise ModelError(f"{path}: its tensors overlap or leave gaps. Get it again.")
        end = finish
    if not spans or 8 + length + end != size:
        raise ModelError(
            f"{path} has {size} bytes where its header tells of {8 + length + end}. Get it again."
        )
    return {name: (elements, finish - begin) for name, (begin, finish, elements) in spans.items()}


def _span(entry: dict[str, Any]) -> tuple[int, int, int]:
    """Begin, end and elements of one tensor; raises ValueError where they disagree."""
    begin, end = entry["data_offsets"]
    shape = entry["shape"]
    if not all(type(number) is int and number >= 0 for number in (begin, end, *shape)):
        raise ValueError("numbers below 0")
    elements = math.prod(shape)
    if end - begin != elements * _BYTES[entry["dtype"]]:
        raise ValueError("length and shape disagree")
    return begin, end, elements


def _check_index(path: Path, weights: Weights) -> None:
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        places = dict(index["weight_map"])
        total = index.get("metadata", {}).get("total_size")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path} is damaged. Get it again.") from error
    if places != weights.tensors:
        wrong = sorted(places.items() ^ weights.tensors.items(), key=str)[0]
        raise ModelError(
            f"{path} and the files disagree about {wrong[0]}: a file is missing or left over. Get it again."
        )
    if total is not None and total != weights.tensor_bytes:
        raise ModelError(
            f"{path} tells of {total} bytes, the files hold {weights.tensor_bytes}. Get it again."
        )
