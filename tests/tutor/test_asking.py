"""The worker's thread that judges questions: those that end before they are judged."""

import queue
from pathlib import Path

import pytest

from lms_desktop.tutor import asking
from lms_desktop.tutor.asking import Asker
from lms_desktop.tutor.encoder import load_encoder
from lms_desktop.tutor.indexing import Indexer
from lms_desktop.tutor.protocol import Ask, Failed, OfAsk


def test_all_that_have_ended_are_told_so_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LOOK_S", 600.0)  # no second look
    reports: queue.Queue[OfAsk] = queue.Queue()
    indexer = Indexer(tmp_path, load_encoder(prefer_addon=False), lambda _: None)
    asker = Asker(indexer, None, reports.put)
    for number in range(4):
        asker.ask(
            Ask(bytes([number]) * 16, 1, 7, 0, "Why?", (), False, False, (), 0 if number < 2 else 60_000)
        )
    for number in (2, 3):
        asker.cancel(bytes([number]) * 16)
    asker.start()
    ends = [reports.get(timeout=20) for _ in range(4)]
    assert [(end.id[0], end.code) for end in ends if isinstance(end, Failed)] == [
        (0, "deadline"),
        (1, "deadline"),
        (2, "cancelled"),
        (3, "cancelled"),
    ]
