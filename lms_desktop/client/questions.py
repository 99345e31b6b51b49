"""Questions to the instructor: sealed to the asker and the course's staff; answers to one or to the class.

What is sealed (context types `question` and `post`) is [text, [[document, page, quote], ...]].
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.client import conversations, documents
from lms_desktop.client.conversations import quotes, spoken, write_transcript
from lms_desktop.client.course import course_row, courses
from lms_desktop.client.errors import BadInput, CannotOpen
from lms_desktop.client.exchanges import Exchange
from lms_desktop.client.sealed import POST, QUESTION, Fields, Reader, seal_item
from lms_desktop.client.session import Sent, Session
from lms_desktop.client.sources import Document, Source, citation, source_of
from lms_desktop.client.sources import documents as course_documents
from lms_desktop.school import commands, deadlines, limits
from lms_desktop.school.commands import QuestionAsk, QuestionPost, QuestionSeen, QuestionSettle
from lms_desktop.school.queries.questions import (
    ClassAnswerRow,
    CountsRow,
    PostRow,
    QuestionRow,
    UnansweredRow,
)
from lms_desktop.school.queries.questions import QuestionState as QuestionState
from lms_desktop.school.queries.rows import SealedRow

BEGINNING = 200  # characters of a question in a list
POST_LENGTH = limits.POST
PAGES_AT_MOST = limits.CITATIONS


@dataclass(frozen=True, slots=True)
class QuestionCard:
    """A question in a list. `text` is its beginning, `age` how long it has waited, for people: "3 days".

    It is empty for less than a minute. `unread` counts replies that its asker has not seen. `problem`: why
    it does not open, without `text`.
    """

    question: int
    course: int
    course_title: str
    assignment: int | None
    assignment_title: str
    asker: int
    name: str
    text: str
    asked_ms: int
    last_ms: int
    state: QuestionState
    posts: int
    unread: int
    age: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """One contribution to a question: `post` is None for the question itself, which stands first.

    `to_class`: it is a class answer that came of this question, seen by all of the course.
    """

    post: int | None
    author: int
    name: str
    staff: bool
    when_ms: int
    text: str
    pages: tuple[Source, ...]
    to_class: bool = False
    unread: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Thread:
    """A question with everything that belongs to it; `conversation` is what was asked of the tutor before."""

    card: QuestionCard
    posts: tuple[Post, ...]
    conversation: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class ClassAnswer:
    """An answer that all of a course reads; `question` is the one it came from, for its asker and staff."""

    answer: int
    course: int
    course_title: str
    assignment: int | None
    assignment_title: str
    question: int | None
    title: str
    text: str
    pages: tuple[Source, ...]
    author: int
    name: str
    when_ms: int
    unread: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """The badges: questions that wait for the person as staff, replies that wait for them as student."""

    unanswered: int
    unread: int


async def my_questions(session: Session, *, course: int | None = None) -> tuple[QuestionCard, ...]:
    """The signed-in student's own, the one last written to first."""
    rows = await session.query(QuestionRow, "my_questions", session.person.number)
    rows = [row for row in rows if course in (None, row.course)]
    return await _cards(session, rows)


async def course_questions(session: Session, *, course: int | None = None) -> tuple[QuestionCard, ...]:
    """The questions of a course, or of all that the person teaches: unanswered first, then the newest."""
    taught = [card.course for card in await courses(session) if card.staff and course in (None, card.course)]
    return await _cards(session, await _rows(session, taught))


async def unanswered(session: Session, *, at_most: int) -> tuple[QuestionCard, ...]:
    """The questions that have waited longest in the courses that the person teaches."""
    waiting = await session.query(UnansweredRow, "unanswered", session.person.number)
    rows = await _rows(session, [row.course for row in waiting])
    return await _cards(session, [row for row in rows if row.waiting is not None][:at_most])


async def thread(session: Session, *, question: int) -> Thread:
    """A question, its replies, the class answers that came of it, and the conversation before it.

    Raises BadInput for one that is not here, or not the person's own nor of a course that they teach.
    """
    row = await _row(session, question)
    known = await _known(session, row.course)
    (card,) = await _cards(session, [row])
    rows: list[QuestionRow | PostRow] = [row, *await session.query(PostRow, "posts", question)]
    opened = await _open(session, row.author, [row], QUESTION)
    opened += await _open(session, row.author, rows[1:], POST)
    posts = [_post(one, found, known) for one, found in zip(rows, opened, strict=True)]
    for answer in await class_answers(session, course=row.course):
        if answer.question == question:
            posts.append(_of_class(answer))
    posts.sort(key=lambda post: post.when_ms)
    return Thread(card, tuple(posts), await _conversation(session, row))


