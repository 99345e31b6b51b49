"""The thread of the language model: the worker's main thread sees when it is stuck."""

import time
from collections.abc import Callable
from pathlib import Path

from lms_desktop.tutor.encoder import load_encoder
from lms_desktop.tutor.protocol import Ask, Failed, OfAsk, Source
from lms_desktop.tutor.writing import Writer
from tests.tutor.test_generation import ADDON, gpt2, made, tokenizer

SLOW = (
    "{% for i in range(20000) %}{% for j in range(1500) %}{% endfor %}{% endfor %}{{ messages[0].content }}"
)
SOURCE = Source(7, 1, "The smallest value of a heap stands at its root.", 700)


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)


@ADDON
def test_a_prompt_that_takes_long_counts_as_a_step(tmp_path: Path) -> None:
    made(gpt2).save_pretrained(tmp_path)
    tokenizer(SLOW).save_pretrained(tmp_path)
    reports: list[OfAsk] = []
    loaded: list[object] = []
    writer = Writer(tmp_path, load_encoder(prefer_addon=False).encode, reports.append, loaded.append)
    writer.start()
    until(lambda: loaded)
    assert writer.step_began is None
    writer.write(
        Ask(bytes(16), 5, 4, 0, "Why?", (), False, False, (), 60_000), (SOURCE,), time.monotonic() + 60
    )

    def stuck() -> bool:
        began = writer.step_began
        return began is not None and time.monotonic() - began > 0.2

    until(lambda: stuck() and not reports)
    until(lambda: reports)
    writer.cancel(bytes(16))
    until(lambda: isinstance(reports[-1], Failed))
    until(lambda: writer.step_began is None)
