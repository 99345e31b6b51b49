"""Before anyone is signed in: does this machine belong to a school; create one, or join one."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lms_desktop.client.link import Link
from lms_desktop.client.session import Session


class Stage(StrEnum):
    """What the app should show first."""

    NO_SCHOOL = "no_school"  # offer: join, create
    JOINING = "joining"  # waits for the ledger
    READY = "ready"  # sign in


@dataclass(frozen=True, slots=True)
class MachineStage:
    """Where this machine stands before sign-in."""

    stage: Stage
    school: str
    machine_name: str
    message: str


@dataclass(frozen=True, slots=True)
class Founded:
    """A school just made: show the passphrase, print the kit."""

    session: Session
    passphrase: str
    kit: Path


async def stage(link: Link) -> MachineStage:
    """Ask this machine's node where it stands."""


async def create_school(
    link: Link,
    *,
    school: str,
    zone: str,
    administrator_name: str,
    administrator_login: str,
    kit: Path,
    user_data: Path,
) -> Founded:
    """Found a school on this machine and write its recovery kit (PDF) to `kit`; nothing is founded if the kit fails."""


async def join_school(link: Link, *, provisioning: Path, timeout_s: float = 60.0) -> MachineStage:
    """Join with a provisioning file and wait until this machine has the ledger. Raises BadFile, NodeRefused."""
