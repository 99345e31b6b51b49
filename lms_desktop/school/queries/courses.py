"""Courses: who is in them, their keys, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass

from lms_desktop.school.queries.rows import Database, Row, rows


@dataclass(frozen=True, slots=True)
class CourseRow(Row):
    """A course as one person stands to it; counts leave out what is archived."""

    course: int
    revision: int
    title: str
    code: str
    description: str
    archived: bool
    generation: int
    public: bytes
    is_staff: bool
    is_student: bool
    students: int
    materials: int
    assignments: int
    stamp: int


@dataclass(frozen=True, slots=True)
class MemberRow(Row):
    """A member of a course. ``key`` counts the person's keys (0: has not signed in yet)."""

    course: int
    person: int
    name: str
    username: str
    staff: bool
    active: bool
    key: int
    sealing: bytes | None


@dataclass(frozen=True, slots=True)
class GenerationRow(Row):
    """A course key generation."""

    course: int
    generation: int
    public: bytes
    recovery: bytes
    predecessor: bytes | None
    author: int
    stamp: int


@dataclass(frozen=True, slots=True)
class StaffSlotRow(Row):
    """A course key generation's secret, sealed to one member of staff (to their key number ``key``)."""

    course: int
    generation: int
    person: int
    key: int
    box: bytes


@dataclass(frozen=True, slots=True)
class MaterialRow(Row):
    """A material. ``read`` is the revision that the person read, none if unread; ``readers`` are students
    who read any revision."""

    course: int
    material: int
    revision: int
    title: str
    file_name: str
    manifest: bytes
    size: int
    sha256: bytes
    pages: int
    archived: bool
    read: int | None
    readers: int
    published: int
    stamp: int
    author: int


@dataclass(frozen=True, slots=True)
class CourseRevisionRow(Row):
    """One revision of a course's texts; ``beside`` was made from a stale one."""

    revision: int
    replaces: int | None
    title: str
    code: str
    description: str
    author: int
    name: str
    stamp: int
    beside: bool


@dataclass(frozen=True, slots=True)
class MaterialRevisionRow(Row):
    """One revision of a material; ``beside`` was made from a stale one."""

    revision: int
    replaces: int | None
    title: str
    file_name: str
    manifest: bytes
    size: int
    sha256: bytes
    pages: int
    author: int
    name: str
    stamp: int
    beside: bool


_COURSES = """
SELECT c.course, c.revision, r.title, r.code, r.description, c.archived, c.generation, g.public,
    EXISTS (SELECT 1 FROM school_staff_slots s
        WHERE s.course = c.course AND s.generation = c.generation AND s.person = :person),
    EXISTS (SELECT 1 FROM school_enrolments e
        WHERE e.course = c.course AND e.student = :person AND e.active),
    (SELECT count(*) FROM school_enrolments e WHERE e.course = c.course AND e.active),
    (SELECT count(*) FROM school_materials m WHERE m.course = c.course AND NOT m.archived),
    (SELECT count(*) FROM school_assignments a WHERE a.course = c.course AND NOT a.archived),
    c.stamp
FROM school_courses c
JOIN school_course_revisions r ON r.revision = c.revision
JOIN school_generations g ON g.course = c.course AND g.generation = c.generation
"""
_MINE = """
WHERE EXISTS (SELECT 1 FROM school_staff_slots s
        WHERE s.course = c.course AND s.generation = c.generation AND s.person = :person)
    OR EXISTS (SELECT 1 FROM school_enrolments e
        WHERE e.course = c.course AND e.student = :person AND e.active)
    OR EXISTS (SELECT 1 FROM school_people p WHERE p.person = :person AND p.role = 1)
ORDER BY r.title, c.course
"""


def courses(db: Database, person: int) -> list[CourseRow]:
    """The courses that a person teaches or attends; an administrator's are all."""
    return rows(CourseRow, db.execute(_COURSES + _MINE, {"person": person}))


