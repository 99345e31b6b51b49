"""Courses: their people, materials and assignments."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.client import documents
from lms_desktop.client.errors import BadFile, BadInput
from lms_desktop.client.files import Progress, get_file, put_file
from lms_desktop.client.preflight import inspect
from lms_desktop.client.sealed import EXTENSION, Reader, new_generation, seal_item
from lms_desktop.client.session import Sent, Session
from lms_desktop.school import deadlines
from lms_desktop.school.commands import (
    AssignmentArchive,
    AssignmentEdit,
    AssignmentPublish,
    CourseArchive,
    CourseCreate,
    CourseEdit,
    CourseEnrol,
    CourseUnenrol,
    Extension,
    FileRef,
    MaterialArchive,
    MaterialEdit,
    MaterialPublish,
    MaterialRead,
    Role,
)
from lms_desktop.school.queries.courses import CourseRow, MaterialRow, MemberRow
from lms_desktop.school.queries.people import KeysRow, PersonRow, SchoolRow
from lms_desktop.school.queries.today import ProgressRow
from lms_desktop.school.queries.work import AssignmentRow, ExtensionRow, StandingRow


@dataclass(frozen=True, slots=True)
class CourseCard:
    """A course in a list; `staff` when the signed-in person teaches it."""

    course: int
    code: str
    title: str
    archived: bool
    staff: bool
    students: int
    materials: int
    assignments: int


@dataclass(frozen=True, slots=True)
class Material:
    """A PDF of the course; `read`: the signed-in student opened it; `readers`: how many students did."""

    material: int
    revision: int
    title: str
    file_name: str
    size: int
    pages: int
    manifest: bytes
    added_ms: int
    archived: bool
    read: bool
    readers: int


@dataclass(frozen=True, slots=True)
class AssignmentCard:
    """An assignment in its course. `due_ms` counts the signed-in person's extension; points in hundredths.

    `submitted` and `graded` are a student's own; for staff they are False.
    """

    assignment: int
    revision: int
    title: str
    text: str
    has_pdf: bool
    due_ms: int
    extended: bool
    points: int
    archived: bool
    sentence: str
    submitted: bool
    graded: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A person in the course (or who could be); counts are of this course's assignments and materials."""

    person: int
    login: str
    name: str
    staff: bool
    signed_in_before: bool
    submitted: int
    graded: int
    read: int


@dataclass(frozen=True, slots=True)
class CoursePage:
    """Everything a course's page shows; `members` is empty for students, `revision` is for edits."""

    course: int
    revision: int
    code: str
    title: str
    description: str
    archived: bool
    staff: bool
    materials: tuple[Material, ...]
    assignments: tuple[AssignmentCard, ...]
    members: tuple[Member, ...]


async def courses(session: Session, *, archived: bool = False) -> tuple[CourseCard, ...]:
    """The courses that the person teaches or attends; an administrator sees all."""
    return tuple(
        CourseCard(
            row.course,
            row.code,
            row.title,
            row.archived,
            row.is_staff,
            row.students,
            row.materials,
            row.assignments,
        )
        for row in await session.query(CourseRow, "courses", session.person.number)
        if archived or not row.archived
    )


async def course_page(session: Session, *, course: int) -> CoursePage:
    """One course, as the signed-in person sees it. Raises BadInput for a course that is not here."""
    row = await course_row(session, course)
    me = session.person.number
    overseer = row.is_staff or session.person.role is Role.ADMINISTRATOR
    materials = await session.query(MaterialRow, "materials", course, me)
    return CoursePage(
        row.course,
        row.revision,
        row.code,
        row.title,
        row.description,
        row.archived,
        row.is_staff,
        tuple(_material(material) for material in materials if overseer or not material.archived),
        await _assignments(session, course, overseer=overseer),
        await _members(session, course) if overseer else (),
    )


async def course_row(session: Session, course: int) -> CourseRow:
    """A course's row. Raises BadInput."""
    found = await session.query(CourseRow, "course", course, session.person.number)
    if not found:
        raise BadInput(
            "This course is not on this computer yet.", next_step="Wait for the class to catch up."
        )
    return found[0]


async def assignment_row(session: Session, assignment: int) -> AssignmentRow:
    """An assignment's row. Raises BadInput."""
    found = await session.query(AssignmentRow, "assignment", assignment)
    if not found:
        raise BadInput(
            "This assignment is not on this computer yet.", next_step="Wait for the class to catch up."
        )
    return found[0]


