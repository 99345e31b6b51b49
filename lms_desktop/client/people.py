"""People: accounts, CSV rosters, invitations and their slips."""

from dataclasses import dataclass
from pathlib import Path

from lms_desktop.client.session import Role, Session


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of the school."""

    person: int
    login: str
    name: str
    role: Role
    active: bool
    signed_in_before: bool  # has published keys
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
    """What importing a roster would do."""

    file_name: str
    add: tuple[NewPerson, ...]
    known: tuple[str, ...]  # logins that exist already and stay as they are
    errors: tuple[RowError, ...]


@dataclass(frozen=True, slots=True)
class Slip:
    """An invitation to be printed and handed to one person. Kept nowhere: print it now or issue a new one."""

    person: int
    name: str
    login: str
    role: Role
    words: str
    school: str


async def people(session: Session) -> tuple[PersonRow, ...]:
    """Everyone, by name."""


async def add_person(session: Session, *, person: NewPerson) -> Slip:
    """Add one person and make their invitation. Raises BadInput, Refused."""


async def preview_roster(session: Session, *, path: Path) -> RosterPreview:
    """Read a CSV (comma or semicolon, with or without BOM) and say what it would do. Raises BadFile for no usable header."""


async def import_roster(session: Session, *, preview: RosterPreview) -> tuple[Slip, ...]:
    """Add the people of a preview; returns a slip each."""


async def invite_again(session: Session, *, person: int) -> Slip:
    """A new invitation for someone who lost slip or passphrase; an unused one dies."""


async def set_active(session: Session, *, person: int, active: bool) -> None:
    """Close or reopen an account."""


async def save_slips(
    session: Session, *, slips: tuple[Slip, ...], destination: Path, per_page: int = 1
) -> Path:
    """Write slips as a PDF for printing, one or several a page."""