def course(db: Database, number: int, person: int) -> list[CourseRow]:
    """One course as a person stands to it, or nothing."""
    return rows(
        CourseRow,
        db.execute(_COURSES + "WHERE c.course = :course", {"course": number, "person": person}),
    )


def members(db: Database, course: int) -> list[MemberRow]:
    """Staff first, then the enrolled students, each by name."""
    return rows(
        MemberRow,
        db.execute(
            """
            SELECT :course, p.person, p.name, p.username, m.staff, q.active, p.key, p.sealing
            FROM (
                SELECT s.person AS person, 1 AS staff FROM school_staff_slots s
                JOIN school_courses c ON c.course = s.course AND c.generation = s.generation
                WHERE s.course = :course
                UNION ALL
                SELECT e.student, 0 FROM school_enrolments e WHERE e.course = :course AND e.active
            ) m
            JOIN school_people p ON p.person = m.person
            JOIN school_principals q ON q.number = p.person
            ORDER BY m.staff DESC, p.name, p.person
            """,
            {"course": course},
        ),
    )


def generations(db: Database, course: int) -> list[GenerationRow]:
    """A course's key generations, the newest first."""
    return rows(
        GenerationRow,
        db.execute(
            "SELECT course, generation, public, recovery, predecessor, author, stamp "
            "FROM school_generations WHERE course = ? ORDER BY generation DESC",
            (course,),
        ),
    )


def staff_slots(db: Database, course: int, person: int) -> list[StaffSlotRow]:
    """A person's slots of a course's key generations, the newest first."""
    return rows(
        StaffSlotRow,
        db.execute(
            "SELECT course, generation, person, key, box FROM school_staff_slots "
            "WHERE course = ? AND person = ? ORDER BY generation DESC",
            (course, person),
        ),
    )


_MATERIALS = """
SELECT m.course, m.material, m.revision, r.title, r.file_name, r.manifest, r.size, r.sha256, r.pages,
    m.archived,
    (SELECT d.revision FROM school_reads d WHERE d.material = m.material AND d.student = :person),
    (SELECT count(*) FROM school_reads d JOIN school_enrolments e
        ON e.course = m.course AND e.student = d.student AND e.active WHERE d.material = m.material),
    m.stamp, r.stamp, r.author
FROM school_materials m JOIN school_material_revisions r ON r.revision = m.revision
"""


def materials(db: Database, course: int, person: int) -> list[MaterialRow]:
    """A course's materials in the order of their publishing, with a person's read marks."""
    return rows(
        MaterialRow,
        db.execute(
            _MATERIALS + "WHERE m.course = :course ORDER BY m.position",
            {"course": course, "person": person},
        ),
    )


def material(db: Database, number: int, person: int) -> list[MaterialRow]:
    """One material, or nothing."""
    return rows(
        MaterialRow,
        db.execute(_MATERIALS + "WHERE m.material = :material", {"material": number, "person": person}),
    )


def course_revisions(db: Database, course: int) -> list[CourseRevisionRow]:
    """A course's revisions, the oldest first."""
    return rows(
        CourseRevisionRow,
        db.execute(
            "SELECT r.revision, r.replaces, r.title, r.code, r.description, r.author, p.name, "
            "r.stamp, r.beside FROM school_course_revisions r JOIN school_people p ON p.person = r.author "
            "WHERE r.course = ? ORDER BY r.position",
            (course,),
        ),
    )


def material_revisions(db: Database, material: int) -> list[MaterialRevisionRow]:
    """A material's revisions, the oldest first."""
    return rows(
        MaterialRevisionRow,
        db.execute(
            "SELECT r.revision, r.replaces, r.title, r.file_name, r.manifest, r.size, r.sha256, r.pages, "
            "r.author, p.name, r.stamp, r.beside "
            "FROM school_material_revisions r JOIN school_people p ON p.person = r.author "
            "WHERE r.material = ? ORDER BY r.position",
            (material,),
        ),
    )