async def create_course(session: Session, *, code: str, title: str, description: str = "") -> Sent:
    """Make a course with the signed-in person as its staff, and its first key generation."""
    recovery = (await session.query(SchoolRow, "school"))[0].recovery
    mine = Reader(session.person.key, session.keys.sealing.public)
    return await session.send(
        lambda place: CourseCreate(
            title.strip(),
            code.strip(),
            description,
            new_generation(session.cluster_id, place.reference, 1, {session.person.number: mine}, recovery),
        ),
        label=f"New course “{title.strip()}”",
    )


async def edit_course(
    session: Session, *, course: int, replaces: int, code: str, title: str, description: str
) -> Sent:
    """Change the texts of a course; `replaces` is the revision that the person saw."""
    command = CourseEdit(course, replaces, title.strip(), code.strip(), description)
    return await session.send(command, label=f"Changes to “{title.strip()}”")


async def archive_course(session: Session, *, course: int, archived: bool = True) -> Sent:
    """Put a course away, or take it out again."""
    return await session.send(CourseArchive(course, archived), label="Course archive")


async def enrol(session: Session, *, course: int, students: tuple[int, ...]) -> Sent:
    """Enrol students; those already enrolled stay so."""
    return await session.send(CourseEnrol(course, students), label=f"Enrolment of {len(students)}")


async def unenrol(session: Session, *, course: int, student: int) -> Sent:
    """End a student's enrolment; what they handed in stays."""
    return await session.send(CourseUnenrol(course, (student,)), label="End of an enrolment")


async def candidates(session: Session, *, course: int) -> tuple[Member, ...]:
    """Active students of the school who are not enrolled in the course, by name."""
    enrolled = {row.person for row in await session.query(MemberRow, "members", course)}
    return tuple(
        Member(row.person, row.username, row.name, False, row.key > 0, 0, 0, 0)
        for row in await session.query(PersonRow, "people")
        if row.role == Role.STUDENT and row.active and row.person not in enrolled
    )


async def add_material(
    session: Session, *, course: int, title: str, path: Path, on_progress: Progress | None = None
) -> Sent:
    """Upload a PDF as material for everyone in the course. Raises BadFile."""
    file = await _clear_file(session, path, on_progress)
    command = MaterialPublish(course, title.strip() or path.stem, file)
    return await session.send(command, label=f"Material “{command.title}”")


async def edit_material(
    session: Session, *, material: int, replaces: int, title: str, path: Path | None = None
) -> Sent:
    """Rename a material, or replace its file; `replaces` is the revision that the person saw."""
    row = await _material_row(session, material)
    file = FileRef(row.file_name, row.manifest, row.size, row.sha256, row.pages)
    if path is not None:
        file = await _clear_file(session, path, None)
    command = MaterialEdit(material, replaces, title.strip(), file)
    return await session.send(command, label=f"Changes to “{command.title}”")


async def archive_material(session: Session, *, material: int, archived: bool = True) -> Sent:
    """Put a material away, or take it out again."""
    return await session.send(MaterialArchive(material, archived), label="Material archive")


async def open_material(session: Session, *, material: int) -> bytes:
    """The PDF's bytes, checked against the ledger; marks it read for a student of the course."""
    row = await _material_row(session, material)
    data = await get_file(session.link, row.manifest, sha256=row.sha256)
    if session.person.role is Role.STUDENT and row.read != row.revision:
        command = MaterialRead(material, row.revision)
        await session.send(command, label=f"Read “{row.title}”", wait_s=0)
    return data


async def save_material(session: Session, *, material: int, destination: Path) -> Path:
    """Write a copy to a file, or into a folder under the material's own name; returns the path written."""
    row = await _material_row(session, material)
    if await asyncio.to_thread(destination.is_dir):
        destination = destination / documents.safe_file_name(row.file_name, fallback="material.pdf")
    data = await get_file(session.link, row.manifest, sha256=row.sha256)
    return await asyncio.to_thread(documents.write_file, destination, data)


async def add_assignment(
    session: Session,
    *,
    course: int,
    title: str,
    text: str,
    due_ms: int,
    points: int,
    path: Path | None = None,
) -> Sent:
    """Set an assignment: due time in UTC ms, points in hundredths, an optional PDF. Raises BadFile."""
    file = None if path is None else await _clear_file(session, path, None)
    command = AssignmentPublish(course, title.strip(), text, file, due_ms, session.zone, points)
    return await session.send(command, label=f"Assignment “{command.title}”")


async def edit_assignment(
    session: Session,
    *,
    assignment: int,
    replaces: int,
    title: str,
    text: str,
    due_ms: int,
    points: int,
    path: Path | None = None,
) -> Sent:
    """Change an assignment; `replaces` is the revision seen, `path` a new PDF (None keeps the old one)."""
    row = await assignment_row(session, assignment)
    file = file_of(row) if path is None else await _clear_file(session, path, None)
    command = AssignmentEdit(assignment, replaces, title.strip(), text, file, due_ms, session.zone, points)
    return await session.send(command, label=f"Changes to “{command.title}”")


