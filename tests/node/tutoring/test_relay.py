"""Questions that another machine answers, where that machine is slow, forgetful or means ill."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lms_desktop.node.errors import PeerError
from lms_desktop.node.tutoring import relay as relay_module
from lms_desktop.node.tutoring.relay import TUTOR_ASK, TUTOR_NEXT, Relay
from lms_desktop.trust.asks import Ask
from lms_desktop.trust.primitives import SigningKey, random_bytes
from lms_desktop.trust.wire import Packable
from tests.node.links import Station, stations, until
from tests.node.tutoring.school import lesson, messages, run

SEAT, HOST = 1, 2
Messages = list[tuple[Packable, ...]]


def ask() -> Ask:
    key = SigningKey.generate()
    return Ask.sign(
        bytes(32), key, author=5, course=7, assignment=0, ask_id=random_bytes(16), time_ms=0, text="Why?"
    )


def host(station: Station, news: Callable[[Sequence[bytes]], Awaitable[Packable]]) -> list[bytes]:
    """A machine that takes every question and tells of them what it likes; returns what it was asked."""
    asked: list[bytes] = []

    async def take(_: object, fields: Sequence[object]) -> Sequence[Packable]:
        assert isinstance(fields[0], bytes)
        asked.append(fields[0])
        return ["new"]

    async def tell(_: object, fields: Sequence[object]) -> Sequence[Packable]:
        places = fields[0]
        assert isinstance(places, tuple)
        return [await news([ask_id for ask_id, _ in places])]

    station.links.serve(TUTOR_ASK, take)
    station.links.serve(TUTOR_NEXT, tell)
    return asked


@asynccontextmanager
async def relaying() -> AsyncIterator[tuple[Relay, Station]]:
    async with stations(SEAT, HOST) as (seat, other):
        relay = Relay(SEAT, seat.links)
        try:
            yield relay, other
        finally:
            await relay.close()


def told(relay: Relay, ask_id: bytes) -> Messages:
    stream = relay.streams.get(ask_id, SEAT)
    return [] if stream is None else list(stream.after(0))


def test_a_question_withdrawn_while_its_host_begins_anew_leaves_the_others_in_order() -> None:
    async def story() -> None:
        async with relaying() as (relay, other):
            withdrawn, kept = ask(), ask()
            asked_again, refuse = asyncio.Event(), asyncio.Event()

            async def news(ids: Sequence[bytes]) -> Packable:
                if withdrawn.ask_id in ids:
                    return [[withdrawn.ask_id, None]]
                return [[ask_id, [["busy", 1]]] for ask_id in ids]

            asked = host(other, news)
            await relay.ask(withdrawn.encode(), HOST)

            async def refused(_: object, fields: Sequence[object]) -> Sequence[Packable]:
                if fields[0] == kept.encode():
                    return ["new"]
                asked_again.set()
                await refuse.wait()
                raise PeerError("not_allowed", "No")

            other.links.serve(TUTOR_ASK, refused)
            await relay.ask(kept.encode(), HOST)
            await asked_again.wait()
            relay.cancel(withdrawn.ask_id)
            refuse.set()
            await until(lambda: told(relay, kept.ask_id)[-1:] == [("busy", 1)], 5)
            assert told(relay, withdrawn.ask_id)[-1][:2] == ("failed", "cancelled")
            assert asked == [withdrawn.encode()]

    run(story())


def test_the_news_of_a_question_do_not_wait_for_those_of_an_earlier_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, 4, 6, hosts=[4]) as given:
            seat, answering = given.node(6), given.node(4).tutoring.answering
            answering.held = True
            given.node(4).tutoring._watch_model = lambda: None  # type: ignore[method-assign]
            await until(lambda: seat.tutoring.host(0) == 4, 20)
            first, second = given.ask(), given.ask("And what is a graph?")
            await seat.tutoring.ask(first.encode())
            await until(lambda: messages(seat, first.ask_id))
            await seat.tutoring.ask(second.encode())
            await until(lambda: messages(seat, second.ask_id), relay_module.POLL_MS / 1000 - 2)

    run(story())


async def _without_end(ids: Sequence[bytes]) -> Packable:
    return [[ask_id, [["token", "x" * 4_000]] * 20] for ask_id in ids]


async def _forgotten(ids: Sequence[bytes]) -> Packable:
    return [[ask_id, None] for ask_id in ids]


async def _nothing(_: Sequence[bytes]) -> Packable:
    return []


@pytest.mark.parametrize("news", [_without_end, _forgotten, _nothing])
def test_a_host_that_never_ends_a_question_cannot_fill_this_machine(
    news: Callable[[Sequence[bytes]], Awaitable[Packable]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "DEADLINE_S", 2.0, raising=False)

    async def story() -> None:
        async with relaying() as (relay, other):
            question, polls = ask(), 0

            async def counted(ids: Sequence[bytes]) -> Packable:
                nonlocal polls
                polls += 1
                return await news(ids)

            host(other, counted)
            await relay.ask(question.encode(), HOST)

            def over() -> bool:
                relay.tick([])
                found = told(relay, question.ask_id)
                return bool(found) and found[-1][:2] in (("failed", "interrupted"), ("failed", "deadline"))

            await until(over, 8)
            found = told(relay, question.ask_id)
            assert sum(len(str(each)) for each in found) < 2 << 20
            assert polls < 200, "it does not spin"

    run(story())
