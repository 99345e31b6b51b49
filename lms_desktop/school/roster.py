"""Reading a roster: a CSV file of people, as spreadsheets and other systems write it, into a preview.

Nothing is added here: the preview has the rows that may be added and, for each of the others, its line
and what is wrong with it.
"""

import csv
import io
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from lms_desktop.school.commands import CommandError, PersonAdd, Role

MAX_BYTES = 4_000_000
MAX_ROWS = 10_000


class RosterError(ValueError):
    """The whole file cannot be used; the message says where, and what to do."""


@dataclass(frozen=True, slots=True)
class RosterPerson:
    """A row that may be added; ``line`` is where it begins in the file, from 1."""

    line: int
    name: str
    username: str
    role: Role


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that may not be added: its line, its text and what is wrong with it."""

    line: int
    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a roster would add. ``ignored`` are headings of columns that mean nothing here."""

    people: tuple[RosterPerson, ...]
    bad: tuple[BadRow, ...]
    ignored: tuple[str, ...]


_HEADINGS = {
    "name": ("name", "full name", "display name", "student", "student name"),
    "first": ("first name", "given name", "forename"),
    "last": ("last name", "family name", "surname"),
    "login": ("login", "username", "user name", "login id", "user id", "sis login id", "user"),
    "role": ("role",),
}
_COLUMNS = {
    heading.replace(" ", ""): column for column, headings in _HEADINGS.items() for heading in headings
}
_ROLES = {
    "": Role.STUDENT,
    "student": Role.STUDENT,
    "learner": Role.STUDENT,
    "instructor": Role.INSTRUCTOR,
    "teacher": Role.INSTRUCTOR,
    "administrator": Role.ADMINISTRATOR,
    "admin": Role.ADMINISTRATOR,
}
_NO_INVITATION = bytes(32)


def read_roster(data: bytes, taken: Collection[str] = ()) -> Preview:
    """Reads a roster: commas, semicolons or tabs, columns in any order, with or without a byte order mark.

    It needs the columns ``name`` (or ``first name`` and ``last name``) and ``login``; a column ``role`` may
    say student, instructor or administrator, and blank means student. ``taken`` are the logins that the
    school already has. Raises `RosterError`.
    """
    rows = _rows(_text(data))
    try:
        line, headings = next(rows)
    except StopIteration:
        raise RosterError("The file is empty. Its first row must be: name,login") from None
    columns, ignored = _columns(headings, line)
    people: list[RosterPerson] = []
    bad: list[BadRow] = []
    lines: dict[str, int] = {}
    for line, cells in rows:
        if len(people) + len(bad) == MAX_ROWS:
            raise RosterError(f"The file has more than {MAX_ROWS} rows. Split it and add one part at a time.")
        try:
            person = _person(line, cells, columns, len(headings))
            if person.username in taken:
                raise _Bad(f"the login {person.username} is already in the school")
            if person.username in lines:
                raise _Bad(f"the login {person.username} is already in line {lines[person.username]}")
        except _Bad as problem:
            bad.append(BadRow(line, ", ".join(cells), str(problem)))
        else:
            lines[person.username] = line
            people.append(person)
    return Preview(tuple(people), tuple(bad), ignored)


class _Bad(Exception):
    """What is wrong with one row."""


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise RosterError(
            f"The file is larger than {MAX_BYTES // 1_000_000} MB. A roster is a small text file."
        )
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RosterError(
            f"Line {line} is not UTF-8 text. In the spreadsheet choose “Save as: CSV UTF-8”."
        ) from error


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the line at which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    begins = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise RosterError(f"Line {begins} cannot be read: {error}. Check its quotation marks.") from error
        cells = [" ".join(cell.split()) for cell in row]
        if any(cells):
            yield begins, cells
        begins = reader.line_num + 1


def _delimiter(text: str) -> str:
    """The separator that the headings use most; headings hold none of them themselves."""
    headings = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=headings.count)


def _columns(headings: Sequence[str], line: int) -> tuple[dict[str, int], tuple[str, ...]]:
    columns: dict[str, int] = {}
    ignored = []
    for place, heading in enumerate(headings):
        column = _COLUMNS.get(heading.casefold().replace(" ", "").replace("_", "").replace("-", ""))
        if column is None:
            ignored.append(heading)
        elif column in columns:
            first = headings[columns[column]]
            raise RosterError(
                f"Line {line}: “{first}” and “{heading}” mean the same column. Remove one of them."
            )
        else:
            columns[column] = place
    missing = []
    if "name" not in columns and not {"first", "last"} <= columns.keys():
        missing.append("name")
    if "login" not in columns:
        missing.append("login")
    if missing:
        raise RosterError(
            f"Line {line}: the column {' and the column '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing. The first row must be: name,login"
        )
    return columns, tuple(heading for heading in ignored if heading)


def _person(line: int, cells: Sequence[str], columns: dict[str, int], width: int) -> RosterPerson:
    if any(cells[width:]):
        raise _Bad(f"the row has {len(cells)} columns, the first row has {width}")

    def cell(column: str) -> str:
        place = columns.get(column, len(cells))
        return cells[place] if place < len(cells) else ""

    name = cell("name") or f"{cell('first')} {cell('last')}".strip()
    role = _ROLES.get(cell("role").casefold())
    if role is None:
        raise _Bad(f"the role “{cell('role')}” is not student, instructor or administrator")
    try:
        name = unicodedata.normalize("NFC", name)
        command = PersonAdd(name, cell("login").casefold(), role, _NO_INVITATION)
        command.body()
    except CommandError as error:
        field = "login" if error.field == "username" else error.field
        missing = field == "login" and not cell("login")
        raise _Bad(f"the {field} {'is missing' if missing else error.problem}") from error
    return RosterPerson(line, command.name, command.username, role)
