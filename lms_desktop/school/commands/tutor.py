"""The tutor: what it may do in a course, and what was asked and answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar

from lms_desktop.school import limits
from lms_desktop.school.commands.work import Sealed
from lms_desktop.school.schema import Command, Data, Int, Line, Maybe, MaybeNumber, Number, Part, Stamp
from lms_desktop.trust.answers import Verdict

Conversation = Annotated[bytes, Data(limits.CONVERSATION_BYTES, limits.CONVERSATION_BYTES)]
MaybeStamp = Annotated[int | None, Maybe(Int(0, limits.STAMP))]


class TutorMode(IntEnum):
    """What the tutor does with a question. ``HINTS`` quotes passages and writes no answer."""

    OFF = 0
    ON = 1
    HINTS = 2


@dataclass(frozen=True, slots=True)
class TutorSet(Command):
    """Staff set the tutor of a course, or of one assignment, from ``starts`` to ``ends`` (nil: open).

    Outside that span it is as if nothing were set. ``replaces`` is the setting that they saw; a stale one
    is kept beside. ``per_hour``: how many questions a student may ask in an hour, nil for the default.
    ``reason`` is read by students.
    """

    KIND: ClassVar[int] = 180

    course: Number
    assignment: MaybeNumber
    replaces: MaybeNumber
    mode: Annotated[int, Int(min(TutorMode), max(TutorMode))]
    starts: MaybeStamp
    ends: MaybeStamp
    per_hour: Annotated[int | None, Maybe(Int(1, limits.ASKS_PER_HOUR_MAX))]
    reason: Annotated[str, Line(limits.REASON, empty=True)]


@dataclass(frozen=True, slots=True)
class TutorExchange(Command):
    """A student, or a member of staff, keeps what they asked the tutor and what ``machine`` answered.

    ``conversation``: random bytes that exchanges which follow each other share. ``verdict`` is the signed
    answer's, 0 where none came. ``content`` (the signed ask, the signed answer, how it ended; `trust.asks`,
    `trust.answers`) has the staff's slot and the author's.
    """

    KIND: ClassVar[int] = 181

    course: Number
    assignment: MaybeNumber
    conversation: Conversation
    asked_at: Stamp
    machine: Number
    verdict: Annotated[int, Int(0, max(Verdict))]
    content: Annotated[Sealed, Part(Sealed)]
