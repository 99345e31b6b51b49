"""Generated answers on a GPU host: streamed, withdrawn half-way, begun again after a crash; with a real, tiny
GPT-2."""

import os
import signal
from pathlib import Path

import pytest

from lms_desktop.trust.answers import Answer
from lms_desktop.trust.wire import Packable
from lms_desktop.tutor import models
from tests.node.links import until
from tests.node.tutoring.school import TutoredNode, ended, lesson, messages, run
from tests.tutor.test_generation import ADDON, gpt2, made, tokenizer

HOST, SEAT = 4, 6


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as transformers saves it: it babbles."""
    place = tmp_path_factory.mktemp("models") / "tiny"
    made(gpt2).save_pretrained(place)
    tokenizer().save_pretrained(place)
    return place


def texts(found: list[tuple[Packable, ...]]) -> list[Packable]:
    return [each[1] for each in found if each[0] == "token"]


async def loaded(host: TutoredNode) -> None:
    """Wait until the host's worker has its model."""
    await until(lambda: host.tutoring.state().engine == "generative", 60)


@ADDON
def test_an_answer_streams_is_withdrawn_and_survives_its_worker(tmp_path: Path, tiny: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, HOST, SEAT, hosts=[HOST]) as given:
            seat, host = given.node(SEAT), given.node(HOST)
            await until(lambda: host.is_ready, 30)
            first = host.worker
            models.add_model(tiny, host.folder / "tutor")
            await loaded(host)
            assert host.worker != first, "a new worker has loaded it"
            assert host.tutoring.state().model == "tiny"
            await until(lambda: seat.tutoring.host(0) == HOST, 20)

            ask = given.ask()
            await seat.tutoring.ask(ask.encode())
            found = await ended(seat, ask.ask_id, 60)
            assert found[-1][0] == "answered", found[-1]
            assert isinstance(found[-1][1], bytes)
            answer = Answer.decode(found[-1][1])
            assert answer.engine == "generative"
            assert "".join(map(str, texts(found))) == answer.text
            verbs = [each[0] for each in found]
            assert verbs.index("sources") < verbs.index("token"), "the passages come before the text"

            ask = given.ask()
            await seat.tutoring.ask(ask.encode())
            await until(lambda: len(texts(messages(seat, ask.ask_id))) > 3, 30)
            seat.tutoring.relay.cancel(ask.ask_id)
            found = await ended(seat, ask.ask_id)
            assert found[-1][:2] == ("failed", "cancelled")
            await until(lambda: host.tutoring._supervisor.load.active == 0, 10)

            ask = given.ask()
            await seat.tutoring.ask(ask.encode())
            await until(lambda: len(texts(messages(seat, ask.ask_id))) > 3, 30)
            assert host.worker is not None
            os.kill(host.worker, signal.SIGKILL)
            found = await ended(seat, ask.ask_id, 60)
            assert found[-1][0] == "answered", found[-1]
            verbs = [each[0] for each in found]
            assert verbs.count("restarted") == 1
            again = found[verbs.index("restarted") :]
            assert isinstance(found[-1][1], bytes)
            assert "".join(map(str, texts(again))) == Answer.decode(found[-1][1]).text

    run(story())


@ADDON
def test_a_model_that_does_not_load_leaves_the_passages_and_is_told(tmp_path: Path, tiny: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, HOST, hosts=[HOST]) as given:
            host = given.node(HOST)
            folder = host.folder / "tutor"
            models.add_model(tiny, folder)
            (folder / "models" / "tiny" / "config.json").write_text("{}")
            await until(lambda: host.tutoring.state().words, 60)
            assert host.tutoring.state().engine == "extractive"
            ask = given.ask()
            await host.tutoring.ask(ask.encode())
            found = await ended(host, ask.ask_id, 40)
            assert isinstance(found[-1][1], bytes)
            assert Answer.decode(found[-1][1]).engine == "extractive"

    run(story())
