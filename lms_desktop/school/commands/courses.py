"""Courses: their keys, their people, and the material that every machine holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from lms_desktop.school import limits
from lms_desktop.school.schema import (
    Command,
    Data,
    Flag,
    Hash,
    Int,
    Line,
    Many,
    Maybe,
    Number,
    Part,
    Record,
    SealingPublic,
    SlotBox,
    Text,
    Title,
)

CourseCode = Annotated[str, Line(limits.COURSE_CODE, empty=True)]
Students = Annotated[tuple[int, ...], Many(Int(1, limits.NUMBER), 1, limits.STUDENTS_AT_ONCE)]


@dataclass(frozen=True, slots=True)
class Slot(Record):
    """A key sealed to one recipient. ``key`` numbers the recipient's key it was made for: a course key's
    generation, or the count of a person's keys (1 for the first)."""

    key: Number
    box: SlotBox


@dataclass(frozen=True, slots=True)
class StaffSlot(Record):
    """The secret of a course key generation, sealed to one member of staff."""

    person: Number
    slot: Annotated[Slot, Part(Slot)]


@dataclass(frozen=True, slots=True)
class Generation(Record):
    """A course key generation: its public key, and its secret sealed to the staff and to the school's
    recovery key. ``predecessor`` is the box of the generation before, and is absent from the first."""

    number: Number
    public: SealingPublic
    staff: Annotated[tuple[StaffSlot, ...], Many(Part(StaffSlot), 1, limits.STAFF)]
    recovery: SlotBox
    predecessor: Annotated[bytes | None, Maybe(Data(1, limits.SLOT_BYTES))]


@dataclass(frozen=True, slots=True)
class FileRef(Record):
    """A clear file: the name given by a person (never a path), and what proves its bytes."""

    name: Annotated[str, Line(limits.FILE_NAME)]
    manifest: Hash
    size: Annotated[int, Int(1, limits.FILE_BYTES_MAX)]
    sha256: Hash
    pages: Annotated[int, Int(1, limits.PAGES)]


@dataclass(frozen=True, slots=True)
class CourseCreate(Command):
    """An instructor or administrator creates a course; its staff is who holds the first generation."""

    KIND: ClassVar[int] = 40

    title: Title
    code: CourseCode
    description: Text
    generation: Annotated[Generation, Part(Generation)]


@dataclass(frozen=True, slots=True)
class CourseEdit(Command):
    """Staff change a course's texts. ``replaces`` is the revision they saw; a stale edit is kept beside."""

    KIND: ClassVar[int] = 41

    course: Number
    replaces: Number
    title: Title
    code: CourseCode
    description: Text


@dataclass(frozen=True, slots=True)
class CourseArchive(Command):
    """Staff or an administrator put a course into the archive, or take it out."""

    KIND: ClassVar[int] = 42

    course: Number
    archived: Flag


@dataclass(frozen=True, slots=True)
class CourseStaff(Command):
    """The course's staff becomes who holds this new generation: adding, removing and the new key in one."""

    KIND: ClassVar[int] = 43

    course: Number
    generation: Annotated[Generation, Part(Generation)]


@dataclass(frozen=True, slots=True)
class CourseEnrol(Command):
    """Staff or an administrator enrol students; those already enrolled stay so."""

    KIND: ClassVar[int] = 44

    course: Number
    students: Students


@dataclass(frozen=True, slots=True)
class CourseUnenrol(Command):
    """Staff or an administrator take students out; their work and grades stay."""

    KIND: ClassVar[int] = 45

    course: Number
    students: Students


@dataclass(frozen=True, slots=True)
class MaterialPublish(Command):
    """Staff publish a material to the course."""

    KIND: ClassVar[int] = 60

    course: Number
    title: Title
    file: Annotated[FileRef, Part(FileRef)]


@dataclass(frozen=True, slots=True)
class MaterialEdit(Command):
    """Staff retitle a material or replace its file. ``replaces`` is the revision that they saw."""

    KIND: ClassVar[int] = 61

    material: Number
    replaces: Number
    title: Title
    file: Annotated[FileRef, Part(FileRef)]


@dataclass(frozen=True, slots=True)
class MaterialArchive(Command):
    """Staff put a material into the archive, or take it out."""

    KIND: ClassVar[int] = 62

    material: Number
    archived: Flag


@dataclass(frozen=True, slots=True)
class MaterialRead(Command):
    """A student has read a revision of a material."""

    KIND: ClassVar[int] = 140

    material: Number
    revision: Number
