"""The rules for courses: their keys, staff, students and materials."""

import sqlite3

from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import (
    CourseArchive,
    CourseCreate,
    CourseEdit,
    CourseEnrol,
    CourseStaff,
    CourseUnenrol,
    FileRef,
    Generation,
    MaterialArchive,
    MaterialEdit,
    MaterialPublish,
    MaterialRead,
    Role,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.rules.base import (
    Context,
    Done,
    Rules,
    is_enrolled,
    is_stale_revision,
    open_course,
    refuse_unless,
    require_new,
    require_staff,
    require_staff_or_administrator,
    role_of,
)

RULES = Rules()


def _check_generation(db: sqlite3.Connection, generation: Generation, previous: int) -> None:
    """A generation follows the one before, carries it, and is sealed to people who may be staff."""
    refuse_unless(generation.number == previous + 1, Outcome.WRONG_GENERATION)
    refuse_unless((generation.predecessor is None) == (previous == 0), Outcome.WRONG_GENERATION)
    staff = [slot.person for slot in generation.staff]
    refuse_unless(len(set(staff)) == len(staff), Outcome.DUPLICATE)
    for slot in generation.staff:
        row = db.execute(
            "SELECT p.role, p.key, q.active FROM school_people p "
            "JOIN school_principals q ON q.number = p.person WHERE p.person = ?",
            (slot.person,),
        ).fetchone()
        refuse_unless(row is not None, Outcome.UNKNOWN_PERSON)
        role, key, active = row
        refuse_unless(role != Role.STUDENT, Outcome.WRONG_ROLE)
        refuse_unless(active, Outcome.PERSON_INACTIVE)
        refuse_unless(slot.slot.key == key, Outcome.WRONG_KEY)


def _add_generation(db: sqlite3.Connection, course: int, generation: Generation, ctx: Context) -> None:
    db.execute(
        "INSERT INTO school_generations VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            course,
            generation.number,
            generation.public,
            generation.recovery,
            generation.predecessor,
            ctx.author,
            ctx.stamp,
        ),
    )
    db.executemany(
        "INSERT INTO school_staff_slots VALUES (?, ?, ?, ?, ?)",
        [
            (course, generation.number, member.person, member.slot.key, member.slot.box)
            for member in generation.staff
        ],
    )


@RULES.rule(CourseCreate)
def _course_create(db: sqlite3.Connection, command: CourseCreate, ctx: Context) -> Done:
    """Effects: [course, [staff]]."""
    role = role_of(db, ctx.author)
    refuse_unless(role is not Role.STUDENT, Outcome.NOT_STAFF)
    staff = tuple(slot.person for slot in command.generation.staff)
    refuse_unless(role is Role.ADMINISTRATOR or ctx.author in staff, Outcome.STAFF_MISMATCH)
    _check_generation(db, command.generation, 0)
    course = require_new(db, "school_courses", "course", ctx)
    db.execute("INSERT INTO school_courses VALUES (?, ?, 1, 0, ?, ?)", (course, course, ctx.stamp, ctx.index))
    _add_course_revision(db, course, None, command, ctx, beside=False)
    _add_generation(db, course, command.generation, ctx)
    return Done((course, staff), Changes.COURSES, course=course)


def _add_course_revision(
    db: sqlite3.Connection,
    course: int,
    replaces: int | None,
    command: CourseCreate | CourseEdit,
    ctx: Context,
    *,
    beside: bool,
) -> None:
    db.execute(
        "INSERT INTO school_course_revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            ctx.reference,
            course,
            replaces,
            command.title,
            command.code,
            command.description,
            ctx.author,
            ctx.stamp,
            ctx.index,
            beside,
        ),
    )


@RULES.rule(CourseEdit)
def _course_edit(db: sqlite3.Connection, command: CourseEdit, ctx: Context) -> Done:
    """Effects: [course, revision, beside]."""
    open_course(db, command.course)
    require_staff(db, command.course, ctx)
    (current,) = db.execute(
        "SELECT revision FROM school_courses WHERE course = ?", (command.course,)
    ).fetchone()
    beside = is_stale_revision(
        db, "school_course_revisions", "course", command.course, command.replaces, current
    )
    revision = require_new(db, "school_course_revisions", "revision", ctx)
    _add_course_revision(db, command.course, command.replaces, command, ctx, beside=beside)
    if not beside:
        db.execute("UPDATE school_courses SET revision = ? WHERE course = ?", (revision, command.course))
    return Done((command.course, revision, beside), Changes.COURSES, course=command.course)


