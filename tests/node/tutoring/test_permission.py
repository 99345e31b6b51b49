"""Who may ask the tutor what, and what a machine or person that means ill gets."""

from pathlib import Path

import pytest

from lms_desktop.node.errors import PeerError
from lms_desktop.node.tutoring.relay import TUTOR_ASK, TUTOR_CANCEL, TUTOR_NEXT
from lms_desktop.school.commands import AssignmentPublish, Command, TutorMode, TutorSet
from lms_desktop.school.references import reference
from lms_desktop.trust.answers import Answer, Verdict
from lms_desktop.trust.asks import MAX_ASK
from lms_desktop.trust.envelope import make_payload
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import random_bytes
from lms_desktop.trust.wire import Packable
from tests.node.links import now_ms, until
from tests.node.tutoring.school import ON_TOPIC, Lesson, TutoredNode, ended, lesson, messages, run

HOST, SEAT, OTHER = 4, 6, 2


async def refusal(node: TutoredNode, raw: bytes) -> str:
    """The code with which the host refuses what that node brings; empty where it takes it."""
    try:
        await node.station.links.request(HOST, TUTOR_ASK, [raw], 5.0)
    except PeerError as error:
        return error.code
    return ""


def test_the_host_takes_no_question_that_it_should_not(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            seat, bob = given.node(SEAT), given.school.bob
            forged = given.ask(key=bob.key)
            assert await refusal(seat, forged.encode()) == "not_allowed"
            other_course = given.ask(course=given.school.course + 1)
            assert await refusal(seat, other_course.encode()) == "not_allowed"
            other_assignment = given.ask(assignment=given.school.assignment + 1)
            assert await refusal(seat, other_assignment.encode()) == "not_allowed"
            for late in (-11, 11):
                stale = given.ask(time_ms=now_ms() + late * 60_000)
                assert await refusal(seat, stale.encode()) == "stale"
            assert await refusal(seat, b"?" * 100) == "malformed"
            assert await refusal(seat, forged.encode() + bytes(MAX_ASK)) == "malformed"
            assert given.node(HOST).tutoring.answering.open == 0
            assert await refusal(seat, given.ask().encode()) == ""

    run(story())


def test_who_is_not_of_the_course_may_not_ask(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            seat = given.node(SEAT)
            for author, allowed in ((given.school.teacher, ""), (given.school.admin, "not_allowed")):
                assert await refusal(seat, given.ask(author=author).encode()) == allowed

    run(story())


def test_a_machine_that_is_no_host_answers_nobody_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[OTHER]) as given:
            assert await refusal(given.node(SEAT), given.ask().encode()) == "no_tutor"

    run(story())


def test_a_question_handed_in_again_is_the_same_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            seat, other = given.node(SEAT), given.node(OTHER)
            ask = given.ask()
            links = seat.station.links
            assert await links.request(HOST, TUTOR_ASK, [ask.encode()], 5.0) == ("new",)
            assert await links.request(HOST, TUTOR_ASK, [ask.encode()], 5.0) == ("known",)
            assert given.node(HOST).tutoring.answering.open == 1
            same_number = given.ask("Something else?", ask_id=ask.ask_id)
            assert await refusal(seat, same_number.encode()) == "not_allowed"
            assert await refusal(other, ask.encode()) == "not_allowed", "brought by another machine"

    run(story())


def test_a_machine_reads_and_withdraws_its_own_questions_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            seat, other = given.node(SEAT), given.node(OTHER)
            ask = given.ask()
            await seat.station.links.request(HOST, TUTOR_ASK, [ask.encode()], 5.0)

            async def news(node: TutoredNode) -> object:
                place: list[Packable] = [[[ask.ask_id, 0]], 1_000]
                (streams,) = await node.station.links.request(HOST, TUTOR_NEXT, place, 5.0)
                return streams

            assert await news(other) == ((ask.ask_id, None),)
            await other.station.links.request(HOST, TUTOR_CANCEL, [ask.ask_id], 5.0)
            assert await news(seat) == ((ask.ask_id, (("accepted", 0, 0),)),)

    run(story())


MALFORMED: tuple[list[Packable], ...] = (
    [],
    [[[b"short", 0]], 0],
    [[[bytes(16), -1]], 0],
    [[], 10_001],
    [[], -1],
    [[[bytes(16), 0]] * 257, 0],
)


def test_news_are_asked_for_as_they_should(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, HOST, SEAT, hosts=[HOST]) as given:
            for fields in MALFORMED:
                with pytest.raises(PeerError) as refused:
                    await given.node(SEAT).station.links.request(HOST, TUTOR_NEXT, fields, 5.0)
                assert refused.value.code == "malformed", fields

    run(story())


def test_a_flood_of_questions_is_told_to_wait(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            host = given.node(HOST).tutoring.answering
            outcomes: list[str] = []
            for _ in range(1_000):
                try:
                    host.ask(given.ask(f"Question {len(outcomes)}?").encode(), SEAT)
                    outcomes.append("")
                except PeerError as error:
                    outcomes.append(error.code)
            assert outcomes.count("") <= 60, "no more than an hour's questions"
            assert set(outcomes) <= {"", "busy", "tutor_limit"}
            assert host.open <= 3

    run(story())


def test_staff_limit_the_questions_of_an_hour(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            await setting(given, per_hour=2)
            host = given.node(HOST).tutoring.answering
            for _ in range(2):
                ask = given.ask()
                host.ask(ask.encode(), SEAT)
                host.cancel(ask.ask_id, SEAT)
            with pytest.raises(PeerError) as refused:
                host.ask(given.ask().encode(), SEAT)
            assert refused.value.code == "tutor_limit"
            host.ask(given.ask(author=given.school.bob).encode(), SEAT)

    run(story())


def test_staff_switch_the_tutor_off_and_say_why(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            await setting(given, mode=TutorMode.OFF, reason="There is an exam.")
            seat = given.node(SEAT)
            await until(lambda: seat.tutoring.host(0) == HOST)
            with pytest.raises(PeerError) as refused:
                await seat.tutoring.ask(given.ask().encode())
            assert refused.value.code == "tutor_off"
            assert "There is an exam." in str(refused.value)

    run(story())


def test_what_is_about_a_closed_assignment_is_not_answered_from_the_courses_page_either(
    tmp_path: Path,
) -> None:
    text = "How many leaves does a heap of n values have? Show it by induction."

    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            course, seat = given.school.course, given.node(SEAT)
            assignment = await applied(
                given, AssignmentPublish(course, "Leaves", text, None, now_ms(), "Europe/Oslo", 100)
            )
            await until(lambda: seat.tutoring.host(0) == HOST)

            async def answer(question: str) -> Answer:
                ask = given.ask(question)
                await seat.tutoring.ask(ask.encode())
                found = await ended(seat, ask.ask_id, 40)
                assert found[-1][0] == "answered", found[-1]
                assert isinstance(found[-1][1], bytes)
                return Answer.decode(found[-1][1])

            host = given.node(HOST).tutoring
            await until(lambda: host.state().state == "ready", 40)
            before = await answer("How many leaves does a heap of n values have?")
            assert before.verdict is Verdict.ANSWERED
            assert assignment in [source.document for source in before.sources]
            await applied(given, TutorSet(course, assignment, None, TutorMode.OFF, None, None, None, ""))
            closed = await answer("How many leaves does a heap of n values have?")
            assert (closed.verdict, closed.reason) == (Verdict.DECLINED, "closed")
            assert closed.sources == ()
            other = await answer(ON_TOPIC)
            assert other.verdict is Verdict.ANSWERED
            assert assignment not in [source.document for source in other.sources]

    run(story())


def test_a_node_without_a_question_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, HOST, SEAT, hosts=[HOST]) as given:
            seat = given.node(SEAT)
            assert messages(seat, random_bytes(16)) == []
            with pytest.raises(TrustError):
                await seat.tutoring.ask(b"no ask")

    run(story())


async def setting(
    given: Lesson, *, mode: TutorMode = TutorMode.ON, per_hour: int | None = None, reason: str = ""
) -> None:
    """The teacher's setting for the course, applied everywhere."""
    await applied(given, TutorSet(given.school.course, None, None, mode, None, None, per_hour, reason))


async def applied(given: Lesson, command: Command) -> int:
    """What the teacher says, applied everywhere; returns its reference."""
    envelope = given.school.sign(given.school.teacher, command)
    leader = await given.nodes.leader()
    leader.host.propose(make_payload(envelope.raw), lambda _: None)
    nodes = given.nodes.running.values()
    await until(
        lambda: all(node.ledger.outcome(envelope.author, envelope.lane, envelope.seq) for node in nodes)
    )
    return reference(envelope.author, envelope.lane, envelope.seq)
