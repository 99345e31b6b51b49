"""The same statements for what is asked and answered: nobody forges a reply, and nobody else reads one.

As in `test_statements`, every scenario also runs with its defence switched off, where it has to fail.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lms_desktop.client.sealed import EXCHANGE, POST, QUESTION, context_of
from lms_desktop.school.commands import ClassAnswer, QuestionAsk, QuestionPost, TutorExchange
from lms_desktop.school.commands.courses import CourseStaff, Generation, Slot, StaffSlot
from lms_desktop.school.commands.people import Role
from lms_desktop.school.queries import tutor
from lms_desktop.school.queries.questions import class_answers, posts, question
from lms_desktop.school.queries.rows import SealedRow
from lms_desktop.school.rules import questions
from lms_desktop.trust import answers, asks, sealing, wire
from lms_desktop.trust.course_keys import Generation as CourseKey
from lms_desktop.trust.envelope import Envelope
from lms_desktop.trust.errors import CannotOpen
from lms_desktop.trust.primitives import SealingKey
from lms_desktop.trust.sealing import Context, open_, open_slot
from tests.node.ledger_kit import Author, Item, Replica
from tests.statements import Class, fails_without, seen_on_disk

TO_TUTOR = "Why is a square also a rectangle? I am too ashamed to ask aloud."
FROM_TUTOR = "A rectangle has four right angles, and so has a square."
TO_TEACHER = "I do not understand any of this since my father left us."
FROM_TEACHER = "Come and see me at noon; we shall find a way together."


@pytest.fixture(autouse=True)
def _close_replicas() -> Iterator[None]:
    yield
    Replica.close_all()


class Asking(Class):
    """The class, with what its apps write when somebody asks."""

    def exchange(self, student: Author, fields: bytes) -> tuple[TutorExchange, Item]:
        """What a student's app keeps of a question to the tutor, and what opens it."""
        item = self.seal(student, EXCHANGE, self.course, 0, fields, self.course_key, student.number)
        return TutorExchange(self.course, None, bytes(16), self.stamp, 2, 1, item.sealed), item

    def ask(self, student: Author, fields: bytes) -> tuple[QuestionAsk, Item]:
        """A student's question to the instructors, and what opens it."""
        item = self.seal(student, QUESTION, self.course, 0, fields, self.course_key, student.number)
        return QuestionAsk(self.course, None, None, item.sealed), item

    def post(self, author: Author, number: int, fields: bytes) -> tuple[QuestionPost, Item]:
        """What the author adds to a question of Alice's, and what opens it."""
        item = self.seal(author, POST, self.course, 0, fields, self.course_key, self.alice.number)
        return QuestionPost(number, item.sealed), item


def opens(row: SealedRow, kind: str, slot: bytes | None, reader: SealingKey) -> bool:
    """Whether a reader opens an item by this slot of it."""
    assert slot is not None
    context = context_of(row, kind)
    try:
        open_(open_slot(slot, reader, row.commitment, context), row.box, context)
    except CannotOpen:
        return False
    return True


# --- 1: a student-signed reply ---------------------------------------------------------------------------


def a_students_reply_changes_nothing() -> None:
    school = Asking()
    asked = school.do(school.alice, school.ask(school.alice, b"when?")[0])
    forger = Author(school.teacher.number, school.bob.key, school.teacher.lane, school.teacher.seq)
    for_all = ClassAnswer(school.course, None, asked, "When is it due?", "Never.", ())
    for author in (school.bob, forger):
        school.do(author, school.post(author, asked, b"never")[0])
        school.do(author, for_all)
    replica = Replica()
    replica.apply(school.entries)
    replies = posts(replica.db, asked), class_answers(replica.db, school.course, school.alice.number)
    assert replies == ([], []), "a reply was forged"
    assert question(replica.db, asked)[0].waiting is not None
    assert [author for _, author, *_ in replica.audit()] == [7, 7, 3, 3]


def test_statement_01_a_student_signed_reply_is_a_no_op(monkeypatch: pytest.MonkeyPatch) -> None:
    a_students_reply_changes_nothing()
    with monkeypatch.context() as off:
        off.setattr(questions, "require_staff", lambda db, course, ctx: None)
        fails_without(a_students_reply_changes_nothing, "a reply was forged")
    with monkeypatch.context() as off:
        off.setattr(Envelope, "verify", lambda envelope, cluster_id, public: True)
        fails_without(a_students_reply_changes_nothing, "a reply was forged")


# --- 8: Bob hands in what Alice asked --------------------------------------------------------------------


def bobs_copy_of_what_alice_asked_does_not_open() -> None:
    """Bob hands in Alice's sealed exchange and question as his own, hoping that a reply quotes them."""
    school = Asking()
    exchange, _ = school.exchange(school.alice, wire.pack(("what she asked the tutor",)))
    school.do(school.alice, exchange)
    school.do(school.bob, replace(exchange, conversation=bytes([1]) * 16))
    hers, _ = school.ask(school.alice, wire.pack(("what she asked her teacher", ())))
    numbers = [school.do(author, hers) for author in (school.alice, school.bob)]
    replica = Replica()
    assert [outcome.code for outcome in replica.apply(school.entries)][-4:] == [0, 0, 0, 0]
    exchanges = tutor.exchanges(replica.db, school.course, 0)[::-1]
    asked = [question(replica.db, number)[0] for number in numbers]
    for kind, (alices, bobs) in ((EXCHANGE, exchanges), (QUESTION, asked)):
        assert opens(alices, kind, alices.staff_box, school.course_key)
        assert opens(alices, kind, alices.student_box, school.people[5].sealing)
        assert not opens(alices, kind, alices.student_box, school.people[7].sealing), "Bob read Alice's"
        assert not opens(bobs, kind, bobs.student_box, school.people[7].sealing)
        assert not opens(bobs, kind, bobs.staff_box, school.course_key), f"staff opened Bob's {kind}"