async def archive_assignment(session: Session, *, assignment: int, archived: bool = True) -> Sent:
    """Put an assignment away, or take it out again."""
    return await session.send(AssignmentArchive(assignment, archived), label="Assignment archive")


async def extend(session: Session, *, assignment: int, student: int, due_ms: int, reason: str) -> Sent:
    """Give one student a later due time; the reason is sealed to the student and the staff."""
    row = await assignment_row(session, assignment)
    staff = await session.opener.staff_reader(row.course)
    keys = (await session.query(KeysRow, "keys", student))[0]
    reader = None if keys.sealing is None else Reader(keys.key, keys.sealing)
    current = [
        extension.extension
        for extension in await session.query(ExtensionRow, "extensions", assignment)
        if extension.student == student and extension.current
    ]
    return await session.send(
        lambda place: Extension(
            assignment,
            student,
            current[0] if current else None,
            due_ms,
            seal_item(
                (reason,), place.context(EXTENSION, row.course, assignment), staff=staff, student=reader
            ),
        ),
        label=f"Extension for {keys.name}",
    )


async def open_assignment_pdf(session: Session, *, assignment: int) -> bytes:
    """The assignment's PDF. Raises BadFile when it has none."""
    row = await assignment_row(session, assignment)
    file = file_of(row)
    if file is None:
        raise BadFile("This assignment has no PDF.", where=row.title, next_step="Its text says what to do.")
    return await get_file(session.link, file.manifest, sha256=file.sha256)


def file_of(row: AssignmentRow) -> FileRef | None:
    """The assignment's file, if it has one."""
    parts = (row.file_name, row.manifest, row.size, row.sha256, row.pages)
    match parts:
        case (str(name), bytes(manifest), int(size), bytes(sha256), int(pages)):
            return FileRef(name, manifest, size, sha256, pages)
    return None


def due_text(session: Session, due_ms: int) -> str:
    """A due time for people: weekday, date, time and zone of the school."""
    return deadlines.clock_text(due_ms, session.zone)


async def _clear_file(session: Session, path: Path, on_progress: Progress | None) -> FileRef:
    checked = await inspect(path)
    put = await put_file(session.link, checked, on_progress=on_progress)
    name = documents.safe_file_name(path.name, fallback="file.pdf")
    return FileRef(name, put.manifest, put.size, put.sha256, checked.pages)


async def _material_row(session: Session, material: int) -> MaterialRow:
    found = await session.query(MaterialRow, "material", material, session.person.number)
    if not found:
        raise BadInput(
            "This material is not on this computer yet.", next_step="Wait for the class to catch up."
        )
    return found[0]


def _material(row: MaterialRow) -> Material:
    return Material(
        row.material,
        row.revision,
        row.title,
        row.file_name,
        row.size,
        row.pages,
        row.manifest,
        row.published,
        row.archived,
        row.read is not None,
        row.readers,
    )


async def _assignments(session: Session, course: int, *, overseer: bool) -> tuple[AssignmentCard, ...]:
    now = await session.now_ms()
    mine: dict[int, StandingRow] = {}
    if not overseer:
        standings = await session.query(StandingRow, "student_standings", session.person.number)
        mine = {standing.assignment: standing for standing in standings}
    cards = []
    for row in await session.query(AssignmentRow, "assignments", course):
        if row.archived and not overseer:
            continue
        standing = mine.get(row.assignment)
        due = row.due if standing is None else standing.due
        cards.append(
            AssignmentCard(
                row.assignment,
                row.revision,
                row.title,
                row.text,
                row.manifest is not None,
                due,
                standing is not None and standing.reason == deadlines.Reason.EXTENSION,
                row.points,
                row.archived,
                _sentence(standing, due, now, session.zone),
                standing is not None and standing.submission is not None,
                standing is not None and standing.released is not None,
            )
        )
    return tuple(cards)


def _sentence(standing: StandingRow | None, due: int, now: int, zone: str) -> str:
    if standing is None:
        return deadlines.until(due, now, zone)
    if standing.released is not None:
        return "graded"
    if standing.submission is not None:
        return "handed in"
    return deadlines.sentence(due, now, zone)


async def _members(session: Session, course: int) -> tuple[Member, ...]:
    progress = {row.student: row for row in await session.query(ProgressRow, "course_progress", course)}
    members = []
    for row in await session.query(MemberRow, "members", course):
        own = progress.get(row.person)
        counts = (own.submitted, own.graded, own.read) if own is not None else (0, 0, 0)
        members.append(Member(row.person, row.username, row.name, row.staff, row.key > 0, *counts))
    return tuple(members)
