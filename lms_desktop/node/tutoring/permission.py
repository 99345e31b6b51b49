"""Whether a question may be asked: who signed it, when, whether they belong to the course, and what its staff
set.

Refusals are PeerErrors whose code goes to the app as it is: `not_allowed`, `stale`, `tutor_off` (its words
are the staff's reason), `tutor_limit`.
"""

import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from lms_desktop.node.errors import PeerError
from lms_desktop.school import rules
from lms_desktop.school.commands import TutorMode
from lms_desktop.school.queries.tutor import TutorStateRow, closed_assignments, tutor_setting
from lms_desktop.school.rules.base import is_enrolled, is_staff
from lms_desktop.school.tables import PrincipalKind
from lms_desktop.trust.asks import Ask

FRESH_MS = 10 * 60_000
HOUR_S = 3_600.0
ASKERS = 10_000


@dataclass(frozen=True, slots=True)
class Permit:
    """A question that may be asked, whether passages are all that staff allow as its answer, and the
    assignments of the course that it may not be about."""

    ask: Ask
    hints_only: bool
    closed: frozenset[int]


class Permission:
    """Judges questions by the ledger as it is applied here. It also counts them: `per_hour` of a student in a
    course."""

    def __init__(self, db: sqlite3.Connection, cluster_id: bytes, now_ms: Callable[[], int]) -> None:
        self._db = db
        self._cluster_id = cluster_id
        self._now_ms = now_ms
        self._asked: dict[tuple[int, int], deque[float]] = {}  # by author and course

    def check(self, raw: bytes) -> Permit:
        """Who asks what; raises PeerError where it may not be asked, AskError for what is no ask."""
        ask = Ask.decode(raw)
        person = rules.principal(self._db, ask.author)
        if (
            person is None
            or person.kind is not PrincipalKind.PERSON
            or person.public is None
            or not person.active
            or not ask.is_signed_by(self._cluster_id, person.public)
        ):
            raise PeerError("not_allowed", "This question is not signed by who asks it")
        if not (is_enrolled(self._db, ask.course, ask.author) or is_staff(self._db, ask.course, ask.author)):
            raise PeerError("not_allowed", "Only the people of the course may ask its tutor")
        if not self._is_open(ask):
            raise PeerError("not_allowed", "There is no such course or assignment, or it is in the archive")
        now = self._now_ms()
        if abs(now - ask.time_ms) > FRESH_MS:
            raise PeerError(
                "stale",
                "The question was signed too long ago, or a clock is wrong",
                next_step="Ask again; if this goes on, check this computer's clock.",
            )
        setting = tutor_setting(self._db, ask.course, ask.assignment, now)[0]
        if setting.mode == TutorMode.OFF:
            reason = setting.reason.rstrip(".") or "The instructor has switched the tutor off here"
            raise PeerError("tutor_off", reason)
        self._count((ask.author, ask.course), setting)
        closed = closed_assignments(self._db, ask.course, now)
        return Permit(ask, setting.mode == TutorMode.HINTS, closed)

    def _is_open(self, ask: Ask) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM school_courses WHERE course = ?1 AND NOT archived AND (?2 = 0 OR EXISTS ("
            "SELECT 1 FROM school_assignments WHERE assignment = ?2 AND course = ?1 AND NOT archived))",
            (ask.course, ask.assignment),
        ).fetchone()
        return row is not None

    def _count(self, who: tuple[int, int], setting: TutorStateRow) -> None:
        now = time.monotonic()
        asked = self._asked.pop(who, None) or deque()
        self._asked[who] = asked  # the last one: who has not asked for longest is forgotten first
        if len(self._asked) > ASKERS:
            del self._asked[next(iter(self._asked))]
        while asked and now - asked[0] > HOUR_S:
            asked.popleft()
        if len(asked) >= setting.per_hour:
            minutes = int((HOUR_S - (now - asked[0])) // 60) + 1
            raise PeerError(
                "tutor_limit",
                f"{setting.per_hour} questions an hour may be asked here",
                next_step=f"Ask again in {minutes} min, or ask the instructor.",
            )
        asked.append(now)
