"""A question's way through its worker's deaths: exactly one end, whatever happens in which order."""

import random
from collections.abc import Callable, Iterator

import pytest

from lms_desktop.node.errors import PeerError
from lms_desktop.node.tutoring import answering as answering_module
from lms_desktop.node.tutoring.answering import Answering
from lms_desktop.node.tutoring.permission import Permission
from lms_desktop.node.tutoring.streams import TERMINALS
from lms_desktop.school.commands import CourseArchive, CourseUnenrol, TutorMode, TutorSet
from lms_desktop.trust.asks import Ask
from lms_desktop.trust.primitives import random_bytes
from lms_desktop.trust.wire import Packable
from lms_desktop.tutor import protocol
from tests.node.classroom import Classroom
from tests.node.ledger_kit import Author, Replica
from tests.node.links import now_ms

MACHINE, SEAT = 4, 6
SOURCE = protocol.Source(7, 1, "The smallest value of a heap stands at its root.", 700)
JUDGED = (protocol.ANSWERED, 700, 300, "", SOURCE)


class Desk:
    """What answers questions, on a real ledger. `sent` is what the worker was told, while it listens."""

    def __init__(self) -> None:
        self.school = Classroom()
        self.replica = Replica()
        self.replica.apply(self.school.entries)
        self.applied = len(self.school.entries)
        permission = Permission(self.replica.db, self.school.cluster_id, now_ms)
        self.sent: list[protocol.Order] = []
        self.listens = True
        key = self.school.machines[MACHINE]
        self.answering = Answering(MACHINE, key, self.school.cluster_id, permission, self._send, now_ms)

    def apply(self) -> None:
        """What was written in the school since."""
        self.replica.apply(self.school.entries[self.applied :])
        self.applied = len(self.school.entries)

    def _send(self, order: protocol.Order) -> bool:
        if self.listens:
            self.sent.append(order)
        return self.listens

    def ask(
        self, text: str = "Where is the root?", author: Author | None = None, course: int | None = None
    ) -> bytes:
        author = author or self.school.alice
        ask = Ask.sign(
            self.school.cluster_id,
            author.key,
            author=author.number,
            course=course or self.school.course,
            assignment=0,
            ask_id=random_bytes(16),
            time_ms=now_ms(),
            text=text,
        )
        self.answering.ask(ask.encode(), SEAT)
        return ask.ask_id

    def at_worker(self) -> list[bytes]:
        """The questions in the order in which they were handed over."""
        return [order.id for order in self.sent if isinstance(order, protocol.Ask)]

    def messages(self, ask_id: bytes) -> list[tuple[Packable, ...]]:
        stream = self.answering.streams.get(ask_id, SEAT)
        assert stream is not None
        return stream.after(0)

    def begin(self, ask_id: bytes) -> None:
        self.answering.heard(protocol.Accepted(ask_id, 0, 0))

    def crash(self) -> None:
        """The worker dies by its own fault; the next one listens."""
        self.listens = False
        self.answering.worker_ended(True)
        self.listens = True
        self.answering.dispatch()


def test_who_has_left_a_course_and_who_is_in_an_archived_one_may_not_ask() -> None:
    desk = Desk()
    school = desk.school
    desk.ask()
    desk.ask(author=school.bob)
    school.do(school.teacher, CourseUnenrol(school.course, (school.bob.number,)))
    desk.apply()
    desk.ask()
    with pytest.raises(PeerError, match="Only the people of the course"):
        desk.ask(author=school.bob)
    school.do(school.teacher, CourseArchive(school.course, True))
    desk.apply()
    for author in (school.teacher, school.bob):
        with pytest.raises(PeerError) as refused:
            desk.ask(author=author)
        assert refused.value.code == "not_allowed"


def test_an_hours_questions_in_one_course_are_not_counted_in_another() -> None:
    desk = Desk()
    school = desk.school
    other, _ = school.create_course(school.teacher, [school.alice])
    school.do(school.teacher, TutorSet(other, None, None, TutorMode.ON, None, None, 2, ""))
    desk.apply()
    for _ in range(2):
        desk.answering.cancel(desk.ask(), SEAT)
    for _ in range(2):
        desk.answering.cancel(desk.ask(course=other), SEAT)
    with pytest.raises(PeerError, match="2 questions an hour"):
        desk.ask(course=other)
    desk.ask()


def test_what_had_not_begun_goes_to_the_next_worker() -> None:
    desk = Desk()
    ask_id = desk.ask()
    desk.crash()
    desk.crash()
    desk.crash()
    assert desk.at_worker() == [ask_id] * 4
    assert [each[0] for each in desk.messages(ask_id)] == ["accepted"]


def test_what_was_streaming_begins_again_once_and_is_then_given_up() -> None:
    desk = Desk()
    ask_id = desk.ask()
    desk.begin(ask_id)
    desk.answering.heard(protocol.Gate(ask_id, *JUDGED))
    desk.answering.heard(protocol.Token(ask_id, 1, "The root"))
    desk.crash()
    assert desk.messages(ask_id)[-1][0] == "restarted"
    desk.begin(ask_id)
    desk.crash()
    assert desk.messages(ask_id)[-1][:2] == ("failed", "crashed")
    assert desk.at_worker() == [ask_id] * 2
    again = desk.ask()
    assert desk.messages(again)[-1][:2] == ("failed", "crashed")
    assert desk.at_worker() == [ask_id] * 2, "it is never tried again, whoever asks it"
    assert desk.messages(desk.ask("And its leaves?"))[-1][0] == "accepted"


