"""Nothing of questions and answers stays on a disk or in a log, on the asker's machine or the host's."""

import logging
from pathlib import Path

import pytest

from tests.disk_scan import found
from tests.node.links import until
from tests.node.tutoring.school import ended, lesson, run

HOST, SEAT = 4, 6
SECRET = "Where does the smallest value of my secret heap stand, the one of Zanzibar?"
HISTORY = (("Is my grandmother's recipe a heap?", "No, said the quince."),)


def test_questions_and_answers_are_on_no_disk_and_in_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    caplog.set_level(logging.DEBUG)

    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            seat, host = given.node(SEAT), given.node(HOST)
            for history in ((), HISTORY):
                ask = given.ask(SECRET, history=history)
                await until(lambda: seat.tutoring.host(0) == HOST, 20)
                await seat.tutoring.ask(ask.encode())
                assert (await ended(seat, ask.ask_id, 40))[-1][0] in ("answered", "failed")
            await until(lambda: host.is_ready)

    run(story())
    words = {
        "question": b"Zanzibar",
        "conversation": b"grandmother's recipe",
        "answer": b"said the quince",
    }
    assert found(tmp_path, words) == set()
    assert "Zanzibar" not in caplog.text
    assert "quince" not in caplog.text
