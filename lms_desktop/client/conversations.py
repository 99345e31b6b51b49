"""Conversations with the tutor: exchanges that follow each other, opened, listed, saved and printed."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.client import documents
from lms_desktop.client.course import course_row
from lms_desktop.client.errors import BadInput, CannotOpen
from lms_desktop.client.exchanges import Exchange as Exchange
from lms_desktop.client.exchanges import Facts, Judge
from lms_desktop.client.exchanges import Verdict as Verdict
from lms_desktop.client.sealed import EXCHANGE, Fields
from lms_desktop.client.session import Session
from lms_desktop.client.sources import Source
from lms_desktop.school import deadlines
from lms_desktop.school.commands import TutorExchange
from lms_desktop.school.queries.tutor import ExchangeRow
from lms_desktop.school.queries.work import AssignmentRow
from lms_desktop.trust.envelope import Envelope

AT_MOST = 500
"""Exchanges that a list of a course looks back over."""


@dataclass(frozen=True, slots=True)
class ConversationCard:
    """A conversation in a list: `first` is the question that began it, `last_ms` when it went on last."""

    conversation: bytes
    course: int
    assignment: int | None
    assignment_title: str
    author: int
    name: str
    first: str
    exchanges: int
    declined: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, the oldest exchange first."""

    conversation: bytes
    course: int
    course_title: str
    assignment: int | None
    assignment_title: str
    author: int
    name: str
    exchanges: tuple[Exchange, ...]


async def conversations(
    session: Session, *, course: int, assignment: int | None = None
) -> tuple[ConversationCard, ...]:
    """The signed-in person's own in a course, or on one assignment of it, the newest first."""
    rows = await _back(session, "my_exchanges", session.person.number, course)
    rows = [*await waiting(session, course=course), *rows]
    if assignment is not None:
        rows = [row for row in rows if row.assignment == assignment]
    return await _cards(session, course, await read_own(session, rows))


async def course_conversations(session: Session, *, course: int) -> tuple[ConversationCard, ...]:
    """What students of a course, and its staff, talked about with the tutor, the newest first; for staff."""
    return await _cards(session, course, await course_exchanges(session, course=course))


async def course_exchanges(session: Session, *, course: int) -> tuple[Exchange, ...]:
    """What was asked in a course, the newest first, at most `AT_MOST`; for its staff. Raises BadInput."""
    row = await course_row(session, course)
    if not row.is_staff:
        raise BadInput("Only the course's instructors see what others ask.", where=row.title)
    return await read_as_staff(session, await _back(session, "exchanges", course))


async def open_conversation(session: Session, *, conversation: bytes) -> Conversation:
    """A conversation of the signed-in person's own, or of a course that they teach. Raises BadInput."""
    rows = await session.query(ExchangeRow, "conversation", conversation)
    rows += [row for row in reversed(await waiting(session)) if row.conversation == conversation]
    if not rows:
        raise BadInput("Nothing of this conversation is on this computer yet.", next_step="Wait a moment.")
    first = rows[0]
    own = first.author == session.person.number
    course = await course_row(session, first.course)
    if not (own or course.is_staff):
        raise BadInput("This conversation is between its asker and the course's instructors.")
    exchanges = await (read_own if own else read_as_staff)(session, rows)
    titles = await assignment_titles(session, first.course)
    return Conversation(
        conversation,
        first.course,
        course.title,
        first.assignment or None,
        titles.get(first.assignment, ""),
        first.author,
        first.name,
        exchanges,
    )


async def save_conversation(session: Session, *, conversation: bytes, destination: Path) -> Path:
    """Write a conversation, for printing too: as text where the name ends in .txt, else as a PDF.

    Raises BadInput, DocumentFailed.
    """
    opened = await open_conversation(session, conversation=conversation)
    about = opened.course_title + (f": {opened.assignment_title}" if opened.assignment_title else "")
    text = documents.Transcript(
        "Conversation with the tutor",
        (("School", session.school), ("Course", about), ("Asked by", opened.name)),
        tuple(spoken(opened.exchanges, session.zone)),
    )
    return await write_transcript(text, destination)


async def write_transcript(text: documents.Transcript, destination: Path) -> Path:
    """Write a transcript as text where the name ends in .txt, else as a PDF. Raises DocumentFailed."""
    plain = destination.suffix.casefold() == ".txt"
    make = documents.transcript_text if plain else documents.transcript
    data = await asyncio.to_thread(make, text)
    return await asyncio.to_thread(documents.write_file, destination, data)


def spoken(exchanges: Iterable[Exchange], zone: str) -> list[documents.Spoken]:
    """Exchanges as contributions to a transcript."""
    parts = []
    for exchange in exchanges:
        when = deadlines.clock_text(exchange.asked_ms, zone)
        question = exchange.problem or exchange.question
        parts.append(documents.Spoken(f"{exchange.name}, {when}", question))
        if not exchange.problem:
            parts.append(_answer(exchange))
    return parts


