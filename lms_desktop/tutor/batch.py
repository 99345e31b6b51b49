"""One forward pass for many answers at once: transformers' models over rows of different lengths, without
padding.

The tokens of all rows go through the model end to end as one sequence of batch size 1, so that each matrix
product reads the weights once for everybody; only attention looks at each row alone, in a cache of exactly
the row's own size (the idea is Orca's selective batching, Yu et al., OSDI 2022). A row may be given its
prompt in pieces, beside rows that are given their last token (chunked prefill; Agrawal et al., OSDI 2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lms_desktop.tutor.scheduler import OutOfMemory

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

ATTENTION: Final = "lms_rows"
"""The name under which transformers finds `attend`: a model is loaded with `attn_implementation=ATTENTION`.
"""


@dataclass(slots=True, eq=False)
class Row:
    """One answer's keys and values, each (layers, key-value heads, room, head width), and its tokens."""

    keys: "torch.Tensor"
    values: "torch.Tensor"
    length: int = 0


@dataclass(frozen=True, slots=True)
class _Span:
    """The tokens `begin` to `end` of the pass belong to this row."""

    row: Row
    begin: int
    end: int


class Batch:
    """A model's rows. Not for several threads. Needs torch and transformers, the tutor's add-on."""

    def __init__(self, model: "PreTrainedModel") -> None:
        config = model.config.get_text_config()
        heads = config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        self._model = model
        self._shape = (config.num_hidden_layers, getattr(config, "num_key_value_heads", None) or heads, width)
        self.bytes_per_token = 2 * self._shape[0] * self._shape[1] * width * model.dtype.itemsize

    def row(self, room: int) -> Row:
        """Return an empty row for `room` tokens; it is freed when it is let go. Raises OutOfMemory."""
        import torch

        layers, heads, width = self._shape
        size = (layers, heads, room, width)
        try:
            keys, values = torch.empty((2, *size), dtype=self._model.dtype, device=self._model.device)
            return Row(keys, values)
        except (RuntimeError, MemoryError) as error:
            raise _translated(error) from error

    def forward(self, pieces: Sequence[tuple[Row, Sequence[int]]]) -> list[int]:
        """Append tokens to rows; return for each piece the likeliest token after its last (greedy).

        A row stands in at most one piece. If it raises OutOfMemory no row has changed.
        """
        import torch

        spans: list[_Span] = []
        tokens: list[int] = []
        positions: list[int] = []
        for row, piece in pieces:
            spans.append(_Span(row, len(tokens), len(tokens) + len(piece)))
            tokens.extend(piece)
            positions.extend(range(row.length, row.length + len(piece)))
        device = self._model.device
        try:
            with torch.inference_mode():
                logits = self._model(
                    input_ids=torch.tensor([tokens], device=device),
                    position_ids=torch.tensor([positions], device=device),
                    logits_to_keep=torch.tensor([span.end - 1 for span in spans], device=device),
                    use_cache=False,
                    spans=spans,
                ).logits
                found: list[int] = logits[0].argmax(dim=-1).tolist()
        except (RuntimeError, MemoryError) as error:
            raise _translated(error) from error
        for span in spans:
            span.row.length += span.end - span.begin
        return found


def attend(
    module: "torch.nn.Module",
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: "torch.Tensor | None",
    *,
    scaling: float | None = None,
    spans: Sequence[_Span],
    **_: Any,
) -> tuple["torch.Tensor", None]:
    """Causal attention of one layer, row by row; `query` is (1, heads, tokens, width), the others have their
    own heads.

    transformers calls it with what `Batch.forward` hands to the model; it masks by itself.
    """
    import torch

    layer: Any = module.layer_idx
    mixed = torch.empty_like(query)
    for span in spans:
        row, begin, end = span.row, span.begin, span.end
        known = row.length + end - begin
        row.keys[layer, :, row.length : known] = key[0, :, begin:end]
        row.values[layer, :, row.length : known] = value[0, :, begin:end]
        mixed[:, :, begin:end] = _attend_row(
            query[:, :, begin:end],
            row.keys[None, layer, :, :known],
            row.values[None, layer, :, :known],
            scaling,
        )
    return mixed.transpose(1, 2), None


def _attend_row(
    query: "torch.Tensor", keys: "torch.Tensor", values: "torch.Tensor", scaling: float | None
) -> "torch.Tensor":
    """Attention of a row's last tokens to all of it; where heads share keys (GQA) these are not repeated for
    one token.
    """
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    heads, count, width = query.shape[1:]
    shared, known = keys.shape[1:3]
    if count == 1:
        grouped = query.view(1, shared, heads // shared, width)
        return scaled_dot_product_attention(grouped, keys, values, scale=scaling).view(1, heads, 1, width)
    if heads != shared:
        keys = keys.repeat_interleave(heads // shared, dim=1)
        values = values.repeat_interleave(heads // shared, dim=1)
    if known == count:
        return scaled_dot_product_attention(query, keys, values, is_causal=True, scale=scaling)
    mask = torch.ones(count, known, dtype=torch.bool, device=query.device).tril(known - count)
    return scaled_dot_product_attention(query, keys, values, attn_mask=mask, scale=scaling)


def _translated(error: BaseException) -> BaseException:
    """torch tells a lack of memory on a processor by a RuntimeError that says so."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return OutOfMemory("Memory for one more answer is lacking.")
    return error


def register() -> None:
    """Make `attend` known to transformers; needed before a model is loaded with it."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, attend)