async def class_answers(session: Session, *, course: int | None = None) -> tuple[ClassAnswer, ...]:
    """The answers for the class, of one course or of all the person's own, the newest first."""
    found = [course] if course is not None else [card.course for card in await courses(session)]
    answers = []
    for one in found:
        known = await _known(session, one)
        for row in await session.query(ClassAnswerRow, "class_answers", one, session.person.number):
            answers.append(_class_answer(row, known))
    return tuple(sorted(answers, key=lambda answer: answer.when_ms, reverse=True))


async def counts(session: Session) -> Counts:
    """What waits for the signed-in person."""
    (row,) = await session.query(CountsRow, "question_counts", session.person.number)
    return Counts(row.unanswered, row.unread)


async def ask_instructor(
    session: Session,
    *,
    course: int,
    assignment: int | None = None,
    text: str,
    conversation: bytes | None = None,
    pages: Sequence[Source] = (),
) -> Sent:
    """Ask the course's instructors: sealed to them and to the asker, with what was asked of the tutor before.

    Raises BadInput, Refused.
    """
    fields = _fields(text, pages)
    staff = await session.opener.staff_reader(course)
    own = session.opener.own_reader()
    return await session.send(
        lambda place: QuestionAsk(
            course,
            assignment,
            conversation,
            seal_item(fields, place.context(QUESTION, course, assignment or 0), staff=staff, student=own),
        ),
        label="A question to the instructor",
    )


async def reply(session: Session, *, question: int, text: str, pages: Sequence[Source] = ()) -> Sent:
    """Add to a question: staff reply to its asker alone, the asker writes again. Raises BadInput, Refused."""
    row = await _row(session, question)
    fields = _fields(text, pages)
    staff = await session.opener.staff_reader(row.course)
    own = row.author == session.person.number
    asker: Reader = session.opener.own_reader() if own else await session.opener.student_reader(row.author)
    return await session.send(
        lambda place: QuestionPost(
            question,
            seal_item(fields, place.context(POST, row.course, row.assignment), staff=staff, student=asker),
        ),
        label="A message to the instructor" if own else f"A reply to {row.name}",
    )


async def answer_class(
    session: Session,
    *,
    course: int,
    assignment: int | None = None,
    question: int | None = None,
    title: str,
    text: str,
    pages: Sequence[Source] = (),
) -> Sent:
    """Answer the whole class, in clear: `title` is the question as the class sees it, without its asker.

    Raises BadInput, Refused.
    """
    _check(text, pages)
    command = commands.ClassAnswer(
        course, assignment, question, title.strip(), text.strip(), tuple(map(citation, pages))
    )
    return await session.send(command, label=f"An answer for the class: “{title.strip()}”")


async def settle(session: Session, *, question: int, settled: bool = True) -> Sent:
    """Say that a question needs no reply, or open it again."""
    label = "A question settled" if settled else "A question opened again"
    return await session.send(QuestionSettle(question, settled), label=label)


async def mark_seen(session: Session, *, item: int) -> None:
    """Tell the class that the student has read a reply, with those before it, or a class answer."""
    await session.send(QuestionSeen(item), label="Seen: an answer", wait_s=0)


async def save_thread(session: Session, *, question: int, destination: Path) -> Path:
    """Write a question with its replies, for printing too: as text where the name ends in .txt, else as PDF.

    Raises BadInput, DocumentFailed.
    """
    found = await thread(session, question=question)
    card = found.card
    about = card.course_title + (f": {card.assignment_title}" if card.assignment_title else "")
    parts = [_spoken(post, session.zone) for post in found.posts]
    if found.conversation:
        parts.append(documents.Spoken("Asked of the tutor before", ""))
        parts += spoken(found.conversation, session.zone)
    lines = (("School", session.school), ("Course", about), ("Asked by", card.name))
    return await write_transcript(
        documents.Transcript("Question to the instructor", lines, tuple(parts)), destination
    )


async def _rows(session: Session, taught: Sequence[int]) -> list[QuestionRow]:
    """The questions of courses: those that wait for staff, the longest first; then the newest."""
    rows = [row for one in taught for row in await session.query(QuestionRow, "questions", one)]
    return sorted(rows, key=lambda row: (row.waiting is None, row.waiting or -row.last_stamp))


async def _row(session: Session, question: int) -> QuestionRow:
    rows = await session.query(QuestionRow, "question", question)
    if not rows:
        raise BadInput(
            "This question is not on this computer yet.", next_step="Wait for the class to catch up."
        )
    row = rows[0]
    if row.author != session.person.number and not (await course_row(session, row.course)).is_staff:
        raise BadInput("This question is between its asker and the course's instructors.")
    return row


async def _conversation(session: Session, row: QuestionRow) -> tuple[Exchange, ...]:
    """What the asker of a question had asked of the tutor."""
    if row.conversation is None:
        return ()
    try:
        found = await conversations.open_conversation(session, conversation=row.conversation)
    except BadInput:  # its exchanges wait on the asker's computer still
        return ()
    return found.exchanges if found.author == row.author else ()


