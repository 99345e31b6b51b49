"""The audit, row by row."""

from __future__ import annotations

from dataclasses import dataclass

from lms_desktop.school import audit as words
from lms_desktop.school.queries.rows import Database, Row
from lms_desktop.school.tables import PrincipalKind


@dataclass(frozen=True, slots=True)
class AuditRow(Row):
    """What one entry of the ledger did, or was refused; ``code`` is an `outcomes.Outcome`."""

    position: int
    stamp: int
    author: int
    who: str
    kind: int
    code: int
    sentence: str


_AUDIT = """
SELECT u.position, u.stamp, u.author, q.kind, p.name, m.name, t.label, o.name, u.kind, u.code,
    r.title, s.name, u.count, u.subject
FROM school_audit u
LEFT JOIN school_principals q ON q.number = u.author
LEFT JOIN school_people p ON p.person = u.author
LEFT JOIN school_machines m ON m.machine = u.author
LEFT JOIN school_tokens t ON t.token = u.author
LEFT JOIN school_invitations i ON i.invitation = u.author
LEFT JOIN school_people o ON o.person = i.person
LEFT JOIN school_courses c ON c.course = u.course
LEFT JOIN school_course_revisions r ON r.revision = c.revision
LEFT JOIN school_people s ON s.person = u.person
WHERE u.position < ? ORDER BY u.position DESC LIMIT ?
"""


def audit(db: Database, before: int, limit: int) -> list[AuditRow]:
    """At most ``limit`` rows (never above 1,000), the newest first, of the entries before ``before``."""
    found = []
    for values in db.execute(_AUDIT, (before, max(0, min(limit, 1000)))):
        position, stamp, author, principal, person, machine, token, invited, kind, code = values[:10]
        course, subject_person, count, subject = values[10:]
        who = {
            PrincipalKind.PERSON: person,
            PrincipalKind.MACHINE: f"The machine {machine}",
            PrincipalKind.INVITATION: f"The invitation of {invited}",
            PrincipalKind.TOKEN: f"The provisioning token “{token}”",
        }.get(principal, f"Someone unknown (number {author})")
        sentence = words.tell(
            who,
            kind,
            code,
            course=course or "",
            person=subject_person or "",
            count=count or 0,
            subject=subject,
        )
        found.append(AuditRow(position, stamp, author, who, kind, code, sentence))
    return found