def _require_course(db: sqlite3.Connection, course: int) -> int:
    """The course's current generation. Refuses if there is no such course; an archived one is fine."""
    row = db.execute("SELECT generation FROM school_courses WHERE course = ?", (course,)).fetchone()
    refuse_unless(row is not None, Outcome.UNKNOWN_COURSE)
    return int(row[0])


@RULES.rule(CourseArchive)
def _course_archive(db: sqlite3.Connection, command: CourseArchive, ctx: Context) -> Done:
    """Effects: [course, archived]."""
    _require_course(db, command.course)
    require_staff_or_administrator(db, command.course, ctx)
    db.execute("UPDATE school_courses SET archived = ? WHERE course = ?", (command.archived, command.course))
    return Done(
        (command.course, command.archived),
        Changes.COURSES,
        course=command.course,
        subject="archived" if command.archived else "restored",
    )


@RULES.rule(CourseStaff)
def _course_staff(db: sqlite3.Connection, command: CourseStaff, ctx: Context) -> Done:
    """Effects: [course, generation, [staff]]."""
    previous = _require_course(db, command.course)
    require_staff_or_administrator(db, command.course, ctx)
    _check_generation(db, command.generation, previous)
    _add_generation(db, command.course, command.generation, ctx)
    db.execute(
        "UPDATE school_courses SET generation = ? WHERE course = ?",
        (command.generation.number, command.course),
    )
    staff = tuple(slot.person for slot in command.generation.staff)
    return Done(
        (command.course, command.generation.number, staff),
        Changes.COURSES | Changes.PEOPLE,
        course=command.course,
        count=len(staff),
    )


@RULES.rule(CourseEnrol)
def _course_enrol(db: sqlite3.Connection, command: CourseEnrol, ctx: Context) -> Done:
    """Effects: [course, [students who were not enrolled before]]."""
    open_course(db, command.course)
    require_staff_or_administrator(db, command.course, ctx)
    refuse_unless(len(set(command.students)) == len(command.students), Outcome.DUPLICATE)
    for student in command.students:
        row = db.execute(
            "SELECT p.role, q.active FROM school_people p JOIN school_principals q ON q.number = p.person "
            "WHERE p.person = ?",
            (student,),
        ).fetchone()
        refuse_unless(row is not None, Outcome.UNKNOWN_PERSON)
        refuse_unless(row[0] == Role.STUDENT, Outcome.WRONG_ROLE)
        refuse_unless(row[1], Outcome.PERSON_INACTIVE)
    new = tuple(student for student in command.students if not is_enrolled(db, command.course, student))
    db.executemany(
        "INSERT INTO school_enrolments VALUES (?, ?, 1, ?) "
        "ON CONFLICT DO UPDATE SET active = 1, stamp = excluded.stamp",
        [(command.course, student, ctx.stamp) for student in new],
    )
    return Done((command.course, new), Changes.COURSES, course=command.course, count=len(new))


@RULES.rule(CourseUnenrol)
def _course_unenrol(db: sqlite3.Connection, command: CourseUnenrol, ctx: Context) -> Done:
    """Effects: [course, [students who were enrolled before]]."""
    open_course(db, command.course)
    require_staff_or_administrator(db, command.course, ctx)
    refuse_unless(len(set(command.students)) == len(command.students), Outcome.DUPLICATE)
    gone = tuple(student for student in command.students if is_enrolled(db, command.course, student))
    db.executemany(
        "UPDATE school_enrolments SET active = 0, stamp = ? WHERE course = ? AND student = ?",
        [(ctx.stamp, command.course, student) for student in gone],
    )
    return Done((command.course, gone), Changes.COURSES, course=command.course, count=len(gone))


