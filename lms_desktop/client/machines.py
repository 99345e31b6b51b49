"""Machines: which are on, what they hold, who tried to join, and the file with which one joins."""

from dataclasses import dataclass
from pathlib import Path

from lms_desktop.client.session import Sent, Session


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One machine of the school, as this machine sees it. `role`: leader, voter, learner, removed."""

    machine: int
    name: str
    address: str
    role: str
    keeper: bool
    online: bool
    last_seen_ms: int | None
    applied: int
    head: bytes
    digest: bytes
    version: str
    here: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """A machine that tried to join and was refused."""

    key: str
    address: str
    reason: str
    first_ms: int
    last_ms: int
    count: int


@dataclass(frozen=True, slots=True)
class MachinesPage:
    """Everything the machines page shows."""

    machines: tuple[MachineRow, ...]
    attempts: tuple[Attempt, ...]
    quorum: bool
    switch_on: tuple[str, ...]  # names of machines to switch on when there is no quorum
    alarm: str | None


async def machines_page(session: Session) -> MachinesPage:
    """The live view of this machine's node."""


async def make_provisioning(session: Session, *, destination: Path, uses: int = 30, days: int = 7) -> Path:
    """Write a provisioning file: cluster id, seed addresses with their keys, a limited, expiring token."""


async def set_keeper(session: Session, *, machine: int, keeper: bool) -> Sent:
    """Tag or untag a machine that stays on and keeps its disk."""


async def remove_machine(session: Session, *, machine: int) -> Sent:
    """Take a machine out of the school."""


async def stop_node(session: Session) -> None:
    """Stop this machine's node, signed by an administrator."""
