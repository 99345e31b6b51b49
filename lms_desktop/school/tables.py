"""The school's tables: a view of the ledger, rebuilt from it at will.

References and times are integers, keys and boxes bytes; nothing here is unsealed. A thing that is
edited has a row with its current revision and one row for each revision; a revision that was made
from a stale one is kept ``beside`` and never becomes current. ``school_standings`` holds, for one
student and one assignment, which submission, grade and extension count. Where something belongs to a
course rather than to an assignment of it, ``assignment`` is 0. A question is ``waiting`` for a reply since
that time, and for none where it is nil.
"""

import sqlite3
from enum import IntEnum

_FILE = "file_name TEXT{0}, manifest BLOB{0}, size INTEGER{0}, sha256 BLOB{0}, pages INTEGER{0}"
_SEALED = (
    "box BLOB NOT NULL, commitment BLOB NOT NULL, staff_key INTEGER NOT NULL, staff_box BLOB NOT NULL, "
    "student_key INTEGER, student_box BLOB"
)
_ORIGIN = "author INTEGER NOT NULL, lane BLOB NOT NULL, seq INTEGER NOT NULL, stamp INTEGER NOT NULL"

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS school_school (
    id INTEGER PRIMARY KEY CHECK (id = 1), cluster_id BLOB NOT NULL, name TEXT NOT NULL, zone TEXT NOT NULL,
    recovery BLOB NOT NULL, rules_version INTEGER NOT NULL, stamp INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS school_principals (
    number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, public BLOB, active INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS school_principals_public ON school_principals (public);

CREATE TABLE IF NOT EXISTS school_people (
    person INTEGER PRIMARY KEY, name TEXT NOT NULL, username TEXT NOT NULL UNIQUE, role INTEGER NOT NULL,
    key INTEGER NOT NULL, sealing BLOB, wrapped BLOB, stamp INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS school_person_keys (
    person INTEGER NOT NULL, key INTEGER NOT NULL, signing BLOB NOT NULL, sealing BLOB NOT NULL,
    stamp INTEGER NOT NULL, PRIMARY KEY (person, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS school_invitations (
    invitation INTEGER PRIMARY KEY, person INTEGER NOT NULL, state INTEGER NOT NULL, author INTEGER NOT NULL,
    stamp INTEGER NOT NULL, ended INTEGER);
CREATE INDEX IF NOT EXISTS school_invitations_person ON school_invitations (person, state);

CREATE TABLE IF NOT EXISTS school_tokens (
    token INTEGER PRIMARY KEY, label TEXT NOT NULL, curve BLOB NOT NULL UNIQUE, uses INTEGER NOT NULL,
    used INTEGER NOT NULL, expires INTEGER NOT NULL, author INTEGER NOT NULL, stamp INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS school_machines (
    machine INTEGER PRIMARY KEY, name TEXT NOT NULL, curve BLOB NOT NULL UNIQUE, host TEXT NOT NULL,
    port INTEGER NOT NULL, files_port INTEGER NOT NULL, hardware BLOB NOT NULL, incarnation BLOB NOT NULL,
    keeper INTEGER NOT NULL, gpu_host INTEGER NOT NULL, token INTEGER, stamp INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS school_courses (
    course INTEGER PRIMARY KEY, revision INTEGER NOT NULL, generation INTEGER NOT NULL,
    archived INTEGER NOT NULL, stamp INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS school_course_revisions (
    revision INTEGER PRIMARY KEY, course INTEGER NOT NULL, replaces INTEGER, title TEXT NOT NULL,
    code TEXT NOT NULL, description TEXT NOT NULL, author INTEGER NOT NULL, stamp INTEGER NOT NULL,
    position INTEGER NOT NULL, beside INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_course_revisions_course ON school_course_revisions (course);
CREATE TABLE IF NOT EXISTS school_generations (
    course INTEGER NOT NULL, generation INTEGER NOT NULL, public BLOB NOT NULL, recovery BLOB NOT NULL,
    predecessor BLOB, author INTEGER NOT NULL, stamp INTEGER NOT NULL,
    PRIMARY KEY (course, generation)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS school_staff_slots (
    course INTEGER NOT NULL, generation INTEGER NOT NULL, person INTEGER NOT NULL, key INTEGER NOT NULL,
    box BLOB NOT NULL, PRIMARY KEY (course, generation, person)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS school_staff_slots_person ON school_staff_slots (person);
CREATE TABLE IF NOT EXISTS school_enrolments (
    course INTEGER NOT NULL, student INTEGER NOT NULL, active INTEGER NOT NULL, stamp INTEGER NOT NULL,
    PRIMARY KEY (course, student)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS school_enrolments_student ON school_enrolments (student, active);

CREATE TABLE IF NOT EXISTS school_materials (
    material INTEGER PRIMARY KEY, course INTEGER NOT NULL, revision INTEGER NOT NULL,
    archived INTEGER NOT NULL, stamp INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_materials_course ON school_materials (course);
CREATE TABLE IF NOT EXISTS school_material_revisions (
    revision INTEGER PRIMARY KEY, material INTEGER NOT NULL, replaces INTEGER, title TEXT NOT NULL,
    {_FILE.format(" NOT NULL")}, author INTEGER NOT NULL, stamp INTEGER NOT NULL,
    position INTEGER NOT NULL, beside INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_material_revisions_material ON school_material_revisions (material);
CREATE TABLE IF NOT EXISTS school_reads (
    material INTEGER NOT NULL, student INTEGER NOT NULL, revision INTEGER NOT NULL, stamp INTEGER NOT NULL,
    PRIMARY KEY (material, student)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS school_assignments (
    assignment INTEGER PRIMARY KEY, course INTEGER NOT NULL, revision INTEGER NOT NULL,
    archived INTEGER NOT NULL, stamp INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_assignments_course ON school_assignments (course);
CREATE TABLE IF NOT EXISTS school_assignment_revisions (
    revision INTEGER PRIMARY KEY, assignment INTEGER NOT NULL, replaces INTEGER, title TEXT NOT NULL,
    text TEXT NOT NULL, {_FILE.format("")}, due INTEGER NOT NULL, zone TEXT NOT NULL, points INTEGER NOT NULL,
    author INTEGER NOT NULL, stamp INTEGER NOT NULL, position INTEGER NOT NULL, beside INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_assignment_revisions_assignment ON school_assignment_revisions (assignment);

CREATE TABLE IF NOT EXISTS school_extensions (
    extension INTEGER PRIMARY KEY, assignment INTEGER NOT NULL, student INTEGER NOT NULL, replaces INTEGER,
    due INTEGER, {_SEALED}, {_ORIGIN}, position INTEGER NOT NULL, beside INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_extensions_student ON school_extensions (assignment, student);
CREATE TABLE IF NOT EXISTS school_submissions (
    submission INTEGER PRIMARY KEY, assignment INTEGER NOT NULL, student INTEGER NOT NULL,
    version INTEGER NOT NULL, replaces INTEGER, machine INTEGER NOT NULL, queued_at INTEGER NOT NULL,
    manifest BLOB NOT NULL, size INTEGER NOT NULL, file_commitment BLOB NOT NULL, {_SEALED}, {_ORIGIN},
    position INTEGER NOT NULL, earliest_ticket INTEGER, beside INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_submissions_assignment ON school_submissions (assignment, student);
CREATE INDEX IF NOT EXISTS school_submissions_student ON school_submissions (student, size);
CREATE TABLE IF NOT EXISTS school_submission_keepers (
    submission INTEGER NOT NULL, keeper INTEGER NOT NULL, PRIMARY KEY (submission, keeper)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS school_grades (
    grade INTEGER PRIMARY KEY, assignment INTEGER NOT NULL, student INTEGER NOT NULL, replaces INTEGER,
    submission INTEGER, correction INTEGER NOT NULL, {_SEALED}, {_ORIGIN}, position INTEGER NOT NULL,
    released INTEGER, released_by INTEGER, seen INTEGER, beside INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_grades_student ON school_grades (assignment, student);
CREATE TABLE IF NOT EXISTS school_standings (
    student INTEGER NOT NULL, assignment INTEGER NOT NULL, extension INTEGER, submission INTEGER,
    grade INTEGER, released INTEGER, PRIMARY KEY (student, assignment)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS school_standings_assignment ON school_standings (assignment);

CREATE TABLE IF NOT EXISTS school_tutor_settings (
    revision INTEGER PRIMARY KEY, course INTEGER NOT NULL, assignment INTEGER NOT NULL, replaces INTEGER,
    mode INTEGER NOT NULL, starts INTEGER, ends INTEGER, per_hour INTEGER, reason TEXT NOT NULL,
    author INTEGER NOT NULL, stamp INTEGER NOT NULL, position INTEGER NOT NULL, beside INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_tutor_settings_course ON school_tutor_settings (course, assignment);
CREATE TABLE IF NOT EXISTS school_tutor (
    course INTEGER NOT NULL, assignment INTEGER NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (course, assignment)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS school_exchanges (
    exchange INTEGER PRIMARY KEY, course INTEGER NOT NULL, assignment INTEGER NOT NULL,
    conversation BLOB NOT NULL, asked_at INTEGER NOT NULL, machine INTEGER NOT NULL,
    verdict INTEGER NOT NULL, {_SEALED}, {_ORIGIN}, position INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_exchanges_course ON school_exchanges (course, position);
CREATE INDEX IF NOT EXISTS school_exchanges_author ON school_exchanges (author, course, position);
CREATE INDEX IF NOT EXISTS school_exchanges_conversation ON school_exchanges (conversation, position);

CREATE TABLE IF NOT EXISTS school_questions (
    question INTEGER PRIMARY KEY, course INTEGER NOT NULL, assignment INTEGER NOT NULL, conversation BLOB,
    {_SEALED}, {_ORIGIN}, position INTEGER NOT NULL, waiting INTEGER, settled INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_questions_course ON school_questions (
    course, waiting, settled, position);
CREATE INDEX IF NOT EXISTS school_questions_author ON school_questions (author, course, position);
CREATE INDEX IF NOT EXISTS school_questions_conversation ON school_questions (conversation);
CREATE TABLE IF NOT EXISTS school_posts (
    post INTEGER PRIMARY KEY, question INTEGER NOT NULL, staff INTEGER NOT NULL, {_SEALED}, {_ORIGIN},
    position INTEGER NOT NULL, seen INTEGER);
CREATE INDEX IF NOT EXISTS school_posts_question ON school_posts (question, position);
CREATE TABLE IF NOT EXISTS school_class_answers (
    answer INTEGER PRIMARY KEY, course INTEGER NOT NULL, assignment INTEGER NOT NULL, question INTEGER,
    title TEXT NOT NULL, text TEXT NOT NULL, pages BLOB NOT NULL, author INTEGER NOT NULL,
    stamp INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS school_class_answers_course ON school_class_answers (course, position);
CREATE INDEX IF NOT EXISTS school_class_answers_question ON school_class_answers (question);
CREATE TABLE IF NOT EXISTS school_class_answers_seen (
    answer INTEGER NOT NULL, student INTEGER NOT NULL, stamp INTEGER NOT NULL,
    PRIMARY KEY (answer, student)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS school_audit (
    position INTEGER PRIMARY KEY, stamp INTEGER NOT NULL, author INTEGER NOT NULL, kind INTEGER NOT NULL,
    code INTEGER NOT NULL, course INTEGER, person INTEGER, count INTEGER, subject TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS school_audit_author ON school_audit (author);
"""


class PrincipalKind(IntEnum):
    """Who may sign: each kind of principal signs only its own kinds of command."""

    PERSON = 1
    MACHINE = 2
    INVITATION = 3
    TOKEN = 4


class InvitationState(IntEnum):
    """What became of an invitation."""

    OPEN = 0
    USED = 1
    REPLACED = 2


def create(db: sqlite3.Connection) -> None:
    """Creates what is not there yet, inside the caller's transaction."""
    for statement in _SCHEMA.split(";"):
        if statement.strip():
            db.execute(statement)
