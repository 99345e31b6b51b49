"""Asking on real nodes and workers: the light tutor, a GPU host that is lost, no quorum; the instructor."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lms_desktop.client import (
    conversations,
    course,
    machines,
    questions,
    sources,
    today,
    tutor,
    tutor_settings,
)
from lms_desktop.client.conversations import Verdict
from lms_desktop.client.errors import BadInput, NodeRefused, TutorOff
from lms_desktop.client.questions import QuestionState
from lms_desktop.client.session import Session
from lms_desktop.client.tutor import Answered, Asking, Busy, Failed
from lms_desktop.demo.asking import worker_of
from lms_desktop.demo.school import DemoSchool
from lms_desktop.demo.seats import Seat
from lms_desktop.resources import resource
from lms_desktop.school.queries.tutor import ExchangeRow
from lms_desktop.tutor.sentences import normal
from tests.e2e.lab import Classroom, eventually, open_classroom

pytestmark = pytest.mark.timeout(180)

QUESTION = "Why does the range never shrink if I write low = middle?"
TEXT = "Trace binary search on a list of your own."


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """Staff on A, two students on C; the course has a chapter to read."""
    school = DemoSchool(tmp_path_factory.mktemp("school"), ("A", "B", "C"))
    try:
        room = asyncio.run(open_classroom(school, students=2))
        asyncio.run(_publish(room))
        yield room
    finally:
        school.close()


async def _publish(room: Classroom) -> None:
    path = resource("courses", "searching.pdf")
    await course.add_material(room.instructor, course=room.course, title="Counting the Cost", path=path)


def begin(room: Classroom, *, conversation: bytes | None = None, text: str = QUESTION) -> Asking:
    """An ask of the first student, on the course."""
    name = conversation or tutor.new_conversation()
    return tutor.ask(room.students[0], course=room.course, conversation=name, text=text)


async def played(asking: Asking) -> Answered | Failed | Busy:
    """The end of an ask."""
    *_, end = [update async for update in asking]
    assert isinstance(end, Answered | Failed | Busy)
    return end


async def answered(asking: Asking) -> conversations.Exchange:
    """The exchange of an ask that is answered."""
    end = await played(asking)
    assert isinstance(end, Answered), end
    return end.exchange


async def ready(session: Session, room: Classroom, where: str, machine: str) -> None:
    """Wait until the tutor of that machine answers for a session and has read the course."""

    async def look() -> bool:
        found = await tutor.state(session, course=room.course)
        read = 0 < found.total == found.done
        return (found.where, found.machine, found.state) == (where, machine, "ready") and read

    await eventually(look)


async def tag(room: Classroom, name: str, *, on: bool) -> None:
    """Tag a machine as GPU host, or take the tag away."""
    row = next(row for row in (await machines.machines_page(room.admin)).machines if row.name == name)
    await machines.set_gpu_host(room.admin, machine=row.machine, on=on)


def seat(room: Classroom, name: str) -> Seat:
    """The machine of that name."""
    return next(one for one in room.school.seats if one.name == name)


def test_without_a_host_the_students_own_machine_quotes_the_pages_word_for_word(room: Classroom) -> None:
    async def run() -> None:
        student = room.students[0]
        await ready(student, room, "here", "C")
        name = tutor.new_conversation()
        exchange = await answered(begin(room, conversation=name))
        assert (exchange.verdict, exchange.extractive, exchange.answered_by) == (Verdict.ANSWERED, True, "C")
        assert exchange.sources
        for source in exchange.sources:
            assert source.title == "Counting the Cost"
            page = await asyncio.to_thread(_page, await sources.open_document(student, source=source), source)
            assert source.quote in page
        declined = await answered(begin(room, conversation=name, text="Which film should we watch tonight?"))
        assert (declined.verdict, declined.text) == (Verdict.DECLINED, "")
        assert declined.reason
        seen = await conversations.course_exchanges(room.instructor, course=room.course)
        assert [one.question for one in seen][:2] == ["Which film should we watch tonight?", QUESTION]
        assert not [one.problem for one in seen if one.problem]

    asyncio.run(run())


def _page(pdf: bytes, source: sources.Source) -> str:
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        text = document[source.page - 1].get_textpage().get_text_range()
    finally:
        document.close()
    return normal(text.replace("\ufffe", "-\n"))


def test_a_tagged_machine_answers_for_all_until_it_is_lost_and_its_worker_ends_with_the_tag(
    room: Classroom,
) -> None:
    async def run() -> None:
        host, student = seat(room, "B"), room.students[0]
        await tag(room, "B", on=True)
        await ready(student, room, "host", "B")
        assert (await answered(begin(room))).answered_by == "B"

        async def alone() -> bool:
            return [one.name for one in room.school.seats if worker_of(one) is not None] == ["B"]

        await eventually(alone)
        before = await _kept(room)
        worker = worker_of(host)
        assert worker is not None
        psutil.Process(worker).suspend()
        asking = begin(room)
        async for update in asking:
            if host.alive:  # it was accepted there, and is never answered
                host.kill()
            end = update
        assert isinstance(end, Answered | Failed)
        assert isinstance(end, Failed) or end.exchange.answered_by == "C"
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(worker).resume()
        assert await _kept(room) == before + 1
        await ready(student, room, "here", "C")
        assert (await answered(begin(room))).answered_by == "C"

        await host.restart()
        await ready(student, room, "host", "B")
        await tag(room, "B", on=False)

        async def ended() -> bool:
            return worker_of(host) is None

        await eventually(ended)
        await ready(student, room, "here", "C")

    asyncio.run(run())


async def _kept(room: Classroom) -> int:
    return len(await room.students[0].query(ExchangeRow, "exchanges", room.course, 0))


def test_without_a_quorum_the_tutor_answers_and_the_exchange_waits_on_this_computer(room: Classroom) -> None:
    async def run() -> None:
        student, others = room.students[0], (seat(room, "A"), seat(room, "B"))
        await ready(student, room, "here", "C")
        before, name = await _kept(room), tutor.new_conversation()
        for one in others:
            one.kill()

        async def lost() -> bool:
            return not (await student.status()).quorum

        await eventually(lost)
        end = await played(begin(room, conversation=name))
        assert isinstance(end, Answered)
        assert end.sent is not None
        assert end.sent.waiting
        again = await answered(begin(room, conversation=name, text="and with only one element left?"))
        waiting = await conversations.open_conversation(student, conversation=name)
        assert waiting.exchanges == (end.exchange, again)
        assert await _kept(room) == before
        for one in others:
            await one.restart()

        async def accepted() -> bool:
            return await _kept(room) == before + 2

        await eventually(accepted)
        assert await conversations.open_conversation(student, conversation=name) == waiting

    asyncio.run(run())


def test_a_question_goes_to_the_staff_alone_and_its_replies_are_unread_until_they_are_read(
    room: Classroom, tmp_path: Path
) -> None:
    async def run() -> None:
        staff, (student, other) = room.instructor, room.students
        name = tutor.new_conversation()
        exchange = await answered(begin(room, conversation=name))
        asked = await questions.ask_instructor(
            student,
            course=room.course,
            text="Which line?",
            conversation=name,
            pages=exchange.sources,
        )

        async def arrived() -> questions.QuestionCard | None:
            cards = (await today.instructor_today(staff)).unanswered
            return cards[0] if cards else None

        card = await eventually(arrived)
        assert (card.text, card.state, card.problem) == ("Which line?", QuestionState.UNANSWERED, "")
        assert (await questions.counts(staff)).unanswered == 1
        thread = await questions.thread(staff, question=asked.made)
        assert thread.conversation == (exchange,)
        assert [page.quote for page in thread.posts[0].pages] == [one.quote for one in exchange.sources]
        with pytest.raises(BadInput):
            await questions.thread(other, question=asked.made)

        await questions.reply(staff, question=asked.made, text="The first.", pages=exchange.sources[:1])
        assert (await questions.counts(staff)).unanswered == 0
        (reply,) = await _unread(student, 1)
        assert (reply.to_class, reply.question) == (False, asked.made)
        await _unread(other, 0)
        posts = (await questions.thread(student, question=asked.made)).posts
        assert [(post.text, post.staff, post.unread) for post in posts] == [
            ("Which line?", False, False),
            ("The first.", True, True),
        ]
        await questions.mark_seen(student, item=reply.item)
        await _unread(student, 0)

        await questions.reply(student, question=asked.made, text="And the second?")

        async def open_again() -> bool:
            return (await questions.counts(staff)).unanswered == 1

        await eventually(open_again)
        await questions.answer_class(
            staff, course=room.course, question=asked.made, title="Which line?", text="The first alone."
        )
        assert (await questions.counts(staff)).unanswered == 0
        for reader in (student, other):
            (answer,) = await _unread(reader, 1)
            assert (answer.to_class, answer.title) == (True, "Which line?")
            await questions.mark_seen(reader, item=answer.item)
            await _unread(reader, 0)
        saved = await questions.save_thread(
            student, question=asked.made, destination=tmp_path / "question.txt"
        )
        said = saved.read_text("utf-8")
        places = [
            said.index(text) for text in ("The first.", "And the second?", "The first alone.", QUESTION)
        ]
        assert places == sorted(places)

        more = await questions.ask_instructor(other, course=room.course, text="Thanks!")

        async def known() -> bool:
            cards = await questions.course_questions(staff, course=room.course)
            return more.made in [one.question for one in cards]

        await eventually(known)
        await questions.settle(staff, question=more.made)
        assert (await questions.counts(staff)).unanswered == 0

    asyncio.run(run())


async def _unread(student: Session, count: int) -> tuple[today.Reply, ...]:
    async def look() -> bool:
        return (await questions.counts(student)).unread == count

    await eventually(look)
    replies = (await today.student_today(student)).replies
    assert len(replies) == count
    return replies


def test_switched_off_for_one_assignment_the_tutor_answers_on_the_rest_of_the_course(room: Classroom) -> None:
    async def run() -> None:
        staff, student = room.instructor, room.students[0]
        found = await tutor_settings.settings(staff, course=room.course)
        setting = next(one for one in found if one.assignment == room.assignment)
        mode = tutor_settings.TutorMode
        await tutor_settings.set_tutor(staff, setting=setting, mode=mode.OFF, reason="Alone, please.")

        async def off() -> bool:
            force = await tutor_settings.in_force(student, course=room.course, assignment=room.assignment)
            return force.mode is mode.OFF

        await eventually(off)
        with pytest.raises(TutorOff, match="Alone, please"):
            await played(
                tutor.ask(
                    student,
                    course=room.course,
                    assignment=room.assignment,
                    conversation=tutor.new_conversation(),
                    text=QUESTION,
                )
            )
        assert (await answered(begin(room))).verdict is Verdict.ANSWERED

    asyncio.run(run())


def test_a_student_of_another_course_asks_and_sees_nothing_of_this_one(room: Classroom) -> None:
    async def run() -> None:
        other = room.students[1]
        await course.unenrol(room.instructor, course=room.course, student=other.person.number)

        async def left() -> bool:
            return not await course.courses(other)

        await eventually(left)
        with pytest.raises(NodeRefused) as refused:
            await played(
                tutor.ask(other, course=room.course, conversation=tutor.new_conversation(), text=QUESTION)
            )
        assert refused.value.code == "not_allowed"
        await questions.answer_class(room.instructor, course=room.course, title="New", text="For the others.")
        await _unread(room.students[0], 1)
        assert (await today.student_today(other)).replies == ()
        assert await questions.class_answers(other) == ()
        exchanges = await other.query(ExchangeRow, "exchanges", room.course, 0)
        opened = await conversations.read_as_staff(other, exchanges)
        assert all(one.problem and not one.question for one in opened)

    asyncio.run(run())
