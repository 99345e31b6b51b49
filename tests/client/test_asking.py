"""One ask as the app sees it: its answer is judged, it ends once, and exactly one exchange is handed in.

The node and its ledger are real. What its tutor says is scripted, because an honest one never lies, forgets
or falls silent at a wanted moment.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from lms_desktop.client import asking, conversations, signin, tutor, tutor_settings
from lms_desktop.client.conversations import Exchange
from lms_desktop.client.errors import BadInput, NodeRefused, SignedOut, TutorOff
from lms_desktop.client.exchanges import Verdict
from lms_desktop.client.sealed import EXCHANGE, seal_item
from lms_desktop.client.session import Place, Session
from lms_desktop.client.tutor import Answered, Asking, Failed, Token, Update
from lms_desktop.demo.school import DemoSchool
from lms_desktop.school import deadlines
from lms_desktop.school.commands import TutorExchange
from lms_desktop.school.queries.tutor import ExchangeRow
from lms_desktop.trust import answers
from lms_desktop.trust.answers import Answer
from lms_desktop.trust.asks import Ask
from lms_desktop.trust.primitives import SigningKey, random_bytes
from tests.client.scripted_tutor import DOCUMENT, QUOTE, Message, ScriptedTutor
from tests.e2e.lab import HOUR_MS, Classroom, open_classroom

DEADLINE_S = 20.0
GATE = ("gate", 1, 512, 380, "", (DOCUMENT, 2, QUOTE, 512))
SOURCES = ("sources", ((DOCUMENT, 2, QUOTE, 512),))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """One machine with a class of two."""
    school = DemoSchool(tmp_path_factory.mktemp("school"), ("A",))
    try:
        yield asyncio.run(open_classroom(school, students=2))
    finally:
        school.close()


@asynccontextmanager
async def seated(room: Classroom) -> AsyncIterator[tuple[Session, ScriptedTutor]]:
    """The first student, signed in at the scripted tutor, which answers well unless told otherwise."""
    seat, login = room.school.seats[0], room.students[0].person.login
    link = ScriptedTutor(seat.data)
    link.script = lambda ask: (("accepted", 0, 0), GATE, SOURCES, ("answered", link.answer(ask)))
    link.start()
    try:
        await link.hello()
        async with asyncio.timeout(DEADLINE_S):
            yield (
                await signin.sign_in(
                    link, login=login, passphrase=room.passphrase(login), user_data=seat.user_data
                ),
                link,
            )
    finally:
        link.close()


def begin(
    session: Session, room: Classroom, text: str = "Why halve?", *, conversation: bytes | None = None
) -> Asking:
    """An ask on the assignment, in a conversation of its own or in that one."""
    name = conversation or tutor.new_conversation()
    return tutor.ask(session, course=room.course, assignment=room.assignment, conversation=name, text=text)


async def play(question: Asking) -> list[Update]:
    """All updates to the end."""
    return [update async for update in question]


async def answered(question: Asking) -> Exchange:
    """The exchange at the end of an ask that is answered."""
    end = (await play(question))[-1]
    assert isinstance(end, Answered)
    return end.exchange


async def kept(room: Classroom) -> int:
    """How many exchanges of the course the ledger holds."""
    return len(await room.instructor.query(ExchangeRow, "exchanges", room.course, 0))


def test_an_answer_is_handed_in_once_and_opens_for_its_asker_and_the_staff_alone(room: Classroom) -> None:
    async def run() -> None:
        async with seated(room) as (session, _):
            before, name = await kept(room), tutor.new_conversation()
            updates = await play(begin(session, room, conversation=name))
            kinds = [type(update) for update in updates]
            assert kinds == [tutor.Accepted, tutor.Gate, tutor.Sources, tutor.Answered]
            end = updates[-1]
            assert isinstance(end, Answered)
            exchange = end.exchange
            assert (exchange.question, exchange.verdict) == ("Why halve?", Verdict.ANSWERED)
            assert [source.quote for source in exchange.sources] == [QUOTE]
            assert (exchange.answered_by, exchange.score, exchange.extractive) == ("A", 512, True)
            assert end.sent is not None
            assert not end.sent.waiting
            assert await kept(room) == before + 1

            opened = await conversations.open_conversation(session, conversation=name)
            assert opened.exchanges == (exchange,)
            cards = await conversations.conversations(session, course=room.course)
            assert [(card.first, card.exchanges) for card in cards if card.conversation == name] == [
                ("Why halve?", 1)
            ]
            for_staff = await conversations.course_exchanges(room.instructor, course=room.course)
            assert for_staff[0] == exchange

            other = room.students[1]
            with pytest.raises(BadInput):
                await conversations.course_exchanges(other, course=room.course)
            with pytest.raises(BadInput):
                await conversations.open_conversation(other, conversation=name)
            rows = await other.query(ExchangeRow, "conversation", name)
            for read in (conversations.read_own, conversations.read_as_staff):
                (seen,) = await read(other, rows)
                assert seen.problem
                assert (seen.question, seen.text, seen.sources) == ("", "", ())

    asyncio.run(run())


def test_a_follow_up_brings_along_what_was_answered_and_not_what_was_declined(room: Classroom) -> None:
    async def run() -> None:
        async with seated(room) as (session, link):
            name, good = tutor.new_conversation(), link.script
            first = await answered(begin(session, room, conversation=name))

            def decline(ask: Ask) -> tuple[Message, ...]:
                raw = link.answer(ask, verdict=answers.Verdict.DECLINED, reason="Not of this course.")
                return ("gate", 3, 90, 380, "Not of this course.", None), ("answered", raw)

            link.script = decline
            declined = await answered(begin(session, room, "Who won the cup?", conversation=name))
            assert (declined.verdict, declined.reason) == (Verdict.DECLINED, "Not of this course.")
            link.script = good
            await answered(begin(session, room, "why?", conversation=name))
            assert link.asks[-1].history == (("Why halve?", first.text),)
            opened = await conversations.open_conversation(session, conversation=name)
            assert [one.question for one in opened.exchanges] == ["Why halve?", "Who won the cup?", "why?"]

    asyncio.run(run())


def _altered(link: ScriptedTutor, ask: Ask) -> bytes:
    raw = link.answer(ask).replace(b"halves", b"triple")
    assert Answer.decode(raw).text != Answer.decode(link.answer(ask)).text
    return raw


def _by_another_key(link: ScriptedTutor, ask: Ask) -> bytes:
    return link.answer(ask, key=SigningKey(random_bytes(32)))


def _of_no_machine_of_the_school(link: ScriptedTutor, ask: Ask) -> bytes:
    return link.answer(ask, machine=ask.author)


def _to_another_question(link: ScriptedTutor, ask: Ask) -> bytes:
    other = Ask.sign(
        bytes(32),
        SigningKey(random_bytes(32)),
        author=ask.author,
        course=ask.course,
        assignment=ask.assignment,
        ask_id=ask.ask_id,
        time_ms=ask.time_ms,
        text="Another question?",
    )
    return link.answer(other)


def _no_answer(link: ScriptedTutor, ask: Ask) -> bytes:
    return b"\x01"


Lie = Callable[[ScriptedTutor, Ask], bytes]
LIES: tuple[Lie, ...] = (
    _altered,
    _by_another_key,
    _of_no_machine_of_the_school,
    _to_another_question,
    _no_answer,
)


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_no_machine_of_the_school_signed_for_this_question_is_refused(
    room: Classroom, lie: Lie
) -> None:
    async def run() -> None:
        async with seated(room) as (session, link):
            before = await kept(room)
            link.script = lambda ask: (SOURCES, ("token", "Believe me."), ("answered", lie(link, ask)))
            end = (await play(begin(session, room)))[-1]
            assert isinstance(end, Failed)
            assert end.code == "false_answer"
            assert end.exchange is not None
            assert (end.exchange.verdict, end.exchange.text) == (Verdict.UNFINISHED, "")
            assert await kept(room) == before + 1

    asyncio.run(run())


def test_staff_are_told_of_an_exchange_whose_answer_was_made_up(room: Classroom) -> None:
    async def run() -> None:
        async with seated(room) as (session, link):
            await play(begin(session, room))
            (ask,) = link.asks
            staff, own = await session.opener.staff_reader(room.course), session.opener.own_reader()
            fields = (ask.encode(), _by_another_key(link, ask), "", "")

            def forged(place: Place) -> TutorExchange:
                context = place.context(EXCHANGE, room.course, room.assignment)
                content = seal_item(fields, context, staff=staff, student=own)
                name = tutor.new_conversation()
                return TutorExchange(
                    room.course, room.assignment, name, ask.time_ms, link.machine, 1, content
                )

            await session.send(forged, label="forged")
            newest, honest, *_ = await conversations.course_exchanges(room.instructor, course=room.course)
            assert "did not sign" in newest.problem
            assert (newest.question, newest.text, newest.sources) == ("", "", ())
            assert (honest.problem, honest.verdict) == ("", Verdict.ANSWERED)

    asyncio.run(run())


def test_staff_are_told_of_an_exchange_handed_in_again_under_another_time(room: Classroom) -> None:
    async def run() -> None:
        async with seated(room) as (session, link):
            await play(begin(session, room))
            (ask,) = link.asks
            staff, own = await session.opener.staff_reader(room.course), session.opener.own_reader()
            fields = (ask.encode(), link.answer(ask), "", "")

            def again(place: Place) -> TutorExchange:
                context = place.context(EXCHANGE, room.course, room.assignment)
                content = seal_item(fields, context, staff=staff, student=own)
                name = tutor.new_conversation()
                return TutorExchange(
                    room.course, room.assignment, name, ask.time_ms + HOUR_MS, link.machine, 1, content
                )

            await session.send(again, label="again")
            newest, honest, *_ = await conversations.course_exchanges(room.instructor, course=room.course)
            assert "another time" in newest.problem
            assert (newest.question, newest.text) == ("", "")
            assert honest.problem == ""

    asyncio.run(run())


def test_a_stream_is_read_on_where_it_was_and_begins_again_with_a_node_that_forgot(room: Classroom) -> None:
    async def run() -> None:
        async with seated(room) as (session, link):
            before, updates = await kept(room), list[Update]()
            link.script = lambda ask: (("token", "one "), ("token", "two "))
            async for update in begin(session, room):
                updates.append(update)
                match update:
                    case Token("two "):
                        link.say(("token", "three"), repeat=2)
                    case Token("three"):
                        link.script = lambda ask: (("token", "four"), ("answered", link.answer(ask)))
                        link.forget()
            tokens = [update.text for update in updates if isinstance(update, Token)]
            assert tokens == ["one ", "two ", "three", "four"]
            assert isinstance(updates[3], tutor.Restarted)
            first, second = link.asks
            assert first == second, "the very same bytes are asked again"
            assert link.reads == [0, 2, 3, 0]
            assert isinstance(updates[-1], Answered)
            assert await kept(room) == before + 1

    asyncio.run(run())


def test_a_cancelled_answer_keeps_what_was_streamed_marked_as_unfinished(room: Classroom) -> None:
    async def run() -> None:
        async with seated(room) as (session, link):
            before, name, end = await kept(room), tutor.new_conversation(), None
            link.script = lambda ask: (SOURCES, ("token", "Half of "))
            question = begin(session, room, conversation=name)
            async for end in question:
                if isinstance(end, Token):
                    await question.cancel()
            assert isinstance(end, Failed)
            assert end.code == "cancelled"
            assert question.id in link.cancelled
            (exchange,) = (await conversations.open_conversation(session, conversation=name)).exchanges
            assert exchange == end.exchange
            assert (exchange.verdict, exchange.text) == (Verdict.UNFINISHED, "Half of ")
            assert "stopped" in exchange.reason
            assert await kept(room) == before + 1

    asyncio.run(run())


def test_whoever_stops_listening_has_cancelled_and_one_exchange_is_handed_in(room: Classroom) -> None:
    async def run() -> None:
        async with seated(room) as (session, link):
            before, question = await kept(room), begin(session, room)
            link.script = lambda ask: (("token", "Half of "),)
            async with aclosing(aiter(question)) as updates:
                async for update in updates:
                    assert update == Token("Half of ")
                    break
            assert link.cancelled == [question.id]
            assert await kept(room) == before + 1

    asyncio.run(run())


@pytest.mark.parametrize("way", [Session.lock, Session.sign_out])
def test_a_lock_or_a_sign_out_in_mid_answer_ends_it_and_hands_nothing_in(
    room: Classroom, way: Callable[[Session], None]
) -> None:
    async def run() -> None:
        async with seated(room) as (session, link):
            before, question, end = await kept(room), begin(session, room), None
            link.script = lambda ask: (("token", "Half of "),)
            async for end in question:
                if isinstance(end, Token):
                    way(session)
            assert isinstance(end, Failed)
            assert (end.code, end.exchange) == ("locked", None)
            assert question.id in link.cancelled
            assert await kept(room) == before
            with pytest.raises(SignedOut):
                await play(begin(session, room))

    asyncio.run(run())


def test_a_tutor_that_falls_silent_and_a_node_that_is_gone_end_the_ask(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "SILENCE_S", 0.3)
    monkeypatch.setattr(asking, "WAIT_MS", 100)

    async def run() -> None:
        async with seated(room) as (session, link):
            before = await kept(room)
            link.script = lambda ask: (("accepted", 3, 9_000),)
            end = (await play(begin(session, room)))[-1]
            assert isinstance(end, Failed)
            assert (end.code, end.retryable) == ("deadline", True)
            assert len(link.cancelled) == 1
            updates = []
            async for update in begin(session, room):
                updates.append(update)
                link.gone = True
            end = updates[-1]
            assert isinstance(end, Failed)
            assert end.code == "unreachable"
            assert await kept(room) == before + 2

    asyncio.run(run())


def test_while_the_tutor_is_off_the_asker_is_told_why_and_until_when_and_nothing_is_asked(
    room: Classroom,
) -> None:
    async def run() -> None:
        async with seated(room) as (session, link):
            setting, *_ = await tutor_settings.settings(room.instructor, course=room.course)
            assert (setting.revision, setting.assignment) == (None, None)
            ends = await session.now_ms() + HOUR_MS
            mode = tutor_settings.TutorMode
            staff = room.instructor
            await tutor_settings.set_tutor(
                staff, setting=setting, mode=mode.OFF, ends_ms=ends, reason="Test."
            )
            with pytest.raises(TutorOff) as caught:
                await play(begin(session, room))
            assert (caught.value.reason, caught.value.until_ms) == ("Test.", ends)
            assert deadlines.clock_text(ends, session.zone) in caught.value.what
            assert not link.asks
            setting, *_ = await tutor_settings.settings(staff, course=room.course)
            assert (setting.holds, setting.mode) == (True, mode.OFF)
            await tutor_settings.set_tutor(staff, setting=setting, mode=mode.ON)
            assert await answered(begin(session, room))

    asyncio.run(run())


def test_what_cannot_be_asked_is_refused_before_the_first_update_and_nothing_is_kept(room: Classroom) -> None:
    async def run() -> None:
        async with seated(room) as (session, link):
            before = await kept(room)
            for text in ("", " \n", "x" * (tutor.QUESTION_LENGTH + 1)):
                with pytest.raises(BadInput):
                    await play(begin(session, room, text))
            link.refusal = NodeRefused("tutor_limit", "60 questions an hour may be asked here.")
            with pytest.raises(NodeRefused, match="60 questions"):
                await play(begin(session, room))
            link.refusal = None
            link.script = lambda ask: (("busy", 3_000),)
            assert await play(begin(session, room)) == [tutor.Busy(3_000)]
            assert await kept(room) == before

    asyncio.run(run())


def test_a_conversation_is_saved_as_pdf_and_as_text(room: Classroom, tmp_path: Path) -> None:
    async def run() -> None:
        async with seated(room) as (session, _):
            name = tutor.new_conversation()
            await answered(begin(session, room, conversation=name))
            plain = await conversations.save_conversation(
                session, conversation=name, destination=tmp_path / "conversation.txt"
            )
            for said in ("Why halve?", QUOTE, session.person.name, "Testing"):
                assert said in plain.read_text("utf-8")
            assert plain.read_text("utf-8").count(QUOTE) == 1  # with its place alone
            pdf = await conversations.save_conversation(
                session, conversation=name, destination=tmp_path / "conversation.pdf"
            )
            assert pdf.read_bytes().startswith(b"%PDF-")

    asyncio.run(run())
