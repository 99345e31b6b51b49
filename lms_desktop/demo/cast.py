"""Who and what the story is played with: the seats, the people's sessions, and what is found on the way."""

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lms_desktop.client import signin
from lms_desktop.client.session import Session
from lms_desktop.demo.modelling import SampleModel
from lms_desktop.demo.school import SEATS
from lms_desktop.demo.seats import Seat, close_seats, make_seats
from lms_desktop.resources import resource

WAIT_S = 30.0
_POLL_S = 0.05

T = TypeVar("T")


class StoryFailed(Exception):
    """A claim of the story did not hold; the message says which, in plain words."""


def expect(holds: bool, message: str) -> None:
    """Raise StoryFailed with the message unless the claim holds."""
    if not holds:
        raise StoryFailed(message)


async def until(look: Callable[[], Awaitable[T | None]], message: str, *, timeout_s: float = WAIT_S) -> T:
    """Look until there is something (not None, not False). Raises StoryFailed(message) past the deadline."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                if found := await look():
                    return found
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise StoryFailed(message) from None


@dataclass(frozen=True, slots=True)
class Account:
    """How a person of the story signs in."""

    login: str
    name: str
    passphrase: str = field(repr=False)
    number: int


@dataclass(slots=True)
class Report:
    """What the story did and found, for `--json`: process ids, leaders' machine numbers, hashes in hex.

    `tutor` has one record an ask: step, question, verdict, score, threshold, engine, tokens (messages), and
    citations of document, page and whether the quote stands there word for word.
    """

    killed: list[int] = field(default_factory=list)
    leaders: list[dict[str, int | None]] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    tutor: list[dict[str, Any]] = field(default_factory=list)


class Cast:
    """The state of one performance. `first_pdf` is what the first student hands in."""

    def __init__(self, folder: Path, *, pdf: Path | None = None) -> None:
        self.folder = folder
        self.report = Report()
        self.seats = {seat.name: seat for seat in make_seats(folder, (*SEATS, "D"))}
        self.accounts: dict[str, Account] = {}
        self.sessions: dict[str, Session] = {}
        self.model = SampleModel(folder)
        self.first_pdf = pdf if pdf is not None else resource("courses", "sample-halving-1.pdf")
        self.handed_in: dict[str, Path] = {}
        self.receipts: list[Path] = []
        self.course = self.assignment = self.material = self.question = 0

    @property
    def school_seats(self) -> tuple[Seat, ...]:
        """The three machines of the school."""
        return tuple(self.seats[name] for name in SEATS)

    def enter(self, session: Session, passphrase: str) -> None:
        """Note a session made by founding or by a first sign-in."""
        person = session.person
        self.accounts[person.login] = Account(person.login, person.name, passphrase, person.number)
        self.sessions[person.login] = session

    async def sign_in(self, login: str, seat: Seat) -> Session:
        """Sign a person in at a seat with their passphrase, and out where they sat."""
        if login in self.sessions:
            self.sessions.pop(login).sign_out()
        session = await signin.sign_in(
            seat.link, login=login, passphrase=self.accounts[login].passphrase, user_data=seat.user_data
        )
        self.sessions[login] = session
        return session

    async def leader(self, *, besides: int | None = None) -> Seat:
        """The seat that leads now, once all running machines agree; not the machine `besides`."""

        async def look() -> Seat | None:
            running = [seat for seat in self.school_seats if seat.alive]
            statuses = [await seat.status() for seat in running]
            leading = [
                seat for seat, status in zip(running, statuses, strict=True) if status.role == "leader"
            ]
            agreed = {status.leader for status in statuses}
            return leading[0] if len(leading) == 1 and len(agreed) == 1 and agreed != {besides} else None

        return await until(look, "The machines do not agree on a leader.")

    def kill(self, seat: Seat) -> None:
        """Kill a seat's node with SIGKILL and note its process id."""
        pid = seat.kill()
        if pid is not None:
            self.report.killed.append(pid)

    def close(self) -> None:
        """Stop every machine."""
        for session in self.sessions.values():
            session.sign_out()
        self.model.stop()
        close_seats(self.seats.values())


def pdf_text(path: Path) -> str:
    """The text of a PDF, blanks and line ends made one blank."""
    from pypdf import PdfReader

    return " ".join(" ".join(page.extract_text() for page in PdfReader(path).pages).split())


def sha256_of(path: Path) -> bytes:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def grow_pdf(source: Path, destination: Path, extra: bytes) -> Path:
    """A PDF with more in it: the source with an attachment."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(source.read_bytes())))
    writer.add_attachment("measurements.bin", extra)
    with destination.open("wb") as file:
        writer.write(file)
    return destination
