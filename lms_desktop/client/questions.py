"""Questions to the instructor: sealed to the asker and the course's staff; answers to one or to the class."""

from dataclasses import dataclass
from enum import StrEnum

from lms_desktop.client.conversations import Exchange
from lms_desktop.client.sources import Source


class QuestionState(StrEnum):
    """Whose turn it is: the staff's, or nobody's."""

    UNANSWERED = "unanswered"
    ANSWERED = "answered"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class QuestionCard:
    """A question in a list. `text` is its beginning, `age` how long it has waited ("3 days"), for people.

    `unread` counts replies that its asker has not seen. `problem`: why it does not open, without `text`.
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
    last_by: str
    state: QuestionState
    posts: int
    unread: int
    age: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """One contribution to a question: `post` is None for the question itself, which stands first.

    `to_class`: it is the class answer that came of this question, seen by all of the course.
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
    name: str
    when_ms: int
    unread: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """The badges: questions that wait for the person as staff, replies that wait for them as student."""

    unanswered: int
    unread: int
