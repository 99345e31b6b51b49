"""A class asks at once: thirty students share one language model, against the same asks one at a time.

The model has GPT-2 small's configuration and random weights; prompts have 128 to 256 tokens, answers 16 to
96. One at a time is transformers' own `generate`, which also tells what each answer must be.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lms_desktop.tutor.batch import ATTENTION, Batch, register
from lms_desktop.tutor.loading import NO_ADDON, available
from lms_desktop.tutor.scheduler import Made, Scheduler

SEED = 1
STUDENTS = 30
QUICK_STUDENTS = 10
WORDS = 50_257


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt, and how many tokens its answer has."""

    prompt: list[int]
    most: int


@dataclass(frozen=True, slots=True)
class Run:
    """Answers, when each one's first token came, and when all were done (seconds from the start)."""

    answers: list[list[int]]
    first: list[float]
    seconds: float

    @property
    def tokens_per_s(self) -> float:
        return sum(map(len, self.answers)) / self.seconds

    @property
    def first_p95(self) -> float:
        return statistics.quantiles(self.first, n=20, method="inclusive")[-1]


def measure(quick: bool) -> Mapping[str, float]:
    """`speedup` and `first_token_p95_ratio` are ratios of one at a time to all at once in float32;
    `identical` is the share of answers equal to `generate`'s. The same in bfloat16 with `bf16_` before it.
    """
    if not available():
        sys.exit(f"The class cannot be measured: {NO_ADDON}")
    asks = _asks(QUICK_STUDENTS if quick else STUDENTS)
    figures: dict[str, float] = {"students": len(asks)}
    figures |= _compare(asks, "float32", "")
    if not quick:
        figures |= _compare(asks, "bfloat16", "bf16_")
    return figures


def _asks(students: int) -> list[Asked]:
    chance = random.Random(SEED)
    return [
        Asked([chance.randrange(WORDS) for _ in range(chance.randint(128, 256))], chance.randint(16, 96))
        for _ in range(students)
    ]


def _compare(asks: Sequence[Asked], dtype: str, prefix: str) -> dict[str, float]:
    model = _model(dtype)
    alone = _measured(lambda: _one_at_a_time(model, asks), lambda: _one_at_a_time(model, asks[:1]))
    register()
    model.set_attn_implementation(ATTENTION)
    together = _measured(lambda: _at_once(model, asks), lambda: _at_once(model, asks[:1]))
    same = sum(one == other for one, other in zip(alone.answers, together.answers, strict=True))
    figures = {
        "speedup": together.tokens_per_s / alone.tokens_per_s,
        "first_token_p95_ratio": alone.first_p95 / together.first_p95,
        "identical": same / len(asks),
        "tokens_per_s": together.tokens_per_s,
        "first_token_p95_s": together.first_p95,
        "alone_tokens_per_s": alone.tokens_per_s,
        "alone_first_token_p95_s": alone.first_p95,
    }
    return {prefix + name: round(value, 3) for name, value in figures.items()}


def _measured(run: Callable[[], Run], warm_up: Callable[[], Run]) -> Run:
    warm_up()
    return run()


def _model(dtype: str) -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(SEED)
    return GPT2LMHeadModel(GPT2Config()).eval().to(getattr(torch, dtype))


class _Listener:
    """transformers' streamer: hears the prompt, then each token."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, _tokens: Any) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        """Nothing is held back."""


def _one_at_a_time(model: Any, asks: Sequence[Asked]) -> Run:
    import torch

    answers, first = [], []
    began = time.perf_counter()
    for ask in asks:
        listener, prompt = _Listener(), torch.tensor([ask.prompt])
        with torch.inference_mode():
            tokens = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=ask.most,
                do_sample=False,
                eos_token_id=None,
                pad_token_id=0,
                streamer=listener,
            )
        answers.append(tokens[0, len(ask.prompt) :].tolist())
        first.append(listener.times[1] - began)
    return Run(answers, first, time.perf_counter() - began)


def _at_once(model: Any, asks: Sequence[Asked]) -> Run:
    scheduler = Scheduler(Batch(model))
    answers: list[list[int]] = [[] for _ in asks]
    first = [0.0] * len(asks)
    began = time.perf_counter()
    for number, ask in enumerate(asks):
        scheduler.submit(bytes([number]), number, ask.prompt, ask.most, float("inf"))
    while not scheduler.idle:
        for event in scheduler.step():
            if isinstance(event, Made):
                number = event.id[0]
                if not answers[number]:
                    first[number] = time.perf_counter() - began
                answers[number].append(event.token)
    return Run(answers, first, time.perf_counter() - began)
