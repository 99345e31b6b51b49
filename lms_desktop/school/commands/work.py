"""Work: assignments, submissions and grades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from lms_desktop.school import limits
from lms_desktop.school.commands.courses import FileRef, Slot
from lms_desktop.school.schema import (
    Box,
    Command,
    Flag,
    Hash,
    Int,
    Many,
    Maybe,
    MaybeNumber,
    Number,
    Part,
    Points,
    Record,
    Stamp,
    Text,
    Title,
    Zone,
)

MaybeFile = Annotated[FileRef | None, Maybe(Part(FileRef))]


@dataclass(frozen=True, slots=True)
class Sealed(Record):
    """What only some may read: a box under a key of its own, ``commitment`` to that key, and the key
    in slots: the course staff's current generation, and the student's where the student may read it."""

    box: Box
    commitment: Hash
    staff: Annotated[Slot, Part(Slot)]
    student: Annotated[Slot | None, Maybe(Part(Slot))]


@dataclass(frozen=True, slots=True)
class AssignmentPublish(Command):
    """Staff publish an assignment. ``due`` is UTC; ``zone`` is where its date and time were meant."""

    KIND: ClassVar[int] = 80

    course: Number
    title: Title
    text: Text
    file: MaybeFile
    due: Stamp
    zone: Zone
    points: Points


@dataclass(frozen=True, slots=True)
class AssignmentEdit(Command):
    """Staff edit an assignment. ``replaces`` is the revision that they saw; a stale edit is kept beside."""

    KIND: ClassVar[int] = 81

    assignment: Number
    replaces: Number
    title: Title
    text: Text
    file: MaybeFile
    due: Stamp
    zone: Zone
    points: Points


@dataclass(frozen=True, slots=True)
class AssignmentArchive(Command):
    """Staff put an assignment into the archive, where it takes no submissions, or take it out."""

    KIND: ClassVar[int] = 82

    assignment: Number
    archived: Flag


@dataclass(frozen=True, slots=True)
class Extension(Command):
    """Staff give one student until ``due``, or with none take the extension back.

    ``replaces`` is the student's extension that they saw. The reason is sealed.
    """

    KIND: ClassVar[int] = 83

    assignment: Number
    student: Number
    replaces: MaybeNumber
    due: Annotated[int | None, Maybe(Int(0, limits.STAMP))]
    reason: Annotated[Sealed, Part(Sealed)]


@dataclass(frozen=True, slots=True)
class Submission(Command):
    """A student hands in a sealed file; a lane of its own, seq 0.

    ``replaces`` is the student's version that they saw. ``machine`` made it at ``queued_at`` by its own
    clock. ``size`` is the file's before sealing. ``file_commitment`` commits to a nonce and the file's
    SHA-256; ``details`` (file name, pages, note, nonce, SHA-256) has both slots.
    """

    KIND: ClassVar[int] = 100

    assignment: Number
    replaces: MaybeNumber
    machine: Number
    queued_at: Stamp
    manifest: Hash
    size: Annotated[int, Int(1, limits.FILE_BYTES_MAX)]
    file_commitment: Hash
    details: Annotated[Sealed, Part(Sealed)]


@dataclass(frozen=True, slots=True)
class GradeDraft(Command):
    """Staff store a grade that the student cannot open: points and feedback, sealed, staff slot only.

    ``replaces`` is the grade (draft or released) that they saw; ``submission`` is the version graded,
    none for a student who handed in nothing.
    """

    KIND: ClassVar[int] = 120

    assignment: Number
    student: Number
    replaces: MaybeNumber
    submission: MaybeNumber
    content: Annotated[Sealed, Part(Sealed)]


@dataclass(frozen=True, slots=True)
class GradeSlot(Record):
    """The student's slot of one grade."""

    grade: Number
    slot: Annotated[Slot, Part(Slot)]


@dataclass(frozen=True, slots=True)
class GradeRelease(Command):
    """Staff release grades of one assignment: all or none of them."""

    KIND: ClassVar[int] = 121

    assignment: Number
    grades: Annotated[tuple[GradeSlot, ...], Many(Part(GradeSlot), 1, limits.GRADES_AT_ONCE)]


@dataclass(frozen=True, slots=True)
class GradeCorrect(Command):
    """Staff put a new grade in place of a released one, released at once; both stay in the history."""

    KIND: ClassVar[int] = 122

    assignment: Number
    student: Number
    replaces: Number
    submission: MaybeNumber
    content: Annotated[Sealed, Part(Sealed)]


@dataclass(frozen=True, slots=True)
class GradeSeen(Command):
    """A student has seen a released grade."""

    KIND: ClassVar[int] = 141

    grade: Number
