"""What an instructor sets for the tutor, of a course or of one assignment, now or for a time."""

from dataclasses import dataclass

from lms_desktop.client.course import course_row
from lms_desktop.client.errors import BadInput, TutorOff
from lms_desktop.client.session import Sent, Session
from lms_desktop.school import deadlines
from lms_desktop.school.commands import TutorMode as TutorMode
from lms_desktop.school.commands import TutorSet
from lms_desktop.school.queries.tutor import TutorSettingRow, TutorStateRow
from lms_desktop.school.queries.work import AssignmentRow


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it was written: of the whole course where `assignment` is None. Times in UTC ms.

    It holds from `starts_ms` to `ends_ms` (None: open), and is as if on outside. `revision` is for the next
    change (None: never set). `holds`: now. `per_hour` asks of one student (None: the default of 60); students
    read `reason`. `beside` counts settings of two people at once that do not count.
    """

    course: int
    assignment: int | None
    assignment_title: str
    revision: int | None = None
    mode: TutorMode = TutorMode.ON
    starts_ms: int | None = None
    ends_ms: int | None = None
    per_hour: int | None = None
    reason: str = ""
    holds: bool = False
    beside: int = 0


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds now for a course or an assignment: `ends_ms` None is open; `sentence` says it for people."""

    mode: TutorMode
    reason: str
    ends_ms: int | None
    per_hour: int
    sentence: str


async def settings(session: Session, *, course: int) -> tuple[Setting, ...]:
    """The course's setting first, then one of each of its assignments, set or never set. Raises BadInput."""
    await course_row(session, course)
    now = await session.now_ms()
    rows = await session.query(TutorSettingRow, "tutor_settings", course)
    current = {row.assignment: row for row in rows if row.current}
    assignments = [
        (row.assignment, row.title)
        for row in await session.query(AssignmentRow, "assignments", course)
        if not row.archived
    ]
    found = []
    for assignment, title in [(0, ""), *assignments]:
        row = current.get(assignment)
        if row is None:
            found.append(Setting(course, assignment or None, title))
            continue
        beside = sum(
            other.beside and other.assignment == assignment and other.stamp > row.stamp for other in rows
        )
        found.append(
            Setting(
                course,
                assignment or None,
                title,
                row.revision,
                TutorMode(row.mode),
                row.starts,
                row.ends,
                row.per_hour,
                row.reason,
                (row.starts or 0) <= now and (row.ends is None or now < row.ends),
                beside,
            )
        )
    return tuple(found)


async def in_force(session: Session, *, course: int, assignment: int | None = None) -> InForce:
    """What holds now: of the course's setting and the assignment's the stricter one."""
    (row,) = await session.query(
        TutorStateRow, "tutor_setting", course, assignment or 0, await session.now_ms()
    )
    mode = TutorMode(row.mode)
    return InForce(mode, row.reason, row.ends, row.per_hour, _sentence(session, mode, row))


async def set_tutor(
    session: Session,
    *,
    setting: Setting,
    mode: TutorMode,
    starts_ms: int | None = None,
    ends_ms: int | None = None,
    per_hour: int | None = None,
    reason: str = "",
) -> Sent:
    """Put a new setting in place of the one that the person saw. Raises BadInput, Refused."""
    if starts_ms is not None and ends_ms is not None and ends_ms <= starts_ms:
        raise BadInput("The end lies before the start.", where="until", next_step="Choose a later end.")
    if ends_ms is not None and ends_ms <= await session.now_ms():
        raise BadInput("The end has passed already.", where="until", next_step="Choose a later end.")
    command = TutorSet(
        setting.course,
        setting.assignment,
        setting.revision,
        mode,
        starts_ms,
        ends_ms,
        per_hour,
        reason.strip(),
    )
    about = f"“{setting.assignment_title}”" if setting.assignment_title else "the course"
    return await session.send(command, label=f"The tutor's setting of {about}")


def off(session: Session, found: InForce) -> TutorOff:
    """The error of an ask while the tutor is switched off."""
    until = "" if found.ends_ms is None else deadlines.clock_text(found.ends_ms, session.zone)
    return TutorOff(found.reason, found.ends_ms, until)


def _sentence(session: Session, mode: TutorMode, row: TutorStateRow) -> str:
    if mode is TutorMode.ON:
        return ""
    until = "" if row.ends is None else f" until {deadlines.clock_text(row.ends, session.zone)}"
    what = "The tutor is switched off" if mode is TutorMode.OFF else "The tutor only quotes pages"
    return f"{what}{until}." + (f" Your instructor says: {row.reason}" if row.reason else "")