def test_the_questions_that_a_worker_died_of_are_tried_one_at_a_time() -> None:
    desk = Desk()
    poison, innocent = desk.ask("Poison"), desk.ask("Innocent", desk.school.bob)
    for ask_id in (poison, innocent):
        desk.begin(ask_id)
    desk.crash()
    assert desk.at_worker()[2:] == [poison]
    desk.begin(poison)
    desk.crash()
    assert desk.messages(poison)[-1][:2] == ("failed", "crashed")
    assert desk.at_worker()[3:] == [innocent]
    desk.begin(innocent)
    desk.answering.heard(protocol.Gate(innocent, *JUDGED))
    desk.answering.heard(protocol.Done(innocent, "extractive", "At the root.", ()))
    assert desk.messages(innocent)[-1][0] == "answered"


def test_what_was_found_is_told_once_if_the_next_worker_finds_the_same() -> None:
    desk = Desk()
    ask_id = desk.ask()
    for life in range(2):
        desk.begin(ask_id)
        desk.answering.heard(protocol.Gate(ask_id, *JUDGED))
        desk.answering.heard(protocol.Sources(ask_id, (SOURCE,)))
        if life == 0:
            desk.crash()
    desk.answering.heard(protocol.Done(ask_id, "extractive", "At the root.", ()))
    verbs = [each[0] for each in desk.messages(ask_id)]
    assert (verbs.count("gate"), verbs.count("sources"), verbs[-1]) == (1, 1, "answered")


def test_a_question_ends_at_its_deadline_even_if_no_worker_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering_module, "DEADLINE_S", 0.0)
    desk = Desk()
    desk.listens = False
    ask_id = desk.ask()
    desk.answering.tick()
    assert desk.messages(ask_id)[-1][:2] == ("failed", "deadline")


def test_a_question_is_withdrawn_when_nobody_looks_for_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    ask_id = desk.ask()
    monkeypatch.setattr(answering_module, "VANISHED_S", -1.0)
    desk.answering.tick()
    assert desk.sent[-1] == protocol.Cancel(ask_id)
    assert desk.messages(ask_id)[-1][:2] == ("failed", "cancelled")


def test_an_answer_that_no_signature_can_hold_is_one_clear_failure() -> None:
    desk = Desk()
    ask_id = desk.ask()
    desk.begin(ask_id)
    desk.answering.heard(protocol.Gate(ask_id, *JUDGED))
    desk.answering.heard(protocol.Done(ask_id, "generative", "x" * 100_000, ()))
    assert desk.messages(ask_id)[-1][:2] == ("failed", "too_long")


@pytest.fixture(autouse=True)
def databases() -> Iterator[None]:
    yield
    Replica.close_all()


@pytest.mark.parametrize("seed", range(40))
def test_every_question_ends_once_whatever_happens(seed: int) -> None:
    source = random.Random(seed)
    print(f"seed {seed}")
    desk = Desk()
    asked: list[bytes] = []
    refusals: set[str] = set()

    def of_any(make: Callable[[bytes], protocol.OfAsk]) -> None:
        if asked:
            desk.answering.heard(make(source.choice(asked)))

    def ask() -> None:
        author = source.choice((desk.school.alice, desk.school.bob, desk.school.teacher))
        try:
            asked.append(desk.ask(f"Question {source.randrange(6)}?", author))
        except PeerError as error:
            refusals.add(error.code)

    def listen() -> None:
        desk.listens = not desk.listens
        desk.answering.dispatch()

    def cancel() -> None:
        if asked:
            desk.answering.cancel(source.choice(asked), SEAT)

    events: list[Callable[[], None]] = [
        ask,
        ask,
        listen,
        desk.crash,
        desk.answering.tick,
        lambda: desk.answering.worker_ended(False),
        cancel,
        lambda: of_any(lambda one: protocol.Accepted(one, source.randrange(2), 0)),
        lambda: of_any(lambda one: protocol.Gate(one, *JUDGED)),
        lambda: of_any(lambda one: protocol.Token(one, 1, "piece")),
        lambda: of_any(lambda one: protocol.Done(one, "extractive", "At the root.", ())),
        lambda: of_any(lambda one: protocol.Failed(one, "interrupted", "No.", True)),
        lambda: of_any(lambda one: protocol.Busy(one, 1_000)),
    ]
    for _ in range(200):
        source.choice(events)()
    desk.answering.end_all("The end.")
    assert asked
    assert refusals <= {"busy", "tutor_limit"}
    assert desk.answering.open == 0
    for ask_id in asked:
        verbs = [each[0] for each in desk.messages(ask_id)]
        assert [verb in TERMINALS for verb in verbs].count(True) == 1
        assert verbs[-1] in TERMINALS
