"""Language models on this machine: what a model's folder may hold, which are installed, which is active.

A model is a Hugging Face folder of plain data: configuration, tokenizer, chat template and safetensors
weights (https://github.com/huggingface/safetensors). Whatever could carry code (pickles, Python files,
`auto_map`) is refused unopened. Nothing here imports torch: a model is judged before anything is loaded.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from lms_desktop.tutor.weights import ModelError, Weights, read_weights

MANIFEST: Final = "SHA256SUMS"
ACTIVE: Final = "active"
LEAST_CONTEXT: Final = 256  # tokens: less holds no passage beside a question and an answer
MOST_JSON: Final = 64 << 20  # bytes; the largest tokenizers in use have 35 MB
MOST_NUMBER: Final = 1 << 32  # of layers, heads, tokens in a configuration
SPARE_DISK: Final = 500 << 20
OVERHEAD: Final = 600 << 20  # torch and transformers themselves, and what a step needs for a moment
CACHED_TOKENS: Final = 2048  # the least room for keys and values that is worth starting with

ARCHITECTURES: Final = frozenset(
    {
        "GPT2LMHeadModel",
        "GPTNeoXForCausalLM",
        "GraniteForCausalLM",
        "GemmaForCausalLM",
        "LlamaForCausalLM",
        "MistralForCausalLM",
        "OlmoForCausalLM",
        "Olmo2ForCausalLM",
        "PhiForCausalLM",
        "Phi3ForCausalLM",
        "Qwen2ForCausalLM",
        "Qwen3ForCausalLM",
        "SmolLM3ForCausalLM",
    }
)
"""Causal language models that transformers itself implements; each is plain attention with a key-value cache.
"""

_PLAIN: Final = frozenset(
    {
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.json",
        "merges.txt",
        "chat_template.jinja",
        "model.safetensors.index.json",
        MANIFEST,
    }
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PIECE: Final = 1 << 20
_IGNORED: Final = frozenset({"README.md", "LICENSE", "LICENSE.txt", "USE_POLICY.md", ".gitattributes"})
_CODE: Final = frozenset(
    {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack", ".py", ".so", ".dll"}
)

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model without loading it. `needed_bytes`: of memory, to answer at all."""

    name: str
    architecture: str
    parameters: int
    file_bytes: int
    context: int
    needed_bytes: int


def check(folder: Path) -> ModelFacts:
    """Judge a model's folder without running or loading anything of it.

    Raises ModelError: not a folder, a file that may carry code or that no model needs, a link, unreadable or
    damaged files, a model of unknown kind, a context that is too small, altered since it was added.
    """
    files = _files(folder)
    config = _json(folder / "config.json")
    if _mentions(config, "auto_map") or _mentions(_json(folder / "tokenizer_config.json", {}), "auto_map"):
        raise ModelError(
            f"{folder.name} wants to run code of its own (auto_map). Only models that need none are taken."
        )
    architecture = _architecture(folder, config)
    context = _context(folder, config)
    if "tokenizer.json" not in files and not {"vocab.json", "merges.txt"} <= files.keys():
        raise ModelError(
            f"{folder.name} has no tokenizer: tokenizer.json is missing. Copy the whole model again."
        )
    weights = read_weights(folder, [name for name in files if name.endswith(".safetensors")])
    facts = ModelFacts(
        folder.name,
        architecture,
        weights.parameters,
        sum(files.values()),
        context,
        _needed(config, weights),
    )
    if MANIFEST in files:
        _check_manifest(folder, files)
    return facts


def check_memory(facts: ModelFacts, available: int | None = None) -> None:
    """Raise ModelError where the model does not fit in the memory that is there now (bytes; default: ask)."""
    there = psutil.virtual_memory().available if available is None else available
    if facts.needed_bytes > there:
        raise ModelError(
            f"{facts.name} needs about {_gb(facts.needed_bytes)} of memory and {_gb(there)} are free. "
            "Close other programs, or choose a smaller model."
        )


