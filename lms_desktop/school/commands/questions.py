"""Questions: what students ask their instructors, the replies, and answers for the whole class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from lms_desktop.school import limits
from lms_desktop.school.commands.tutor import Conversation
from lms_desktop.school.commands.work import Sealed
from lms_desktop.school.schema import (
    Command,
    Flag,
    Int,
    Line,
    Many,
    Maybe,
    MaybeNumber,
    Number,
    Part,
    Prose,
    Record,
    Title,
)


@dataclass(frozen=True, slots=True)
class Citation(Record):
    """A page of a material or assignment (0: an assignment's own text), with what is quoted from it, if
    anything."""

    document: Number
    page: Annotated[int, Int(0, limits.PAGES)]
    quote: Annotated[str, Line(limits.QUOTE, empty=True)]


@dataclass(frozen=True, slots=True)
class QuestionAsk(Command):
    """A student asks the instructors of a course. ``conversation``: with the tutor, where there was one; its
    exchanges are in the ledger. ``content`` (text, cited pages) has both slots."""

    KIND: ClassVar[int] = 200

    course: Number
    assignment: MaybeNumber
    conversation: Annotated[bytes | None, Maybe(Conversation.__metadata__[0])]
    content: Annotated[Sealed, Part(Sealed)]


@dataclass(frozen=True, slots=True)
class QuestionPost(Command):
    """Staff reply to a question, or the student who asked it writes again: sealed for both."""

    KIND: ClassVar[int] = 201

    question: Number
    content: Annotated[Sealed, Part(Sealed)]


@dataclass(frozen=True, slots=True)
class QuestionSettle(Command):
    """Staff say that a question needs no reply, or take that back."""

    KIND: ClassVar[int] = 202

    question: Number
    settled: Flag


@dataclass(frozen=True, slots=True)
class ClassAnswer(Command):
    """Staff answer the whole class, in clear: ``title`` is the question as the class sees it. ``question``
    is the one that it answers, if any."""

    KIND: ClassVar[int] = 203

    course: Number
    assignment: MaybeNumber
    question: MaybeNumber
    title: Title
    text: Annotated[str, Prose(limits.POST, limits.POST_BYTES)]
    pages: Annotated[tuple[Citation, ...], Many(Part(Citation), 0, limits.CITATIONS)]


@dataclass(frozen=True, slots=True)
class QuestionSeen(Command):
    """A student has read a reply, with what came before it in the thread, or an answer for the class."""

    KIND: ClassVar[int] = 204

    item: Number