async def _cards(session: Session, rows: Sequence[QuestionRow]) -> tuple[QuestionCard, ...]:
    now = await session.now_ms()
    opened: dict[int, Fields | CannotOpen] = {}
    for author in {row.author for row in rows}:
        of_author = [row for row in rows if row.author == author]
        found = await _open(session, author, of_author, QUESTION)
        opened.update(zip((row.question for row in of_author), found, strict=True))
    return tuple(_card(row, opened[row.question], now, session.zone) for row in rows)


def _card(row: QuestionRow, opened: Fields | CannotOpen, now: int, zone: str) -> QuestionCard:
    text, _, problem = _content(opened)
    return QuestionCard(
        row.question,
        row.course,
        row.course_title,
        row.assignment or None,
        row.assignment_title,
        row.author,
        row.name,
        text if len(text) <= BEGINNING else text[: BEGINNING - 1] + "…",
        row.stamp,
        row.last_stamp,
        QuestionState(row.state),
        row.posts,
        row.unread,
        _waited(row.waiting if row.waiting is not None else row.stamp, now, zone),
        problem,
    )


def _waited(since: int, now: int, zone: str) -> str:
    return deadlines.span(since, now, zone) if now - since >= deadlines.MINUTE else ""


async def _open(
    session: Session, asker: int, rows: Sequence[SealedRow], kind: str
) -> list[Fields | CannotOpen]:
    """The fields of sealed rows of one asker's questions, by whichever slot is the signed-in person's."""
    if asker != session.person.number:
        return await session.opener.open_all_as_staff(rows, kind)
    return await asyncio.to_thread(session.opener.open_all_as_student, rows, kind)


Pages = tuple[tuple[int, int, str], ...]


def _content(opened: Fields | CannotOpen) -> tuple[str, Pages, str]:
    """Text, pages, and why they cannot be shown."""
    if isinstance(opened, CannotOpen):
        return "", (), str(opened)
    match opened:
        case (str(text), tuple(pages)) if len(pages) <= limits.CITATIONS:
            read: list[tuple[int, int, str]] = []
            for page in pages:
                match page:
                    case (int(document), int(number), str(quote)):
                        read.append((document, number, quote))
            return text, tuple(read), ""
    return "", (), "This is not written as it must be. Tell an administrator."


def _post(
    row: QuestionRow | PostRow,
    opened: Fields | CannotOpen,
    known: Mapping[int, Document],
) -> Post:
    text, pages, problem = _content(opened)
    reply = row if isinstance(row, PostRow) else None
    staff = reply is not None and reply.staff
    return Post(
        None if reply is None else reply.post,
        row.author,
        row.name,
        staff,
        row.stamp,
        text,
        tuple(source_of(known, *page) for page in pages),
        False,
        staff and reply is not None and reply.seen is None,
        problem,
    )


def _of_class(answer: ClassAnswer) -> Post:
    return Post(
        answer.answer,
        answer.author,
        answer.name,
        True,
        answer.when_ms,
        f"{answer.title}\n\n{answer.text}",
        answer.pages,
        True,
        answer.unread,
    )


def _class_answer(row: ClassAnswerRow, known: Mapping[int, Document]) -> ClassAnswer:
    return ClassAnswer(
        row.answer,
        row.course,
        row.course_title,
        row.assignment or None,
        row.assignment_title,
        row.question,
        row.title,
        row.text,
        tuple(source_of(known, *page) for page in row.pages),
        row.author,
        row.name,
        row.stamp,
        row.new,
    )


async def _known(session: Session, course: int) -> dict[int, Document]:
    return {one.document: one for one in await course_documents(session, course=course)}


def _check(text: str, pages: Sequence[Source]) -> None:
    if not text.strip():
        raise BadInput("There is no text.", where="text", next_step="Write what you want to say.")
    if len(text) > limits.POST or len(text.encode()) > limits.POST_BYTES:
        raise BadInput(
            f"The text is longer than {limits.POST:,} characters.", where="text", next_step="Shorten it."
        )
    if len(pages) > limits.CITATIONS:
        raise BadInput(
            f"At most {limits.CITATIONS} pages can be cited.", where="pages", next_step="Take some away."
        )


def _fields(text: str, pages: Sequence[Source]) -> tuple[str, tuple[tuple[int, int, str], ...]]:
    _check(text, pages)
    cited = tuple(map(citation, pages))
    return text.strip(), tuple((one.document, one.page, one.quote) for one in cited)


def _spoken(post: Post, zone: str) -> documents.Spoken:
    to_class = ", to the class" if post.to_class else ""
    heading = f"{post.name}{to_class}, {deadlines.clock_text(post.when_ms, zone)}"
    places = tuple(page for page in post.pages if not page.quote)
    note = "See " + "; ".join(page.place for page in places) if places else ""
    quoted = quotes([page for page in post.pages if page.quote])
    return documents.Spoken(heading, post.problem or post.text, quoted, note)