def file_columns(file: FileRef | None) -> tuple[str | bytes | int | None, ...]:
    """A file as the five columns of a revision."""
    if file is None:
        return (None, None, None, None, None)
    return (file.name, file.manifest, file.size, file.sha256, file.pages)


def _add_material_revision(
    db: sqlite3.Connection,
    material: int,
    replaces: int | None,
    command: MaterialPublish | MaterialEdit,
    ctx: Context,
    *,
    beside: bool,
) -> None:
    db.execute(
        "INSERT INTO school_material_revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            ctx.reference,
            material,
            replaces,
            command.title,
            *file_columns(command.file),
            ctx.author,
            ctx.stamp,
            ctx.index,
            beside,
        ),
    )


def _require_material(db: sqlite3.Connection, material: int) -> tuple[int, int]:
    """The material's course and current revision. Refuses if there is no such material."""
    row = db.execute(
        "SELECT course, revision FROM school_materials WHERE material = ?", (material,)
    ).fetchone()
    refuse_unless(row is not None, Outcome.UNKNOWN_MATERIAL)
    return int(row[0]), int(row[1])


@RULES.rule(MaterialPublish)
def _material_publish(db: sqlite3.Connection, command: MaterialPublish, ctx: Context) -> Done:
    """Effects: [course, material]."""
    open_course(db, command.course)
    require_staff(db, command.course, ctx)
    material = require_new(db, "school_materials", "material", ctx)
    db.execute(
        "INSERT INTO school_materials VALUES (?, ?, ?, 0, ?, ?)",
        (material, command.course, material, ctx.stamp, ctx.index),
    )
    _add_material_revision(db, material, None, command, ctx, beside=False)
    return Done((command.course, material), Changes.MATERIALS, course=command.course, subject=command.title)


@RULES.rule(MaterialEdit)
def _material_edit(db: sqlite3.Connection, command: MaterialEdit, ctx: Context) -> Done:
    """Effects: [material, revision, beside]."""
    course, current = _require_material(db, command.material)
    open_course(db, course)
    require_staff(db, course, ctx)
    beside = is_stale_revision(
        db, "school_material_revisions", "material", command.material, command.replaces, current
    )
    revision = require_new(db, "school_material_revisions", "revision", ctx)
    _add_material_revision(db, command.material, command.replaces, command, ctx, beside=beside)
    if not beside:
        db.execute(
            "UPDATE school_materials SET revision = ? WHERE material = ?", (revision, command.material)
        )
    return Done((command.material, revision, beside), Changes.MATERIALS, course=course, subject=command.title)


@RULES.rule(MaterialArchive)
def _material_archive(db: sqlite3.Connection, command: MaterialArchive, ctx: Context) -> Done:
    """Effects: [material, archived]."""
    course, revision = _require_material(db, command.material)
    open_course(db, course)
    require_staff(db, course, ctx)
    (title,) = db.execute(
        "SELECT title FROM school_material_revisions WHERE revision = ?", (revision,)
    ).fetchone()
    db.execute(
        "UPDATE school_materials SET archived = ? WHERE material = ?", (command.archived, command.material)
    )
    verb = "archived" if command.archived else "restored"
    return Done(
        (command.material, command.archived),
        Changes.MATERIALS,
        course=course,
        subject=f"{verb} the material “{title}”",
    )


@RULES.rule(MaterialRead)
def _material_read(db: sqlite3.Connection, command: MaterialRead, ctx: Context) -> Done:
    """Effects: [material, revision]."""
    course, _ = _require_material(db, command.material)
    refuse_unless(is_enrolled(db, course, ctx.author), Outcome.NOT_ENROLLED)
    known = db.execute(
        "SELECT 1 FROM school_material_revisions WHERE revision = ? AND material = ?",
        (command.revision, command.material),
    ).fetchone()
    refuse_unless(known is not None, Outcome.UNKNOWN_REVISION)
    db.execute(
        "INSERT INTO school_reads VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET revision = excluded.revision, stamp = excluded.stamp",
        (command.material, ctx.author, command.revision, ctx.stamp),
    )
    return Done((command.material, command.revision), Changes.PROGRESS, course=course, audited=False)
