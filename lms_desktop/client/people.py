"""People: accounts, CSV rosters, invitations and their slips."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from lms_desktop.client import documents
from lms_desktop.client.errors import BadFile
from lms_desktop.client.protocol import ItemState
from lms_desktop.client.session import DECISION_S, Role, Sent, Session, refusal
from lms_desktop.school import roster
from lms_desktop.school.commands import PersonAdd, PersonInvite, PersonSetActive
from lms_desktop.school.queries import people as rows
from lms_desktop.school.queries.courses import CourseRow, MemberRow
from lms_desktop.trust.invites import invitation_key, new_invitation

_ROLE_NAMES = {Role.STUDENT: "student", Role.INSTRUCTOR: "instructor", Role.ADMINISTRATOR: "administrator"}


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of the school; `courses` are the titles of those that they teach or attend."""

    person: int
    login: str
    name: str
    role: Role
    active: bool
    signed_in_before: bool
    invited: bool  # an unused invitation is about
    courses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A person to be added."""

    login: str
    name: str
    role: Role = Role.STUDENT


@dataclass(frozen=True, slots=True)
class RowError:
    """A line of a roster that cannot be used; `line` counts from 1, the header included."""

    line: int
    text: str
    message: str


@dataclass(frozen=True, slots=True)
class RosterPreview:
    """What importing a roster would do; `ignored` are headings of columns that mean nothing here."""

    file_name: str
    add: tuple[NewPerson, ...]
    errors: tuple[RowError, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slip:
    """An invitation to be printed and handed to one person. Kept nowhere: print it now or issue a new one."""

    name: str
    login: str
    role: Role
    words: str = field(repr=False)
    school: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: a slip for each person added, and whom the class refused, with why."""

    slips: tuple[Slip, ...]
    refused: tuple[tuple[NewPerson, str], ...]
    waiting: int  # of the slips: how many take effect only once enough machines are on


async def people(session: Session) -> tuple[PersonRow, ...]:
    """Everyone, by name."""
    titles: dict[int, list[str]] = {}
    for course in await session.query(CourseRow, "courses", session.person.number):
        for member in await session.query(MemberRow, "members", course.course):
            titles.setdefault(member.person, []).append(course.title)
    return tuple(
        PersonRow(
            row.person,
            row.username,
            row.name,
            Role(row.role),
            row.active,
            row.key > 0,
            row.invitation is not None,
            tuple(titles.get(row.person, ())),
        )
        for row in await session.query(rows.PersonRow, "people")
    )


async def add_person(session: Session, *, person: NewPerson) -> Slip:
    """Add one person and make their invitation. Raises BadInput, Refused."""
    slip, _ = await _add(session, person, wait_s=DECISION_S)
    return slip


async def preview_roster(session: Session, *, path: Path) -> RosterPreview:
    """Read a CSV (comma or semicolon, with or without BOM) and say what importing it would do.

    Raises BadFile where the file cannot be read or has no usable header.
    """
    try:
        data = await asyncio.to_thread(_read, path)
    except OSError as error:
        raise BadFile(
            f"The file cannot be read: {error.strerror or error}.",
            where=path.name,
            next_step="Check that it is still there.",
        ) from error
    taken = {row.username for row in await session.query(rows.PersonRow, "people")}
    try:
        read = roster.read_roster(data, taken)
    except roster.RosterError as error:
        raise BadFile(str(error), where=path.name) from error
    return RosterPreview(
        path.name,
        tuple(NewPerson(row.username, row.name, row.role) for row in read.people),
        tuple(RowError(row.line, row.text, row.problem) for row in read.bad),
        read.ignored,
    )


async def import_roster(session: Session, *, preview: RosterPreview) -> Imported:
    """Add the people of a preview, all handed over before the class is waited for."""
    sent = [(person, *await _add(session, person, wait_s=0)) for person in preview.add]
    slips: list[Slip] = []
    refused: list[tuple[NewPerson, str]] = []
    waiting = 0
    for person, slip, write in sent:
        item = await session.follow(write.item, until=ItemState.ACCEPTED, timeout_s=DECISION_S)
        if item.state is ItemState.REFUSED:
            refused.append((person, refusal(item, person.login).what))
        else:
            slips.append(slip)
            waiting += not item.state.settled
    return Imported(tuple(slips), tuple(refused), waiting)


async def invite_again(session: Session, *, person: PersonRow) -> Slip:
    """A new invitation for someone who lost slip or passphrase; an unused one dies. Raises Refused."""
    words = new_invitation()
    key = invitation_key(session.cluster_id, words)
    await session.send(PersonInvite(person.person, key.public), label=f"New invitation for {person.name}")
    return Slip(person.name, person.login, person.role, words, session.school)


async def set_active(session: Session, *, person: int, active: bool) -> Sent:
    """Close an account, or open it again."""
    return await session.send(PersonSetActive(person, active), label="Account " + ("on" if active else "off"))


async def save_slips(
    session: Session, *, slips: tuple[Slip, ...], destination: Path, per_page: int = 1
) -> Path:
    """Write slips as a PDF for printing, one to three a page. Raises DocumentFailed."""
    texts = [
        documents.SlipText(slip.school, slip.name, slip.login, _ROLE_NAMES[slip.role], slip.words)
        for slip in slips
    ]
    data = await asyncio.to_thread(documents.slips, texts, per_page=per_page)
    return await asyncio.to_thread(documents.write_file, destination, data)


async def _add(session: Session, person: NewPerson, *, wait_s: float) -> tuple[Slip, Sent]:
    words = new_invitation()
    key = invitation_key(session.cluster_id, words)
    name, login = person.name.strip(), person.login.strip().lower()
    sent = await session.send(
        PersonAdd(name, login, int(person.role), key.public), label=f"New person {name}", wait_s=wait_s
    )
    return Slip(name, login, person.role, words, session.school), sent


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(roster.MAX_BYTES + 1)