def add_model(source: Path, tutor_dir: Path, progress: Progress | None = None) -> ModelFacts:
    """Check a model's folder, copy it to this machine's models and make it the active one.

    Raises ModelError, also where memory or disk is too small; then nothing has changed.
    """
    source = source.absolute()
    name = _valid(source.name)
    facts = check(source)
    check_memory(facts)
    temporary = Path(tempfile.mkdtemp(prefix=".adding-", dir=_models(tutor_dir)))
    try:
        check_disk(temporary, name, facts.file_bytes)
        _copy(source, temporary, facts.file_bytes, progress)
        return adopt(temporary, name, tutor_dir)
    except OSError as error:
        raise ModelError(
            f"{name} could not be copied: {error.strerror or error}. Nothing was changed."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def staging(tutor_dir: Path, name: str) -> Path:
    """Return the folder in which a model is gathered before `adopt`; what lies there outlives an
    interruption.
    """
    folder = _models(tutor_dir) / f".getting-{_valid(name)}"
    folder.mkdir(exist_ok=True)
    return folder


def adopt(folder: Path, name: str, tutor_dir: Path) -> ModelFacts:
    """Check a folder beside the models, move it among them under this name, and make it the active one.

    It appears whole or not at all, with the SHA-256 of every file; one of the same name is replaced. Raises
    ModelError.
    """
    check(folder)
    _write_manifest(folder)
    folder.chmod(0o755)  # the node may run as another account than the one that adds models
    place = _models(tutor_dir) / name
    try:
        _replace(folder, place)
    except OSError as error:
        raise ModelError(
            f"{place} could not be written: {error.strerror or error}. Stop the tutor first."
        ) from error
    activate(tutor_dir, name)
    return check(place)


def check_disk(folder: Path, name: str, size: int) -> None:
    """Raise ModelError where so many bytes more do not fit on the folder's disk."""
    free = shutil.disk_usage(folder).free
    if size + SPARE_DISK > free:
        raise ModelError(
            f"{name} needs {_gb(size)} and the disk of {folder.parent} has {_gb(free)} free; "
            f"{_gb(SPARE_DISK)} must stay free. Make room, or choose a smaller model."
        )


def installed(tutor_dir: Path) -> tuple[str, ...]:
    """Return the names of the models on this machine, sorted."""
    models = tutor_dir / "models"
    if not models.is_dir():
        return ()
    return tuple(
        sorted(each.name for each in models.iterdir() if each.is_dir() and not each.name.startswith("."))
    )


def active(tutor_dir: Path) -> Path | None:
    """Return the folder of the model that the tutor is to load; None: it answers by extracts alone."""
    try:
        name = (tutor_dir / "models" / ACTIVE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    return tutor_dir / "models" / name if name in installed(tutor_dir) else None


def activate(tutor_dir: Path, name: str | None) -> None:
    """Name the model that the tutor loads from its next start on; None: none. Raises ModelError: not
    installed.
    """
    if name is not None and name not in installed(tutor_dir):
        raise _unknown(name, tutor_dir)
    models = _models(tutor_dir)
    temporary = models / f".{ACTIVE}"
    temporary.write_text(f"{name or ''}\n", encoding="utf-8")
    temporary.replace(models / ACTIVE)


def remove(tutor_dir: Path, name: str) -> None:
    """Delete a model from this machine; if it was active, none is then. Raises ModelError: not installed."""
    if name not in installed(tutor_dir):
        raise _unknown(name, tutor_dir)
    folder = tutor_dir / "models" / name
    if active(tutor_dir) == folder:
        activate(tutor_dir, None)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise ModelError(
            f"{folder} could not be deleted: {error.strerror or error}. Stop the tutor first."
        ) from error


# --- a folder's files ---


def _files(folder: Path) -> dict[str, int]:
    """Names and sizes of what a model consists of; refuses whatever else is there."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder. Name the folder that holds the model's config.json.")
    sizes: dict[str, int] = {}
    for each in sorted(folder.iterdir()):
        if each.is_symlink():
            raise ModelError(
                f"{each} is a link. Copy the model's files themselves: some tools keep links to a cache."
            )
        if each.name in _IGNORED or (each.is_dir() and each.name.startswith(".")):
            continue
        if each.suffix.lower() in _CODE:
            raise ModelError(
                f"{each} may carry code. Only safetensors weights are taken; delete it, or get the model so."
            )
        if not each.is_file() or (each.name not in _PLAIN and each.suffix != ".safetensors"):
            raise ModelError(f"{each} is no part of a model that is known here. Remove it and try again.")
        size = each.stat().st_size
        if each.suffix != ".safetensors" and size > MOST_JSON:
            raise ModelError(f"{each} has {_gb(size)}: too large for what it should be.")
        sizes[each.name] = size
    if "config.json" not in sizes:
        raise ModelError(f"{folder} holds no config.json: it is not a model's folder.")
    return sizes


def _json(path: Path, default: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if default is None:
            raise ModelError(f"{path} is missing. Copy the whole model again.") from None
        return default
    except (ValueError, RecursionError, OSError) as error:
        raise ModelError(f"{path} cannot be read: {error}. Copy the whole model again.") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} is damaged: it holds no JSON object. Copy the whole model again.")
    return found


def _mentions(value: object, key: str) -> bool:
    """Whether the key stands anywhere in a JSON value, however deep."""
    left = [value]
    while left:
        match left.pop():
            case dict(entries):
                if key in entries:
                    return True
                left.extend(entries.values())
            case list(items):
                left.extend(items)
    return False


def _architecture(folder: Path, config: dict[str, Any]) -> str:
    named = config.get("architectures")
    name = named[0] if isinstance(named, list) and len(named) == 1 else None
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise ModelError(
            f"{folder.name} is of the kind {name!r:.60}, which the tutor does not know. "
            f"It takes: {', '.join(sorted(ARCHITECTURES))}."
        )
    if "quantization_config" in config:
        raise ModelError(f"{folder.name} is quantised. Get the same model in float32, float16 or bfloat16.")
    return name


def _context(folder: Path, config: dict[str, Any]) -> int:
    context = _whole(config, "max_position_embeddings", "n_positions", "n_ctx")
    if context is None or context < LEAST_CONTEXT:
        raise ModelError(
            f"{folder.name} reads {context or 'an unknown number of'} tokens at once. "
            f"The tutor needs {LEAST_CONTEXT}: a passage, a question and an answer. Choose another model."
        )
    return context


def _needed(config: dict[str, Any], weights: Weights) -> int:
    """Bytes of memory: weights as they are computed with, the least cache of keys and values, the libraries.

    On a processor the tutor computes in float32, or in bfloat16 where a test at loading finds that faster.
    """
    layers = _whole(config, "num_hidden_layers", "n_layer", "num_layers") or 0
    heads = _whole(config, "num_attention_heads", "n_head", "num_heads") or 1
    width = _whole(config, "hidden_size", "n_embd") or 0
    head = _whole(config, "head_dim") or width // heads
    cached = 2 * layers * (_whole(config, "num_key_value_heads") or heads) * head * 4
    return weights.parameters * 4 + CACHED_TOKENS * cached + OVERHEAD


def _whole(config: dict[str, Any], *names: str) -> int | None:
    """The first of the names that is a whole number above 0. Raises ModelError: one that no model has."""
    for name in names:
        value = config.get(name)
        if type(value) is int and value > 0:
            if value > MOST_NUMBER:
                raise ModelError(f"config.json is damaged: no model has so large a {name}. Copy it again.")
            return value
    return None


# --- copies ---


def _models(tutor_dir: Path) -> Path:
    models = tutor_dir / "models"
    try:
        models.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"{models} cannot be made: {error.strerror or error}. Run this as the node's account."
        ) from error
    return models


def _copy(source: Path, folder: Path, total: int, progress: Progress | None) -> None:
    done = 0
    for name in sorted(_files(source)):
        with (source / name).open("rb") as given, (folder / name).open("xb") as taken:
            while piece := given.read(_PIECE):
                taken.write(piece)
                done += len(piece)
                if progress is not None:
                    progress(done, total)
            taken.flush()
            os.fsync(taken.fileno())


def _write_manifest(folder: Path) -> None:
    """Write the files' hashes as `sha256sum` does."""
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in sorted(_files(folder)) if name != MANIFEST]
    (folder / MANIFEST).write_text("".join(lines), encoding="utf-8", newline="\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(folder: Path, place: Path) -> None:
    """Put the new folder in its place; what was there goes only once the new one is."""
    if not place.exists():
        folder.rename(place)
        return
    old = Path(tempfile.mkdtemp(prefix=".replaced-", dir=place.parent))
    place.rename(old / place.name)
    try:
        folder.rename(place)
    except OSError:
        (old / place.name).rename(place)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _check_manifest(folder: Path, files: dict[str, int]) -> None:
    expected: dict[str, str] = {}
    for line in (folder / MANIFEST).read_text(encoding="utf-8", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        expected[name] = digest
    for name in sorted((files.keys() | expected.keys()) - {MANIFEST}):
        if name not in files or _sha256(folder / name) != expected.get(name):
            raise ModelError(
                f"{folder / name} is not what was added: it was altered or damaged. Add the model again."
            )


def _valid(name: str) -> str:
    """The name, if a folder may be called so on every system."""
    if not _NAME.fullmatch(name) or name == ACTIVE:
        raise ModelError(
            f"{name!r} is no name for a model. Rename its folder: at most 64 letters, digits, '.', '-', '_'."
        )
    return name


def _unknown(name: str, tutor_dir: Path) -> ModelError:
    there = ", ".join(installed(tutor_dir)) or "none"
    return ModelError(f"There is no model {name!r} on this machine. Installed: {there}.")


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