def quotes(sources: Sequence[Source]) -> tuple[tuple[str, str], ...]:
    """Quotes with their places, for a transcript."""
    return tuple((source.quote, source.place) for source in sources)


async def assignment_titles(session: Session, course: int) -> dict[int, str]:
    """The titles of a course's assignments by their references."""
    rows = await session.query(AssignmentRow, "assignments", course)
    return {row.assignment: row.title for row in rows}


async def read_own(session: Session, rows: Sequence[ExchangeRow]) -> tuple[Exchange, ...]:
    """The signed-in person's own exchanges, opened and judged; each tells its own problem."""
    opened = await asyncio.to_thread(session.opener.open_all_as_student, rows, EXCHANGE)
    return await _read(session, rows, opened)


async def read_as_staff(session: Session, rows: Sequence[ExchangeRow]) -> tuple[Exchange, ...]:
    """Exchanges of courses that the person teaches, opened and judged; each tells its own problem."""
    return await _read(session, rows, await session.opener.open_all_as_staff(rows, EXCHANGE))


async def waiting(session: Session, *, course: int | None = None) -> list[ExchangeRow]:
    """The person's exchanges that wait on this computer for the class, the newest first."""
    found = []
    for item in reversed(await session.pending()):
        if item.kind != TutorExchange.KIND or item.index is not None:
            continue
        raw = await session.link.call("envelope", *item.key)
        if raw:
            command = TutorExchange.from_body(Envelope.parse(raw).decode_body())
            if course in (None, command.course):
                found.append(_waiting_row(session, item.key, command))
    return found


def _waiting_row(session: Session, key: tuple[int, bytes, int], command: TutorExchange) -> ExchangeRow:
    student = command.content.student
    return ExchangeRow(
        command.course,
        command.assignment or 0,
        *key,
        command.asked_at,
        command.content.box,
        command.content.commitment,
        command.content.staff.key,
        command.content.staff.box,
        None if student is None else student.key,
        None if student is None else student.box,
        0,
        session.person.name,
        command.conversation,
        command.asked_at,
        command.machine,
        command.verdict,
        0,
    )


async def _read(
    session: Session, rows: Sequence[ExchangeRow], opened: Sequence[Fields | CannotOpen]
) -> tuple[Exchange, ...]:
    judge = await Judge.of(session, (row.course for row in rows), (row.author for row in rows))
    facts = [
        Facts(
            row.conversation,
            row.course,
            row.assignment or None,
            row.author,
            row.name,
            row.asked_at,
            row.machine,
            row.verdict,
        )
        for row in rows
    ]
    return await asyncio.to_thread(lambda: tuple(map(judge.exchange, facts, opened)))


async def _back(session: Session, name: str, *arguments: int) -> list[ExchangeRow]:
    """Rows of a query that answers them in pages, the newest first, at most `AT_MOST`."""
    rows: list[ExchangeRow] = []
    before = 0
    while len(rows) < AT_MOST:
        page = await session.query(ExchangeRow, name, *arguments, before)
        if not page:
            break
        rows += page
        before = page[-1].position
    return rows[:AT_MOST]


async def _cards(
    session: Session, course: int, exchanges: Sequence[Exchange]
) -> tuple[ConversationCard, ...]:
    """Cards of exchanges that stand the newest first."""
    titles = await assignment_titles(session, course)
    by_conversation: dict[bytes, list[Exchange]] = {}
    for exchange in exchanges:
        by_conversation.setdefault(exchange.conversation, []).append(exchange)
    return tuple(
        ConversationCard(
            conversation,
            course,
            found[-1].assignment,
            titles.get(found[-1].assignment or 0, ""),
            found[-1].author,
            found[-1].name,
            found[-1].question or found[-1].problem,
            len(found),
            sum(exchange.verdict is Verdict.DECLINED for exchange in found),
            found[0].asked_ms,
        )
        for conversation, found in by_conversation.items()
    )


def _answer(exchange: Exchange) -> documents.Spoken:
    text = exchange.text or exchange.reason
    if exchange.extractive and exchange.sources:
        text = "From the course's pages:"  # its text is what is quoted below
    notes = []
    if exchange.verdict is Verdict.UNFINISHED:
        notes.append(f"Not finished: {exchange.reason}")
    if exchange.answered_by:
        notes.append(f"Signed by the machine {exchange.answered_by}.")
    if exchange.unsupported:
        notes.append("Parts of this answer are not carried by the pages quoted.")
    return documents.Spoken("The tutor", text, quotes(exchange.sources), " ".join(notes))
