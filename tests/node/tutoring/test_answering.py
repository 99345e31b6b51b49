"""From a question to its signed answer: by a GPU host for another machine, and by the light tutor."""

from pathlib import Path

from lms_desktop.trust.answers import Answer, Verdict
from lms_desktop.trust.asks import Ask
from lms_desktop.trust.wire import Packable
from tests.node.links import until
from tests.node.tutoring.school import HEAPS, Lesson, TutoredNode, ended, lesson, messages, run

HOST, SEAT, OTHER = 4, 6, 2


def signed_answer(given: Lesson, ask: Ask, found: list[tuple[Packable, ...]], machine: int) -> Answer:
    """The answer in a question's messages, checked as an app checks it."""
    verb, raw = found[-1][:2]
    assert verb == "answered", found[-1]
    assert isinstance(raw, bytes)
    answer = Answer.decode(raw)
    school = given.school
    assert answer.is_signed_by(school.cluster_id, school.machines[machine].public)
    assert answer.machine == machine
    assert answer.ask_digest == ask.digest(school.cluster_id)
    return answer


async def asked(node: TutoredNode, ask: Ask) -> list[tuple[Packable, ...]]:
    """All messages of a question put to that node by an app."""
    await until(lambda: node.tutoring.host(ask.author) is not None, 20)
    await node.tutoring.ask(ask.encode())
    return await ended(node, ask.ask_id)


def test_the_host_answers_for_another_machine(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            seat, ask = given.node(SEAT), given.ask()
            found = await asked(seat, ask)
            answer = signed_answer(given, ask, found, HOST)
            assert answer.verdict is Verdict.ANSWERED
            assert answer.engine == "extractive"
            assert answer.sources[0].page == 1
            assert HEAPS[1] in answer.sources[0].quote
            verbs = [each[0] for each in found]
            assert verbs[0] == "accepted"
            assert verbs.index("gate") < verbs.index("sources") < verbs.index("answered")
            assert given.node(HOST).worker is not None
            assert seat.worker is None, "nobody else runs a worker while a host can be reached"
            assert given.node(OTHER).worker is None

    run(story())


def test_without_a_host_the_students_own_machine_answers(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path) as given:
            seat, ask = given.node(SEAT), given.ask()
            answer = signed_answer(given, ask, await asked(seat, ask), SEAT)
            assert answer.verdict is Verdict.ANSWERED
            assert HEAPS[1] in answer.sources[0].quote
            assert [number for number in (HOST, OTHER, SEAT) if given.node(number).worker] == [SEAT]

    run(story())


def test_a_question_on_something_else_is_declined_with_a_reason(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, SEAT, HOST) as given:
            ask = given.ask("Which football team won the cup last year?")
            answer = signed_answer(given, ask, await asked(given.node(SEAT), ask), SEAT)
            assert answer.verdict is Verdict.DECLINED
            assert answer.reason
            assert (answer.engine, answer.text) == ("", "")
            assert len(answer.sources) == 1, "the nearest passage"

    run(story())


def test_a_machine_that_is_tagged_starts_at_once_and_one_that_is_untagged_ends(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path) as given:
            await given.nodes.leader()
            host, seat = given.node(HOST), given.node(SEAT)
            given.tag(HOST)
            await until(lambda: host.is_ready, 20)
            ask = given.ask()
            signed_answer(given, ask, await asked(seat, ask), HOST)
            given.tag(HOST, on=False)
            await until(lambda: host.worker is None and not seat.tutoring.hosts, 20)
            ask = given.ask()
            signed_answer(given, ask, await asked(seat, ask), SEAT)

    run(story())


def test_a_lost_host_ends_what_it_had_and_the_students_machine_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            seat, host = given.node(SEAT), given.node(HOST)
            await until(lambda: host.is_ready, 20)
            host.tutoring.answering.held = True  # so that the question is under way when the host is lost
            host.tutoring._watch_model = lambda: None  # type: ignore[method-assign]
            ask = given.ask()
            await until(lambda: seat.tutoring.host(ask.author) == HOST, 20)
            await seat.tutoring.ask(ask.encode())
            await given.nodes.stop(HOST)
            found = await ended(seat, ask.ask_id, 40)
            assert found[-1][:2] == ("failed", "interrupted")
            assert found[-1][3] is True, "it may be asked again"
            ask = given.ask()
            signed_answer(given, ask, await asked(seat, ask), SEAT)

    run(story())


def test_a_restarted_host_is_asked_again_without_the_student(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            seat, host = given.node(SEAT), given.node(HOST)
            await until(lambda: host.is_ready, 20)
            host.tutoring.answering.held = True
            host.tutoring._watch_model = lambda: None  # type: ignore[method-assign]
            ask = given.ask()
            await until(lambda: seat.tutoring.host(ask.author) == HOST, 20)
            await seat.tutoring.ask(ask.encode())
            await given.nodes.stop(HOST)
            given.start(HOST)
            found = await ended(seat, ask.ask_id, 40)
            signed_answer(given, ask, found, HOST)
            assert "restarted" in [each[0] for each in found]

    run(story())


def test_a_withdrawn_question_ends_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with lesson(tmp_path, hosts=[HOST]) as given:
            seat, host = given.node(SEAT), given.node(HOST)
            host.tutoring.answering.held = True
            host.tutoring._watch_model = lambda: None  # type: ignore[method-assign]
            ask = given.ask()
            await until(lambda: seat.tutoring.host(ask.author) == HOST, 20)
            await seat.tutoring.ask(ask.encode())
            seat.tutoring.relay.cancel(ask.ask_id)
            assert (await ended(seat, ask.ask_id))[-1][:2] == ("failed", "cancelled")
            await until(lambda: host.tutoring.answering.open == 0)
            seat.tutoring.relay.cancel(ask.ask_id)
            assert [each[0] for each in messages(seat, ask.ask_id)].count("failed") == 1

    run(story())