def test_statement_08_a_copied_question_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    bobs_copy_of_what_alice_asked_does_not_open()
    monkeypatch.setattr(Context, "encode", lambda context: b"anywhere")
    fails_without(bobs_copy_of_what_alice_asked_does_not_open, "staff opened Bob's exchange")


# --- 9: a scan of a student replica's whole disk ---------------------------------------------------------


def nothing_that_was_asked_is_readable_on_a_students_disk(folder: Path) -> None:
    folder.mkdir()
    school = Asking()
    seen = seen_on_disk(folder, school, ask_tutor_and_teacher(school))
    assert not seen, "; ".join(seen)


def ask_tutor_and_teacher(school: Asking) -> dict[str, bytes]:
    """Alice asks the tutor, then her teacher, who replies; returns what is secret of that."""
    alice = school.alice
    ask = asks.Ask.sign(
        school.cluster_id,
        alice.key,
        author=alice.number,
        course=school.course,
        assignment=0,
        ask_id=school.bytes32()[:16],
        time_ms=school.stamp,
        text=TO_TUTOR,
    )
    answer = answers.Answer.sign(
        school.cluster_id,
        school.machine_keys,
        machine=2,
        ask_digest=ask.digest(school.cluster_id),
        time_ms=school.stamp,
        verdict=answers.Verdict.ANSWERED,
        score=512,
        engine="extractive",
        text=FROM_TUTOR,
        sources=[answers.Source(school.assignment, 0, FROM_TUTOR[::-1], 512)],
    )
    exchange, kept = school.exchange(alice, wire.pack((ask.encode(), answer.encode(), "", "")))
    school.do(alice, exchange)
    command, asked = school.ask(alice, wire.pack((TO_TEACHER, ())))
    number = school.do(alice, command)
    post, reply = school.post(school.teacher, number, wire.pack((FROM_TEACHER, ())))
    school.do(school.teacher, post)
    return {
        "question to the tutor": TO_TUTOR[5:40].encode(),
        "id of the question": ask.ask_id,
        "answer of the tutor": FROM_TUTOR[5:40].encode(),
        "quoted source": FROM_TUTOR[::-1][5:40].encode(),
        "question to the teacher": TO_TEACHER[5:40].encode(),
        "reply of the teacher": FROM_TEACHER[5:40].encode(),
        "item key of the exchange": kept.key,
        "item key of the question": asked.key,
        "item key of the reply": reply.key,
    }


def test_statement_09_nothing_that_was_asked_is_readable_on_a_students_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_that_was_asked_is_readable_on_a_students_disk(tmp_path / "on")

    def in_clear(key: bytes, plaintext: bytes, associated: bytes, nonce: bytes | None = None) -> bytes:
        return bytes(24) + plaintext + bytes(16)

    with monkeypatch.context() as off:
        off.setattr(sealing, "encrypt", in_clear)
        fails_without(
            lambda: nothing_that_was_asked_is_readable_on_a_students_disk(tmp_path / "nothing sealed"),
            "answer of the tutor; id of the question; question to the teacher; question to the tutor; "
            "quoted source; reply of the teacher",
        )
    with monkeypatch.context() as off:
        off.setattr(sealing, "seal_box", lambda public, plaintext: plaintext + bytes(48))
        fails_without(
            lambda: nothing_that_was_asked_is_readable_on_a_students_disk(tmp_path / "slots not sealed"),
            "item key of the exchange; item key of the question; item key of the reply",
        )


# --- 11: an instructor who was removed -------------------------------------------------------------------


def who_left_reads_and_writes_nothing_more() -> None:
    """The teacher is replaced by a second one; Alice asks; the first one tries to open it and to reply."""
    school = Asking()
    second = school.add_person("second", Role.INSTRUCTOR, 9)
    following, key = CourseKey.create(school.cluster_id, school.course, 2)
    slot = following.slot(key, school.people[9].sealing.public)
    school.do(
        school.admin,
        CourseStaff(
            school.course,
            Generation(
                2,
                following.public,
                (StaffSlot(9, Slot(1, slot)),),
                following.slot(key, school.recovery.public),
                following.carry(key, school.course_key),
            ),
        ),
    )
    item = school.seal(school.alice, QUESTION, school.course, 0, wire.pack(("?", ())), key, 5)
    sealed = replace(item.sealed, staff=replace(item.sealed.staff, key=2))
    number = school.do(school.alice, QuestionAsk(school.course, None, None, sealed))
    school.do(school.teacher, school.post(school.teacher, number, b"no longer")[0])
    school.do(second, school.post(second, number, b"welcome")[0])
    replica = Replica()
    replica.apply(school.entries)
    (row,) = question(replica.db, number)
    assert row.staff_key == 2
    assert opens(row, QUESTION, row.staff_box, key)
    for reader in (school.course_key, school.people[3].sealing):
        assert not opens(row, QUESTION, row.staff_box, reader)
    assert [post.author for post in posts(replica.db, number)] == [9], "who left replied"


def test_statement_11_a_removed_instructor_neither_reads_nor_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    who_left_reads_and_writes_nothing_more()
    monkeypatch.setattr(questions, "require_staff", lambda db, course, ctx: None)
    fails_without(who_left_reads_and_writes_nothing_more, "who left replied")
