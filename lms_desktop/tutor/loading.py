"""Loading a checked model: on the GPU if there is one, in bfloat16 where that is faster."""

import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from lms_desktop.tutor import batch, models
from lms_desktop.tutor.generation import Generator
from lms_desktop.tutor.offline import stay_offline
from lms_desktop.tutor.scheduler import SLOTS, OutOfMemory, Scheduler
from lms_desktop.tutor.weights import ModelError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

MOST_CONTEXT: Final = 2_048  # tokens: passages, conversation and answer need no more, and each costs memory
NO_ADDON: Final = "the tutor's add-on is not installed. Install it with: pip install 'lms-desktop[tutor]'."
_CACHED_SHARE: Final = 0.5  # of the memory left beside the model, for keys and values
_WORTH: Final = 1.2  # bfloat16 must be so many times as fast


def available() -> bool:
    """Whether the tutor's add-on, torch and transformers, is installed here."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers"))


def load(folder: Path, memory: int = 0) -> Generator:
    """Check the model in `folder` and load it; `memory`: bytes that it may take (0: what is free).

    Raises ModelError: refused, damaged, too large for the memory, or the add-on is not installed.
    """
    if not available():
        raise ModelError(f"{folder.name} cannot be loaded: {NO_ADDON}")
    facts = models.check(folder)
    free = psutil.virtual_memory().available
    models.check_memory(facts, min(memory, free) if memory else free)
    stay_offline()
    try:
        return _load(folder, facts, memory)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        ImportError,
        OutOfMemory,
    ) as error:
        raise ModelError(
            f"{facts.name} does not load: {error}. Add it again, or choose another model."
        ) from error


def _load(folder: Path, facts: models.ModelFacts, memory: int) -> Generator:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    batch.register()
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    device, dtype = _place(facts, config)
    model, report = AutoModelForCausalLM.from_pretrained(
        folder,
        config=config,
        dtype=dtype,
        attn_implementation=batch.ATTENTION,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    if lacking := sorted({*map(str, report["missing_keys"]), *map(str, report["mismatched_keys"])}):
        raise ModelError(f"{facts.name} lacks weights ({lacking[0]}). Copy the whole model again.")
    model.to(device).eval()
    rows = batch.Batch(model)
    _try_out(facts, model, tokenizer)
    context = min(facts.context, MOST_CONTEXT, getattr(config, "sliding_window", None) or MOST_CONTEXT)
    slots = min(SLOTS, _cache_memory(model, memory) // (rows.bytes_per_token * context))
    queue = Scheduler(rows, _stop_tokens(model, tokenizer), max(1, slots))
    name = f"{model.device.type}, {str(dtype).removeprefix('torch.')}"
    return Generator(facts.name, name, context, tokenizer, queue)


def _place(facts: models.ModelFacts, config: Any) -> "tuple[str, torch.dtype]":
    """Where to compute, and in what. A GPU too small for the model is left alone."""
    import torch

    if torch.cuda.is_available():
        half = torch.cuda.is_bf16_supported(including_emulation=False)
        free, _ = torch.cuda.mem_get_info()
        if facts.parameters * (2 if half else 4) * 1.2 + models.OVERHEAD < free:
            return "cuda", torch.bfloat16 if half else torch.float32
    return "cpu", torch.bfloat16 if faster_in_bfloat16(config.hidden_size) else torch.float32


def faster_in_bfloat16(width: int) -> bool:
    """Whether this processor multiplies matrices of the model's width faster in bfloat16: it depends on its
    kind.
    """
    import torch

    def seconds(dtype: "torch.dtype") -> float:
        weights = torch.randn(4 * width, width).to(dtype)
        inputs = [torch.randn(rows, width).to(dtype) for rows in (1, 16, 256)]
        taken = []
        for _ in range(4):
            began = time.perf_counter()
            for each in inputs:
                torch.nn.functional.linear(each, weights)
            taken.append(time.perf_counter() - began)
        return min(taken[1:])

    with torch.inference_mode():
        return seconds(torch.float32) > _WORTH * seconds(torch.bfloat16)


def _try_out(facts: models.ModelFacts, model: "PreTrainedModel", tokenizer: Any) -> None:
    """Run the model once: it warms up, and damaged weights or a tokenizer of another model show."""
    import torch

    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        raise ModelError(f"{facts.name}: its tokenizer is of another model. Copy the whole model again.")
    rows = batch.Batch(model)
    rows.forward([(rows.row(8), tokenizer.encode("Question: why?")[:8])])
    if not all(bool(torch.isfinite(each).all()) for each in model.parameters()):
        raise ModelError(f"{facts.name} holds weights that are no numbers: it is damaged. Copy it again.")


def _cache_memory(model: "PreTrainedModel", memory: int) -> int:
    """Bytes for keys and values."""
    import torch

    if model.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info()
    else:
        free = psutil.virtual_memory().available
        if memory:
            free = min(free, memory - psutil.Process().memory_info().rss)
    return max(0, int(free * _CACHED_SHARE))


def _stop_tokens(model: "PreTrainedModel", tokenizer: Any) -> frozenset[int]:
    named = model.generation_config.eos_token_id if model.generation_config is not None else None
    found = named if isinstance(named, list) else [named, tokenizer.eos_token_id]
    return frozenset(token for token in found if token is not None)
