"""A signed-in person: the only place where keys are in memory."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lms_desktop.client.link import Link
from lms_desktop.client.protocol import Event, NodeStatus, Outcome, OutboxItem
from lms_desktop.school.changes import Changes


class Role(StrEnum):
    """What a person may do in the school."""

    STUDENT = "student"
    INSTRUCTOR = "instructor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in; `number` is the principal's number in the ledger."""

    number: int
    login: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Sent:
    """A write handed over: decided by the class (`outcome`), or kept on this computer until it can be (`waiting`)."""

    item: OutboxItem
    outcome: Outcome | None

    @property
    def waiting(self) -> bool:
        """True while the class has not decided; the item takes effect once, later, by itself."""
        return self.outcome is None

    @property
    def made(self) -> int | None:
        """The number of what was made (course, assignment, submission, ...); None while waiting."""


@dataclass(frozen=True, slots=True)
class FirstSignIn:
    """An invitation that was found good: whose it is, and the passphrase made for them, to be shown before publishing."""

    name: str
    login: str
    role: Role
    passphrase: str

    async def publish(self) -> "Session":
        """Publish the keys (the invitation is dead from then on) and return the session."""


async def open_invitation(link: Link, *, words: str, user_data: Path) -> FirstSignIn:
    """Check the six words of a slip and make the person's keys and passphrase here. Raises SignInFailed."""


async def sign_in(link: Link, *, login: str, passphrase: str, user_data: Path) -> "Session":
    """Unwrap the person's keys with their passphrase. Raises SignInFailed, NodeUnreachable."""


class Session:
    """One person, signed in at this machine."""

    link: Link
    person: Person
    school: str
    zone: str  # IANA name, for example "Europe/Paris"

    @property
    def locked(self) -> bool:
        """True while the keys are wiped until `unlock`."""

    def lock(self) -> None:
        """Wipe the keys from memory; the person stays chosen, and `unlock` takes their passphrase."""

    async def unlock(self, *, passphrase: str) -> None:
        """Bring the keys back. Raises SignInFailed."""

    def sign_out(self) -> None:
        """Wipe the keys and end every subscription of this session; what waits in the outbox goes on."""

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """As Link.subscribe, ended by sign_out. The callback runs on the link's thread: hand over at once."""

    async def pending(self) -> tuple[OutboxItem, ...]:
        """This person's writes on this computer that are not safe yet."""

    async def outcome(self, item: OutboxItem, *, timeout_s: float = 10.0) -> Outcome | None:
        """Wait for the class's decision about an item; None when it is still open at the deadline."""

    async def status(self) -> NodeStatus:
        """Where this machine's node stands."""
