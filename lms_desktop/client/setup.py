"""Before anyone is signed in: does this machine belong to a school; create one, or join one."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from lms_desktop.client import documents
from lms_desktop.client.errors import BadFile, BadInput, NodeRefused
from lms_desktop.client.link import Link
from lms_desktop.client.query import query
from lms_desktop.client.session import Person, Place, Role, School, Session, sign_command
from lms_desktop.config import ConfigError, Provisioning
from lms_desktop.school import deadlines
from lms_desktop.school.commands import CommandError, PersonAdd, WrappedKeysSet
from lms_desktop.school.queries.people import SchoolRow
from lms_desktop.trust.envelope import LANE_BYTES
from lms_desktop.trust.genesis import ADMINISTRATOR, FirstAdministrator, FirstMachine, Genesis, GenesisError
from lms_desktop.trust.keyring import STAFF_WORDS, PersonKeys, new_passphrase, wrap
from lms_desktop.trust.primitives import random_bytes
from lms_desktop.trust.recovery import RecoveryKey

_FOUND_S = 30.0
_POLL_S = 0.1
_NOT_YET = ("not_ready", "unknown_verb")  # a node without a ledger answers no questions about it


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


@dataclass(frozen=True, slots=True)
class Founded:
    """A school just made: show the passphrase, print the kit."""

    session: Session
    passphrase: str = field(repr=False)
    kit: Path


async def stage(link: Link) -> MachineStage:
    """Ask this machine's node where it stands. Raises NodeUnreachable."""
    node = await link.hello()
    if node.cluster_id is None:
        status = await link.call("status")
        joining = isinstance(status, tuple) and status[0] == "joining"
        return MachineStage(Stage.JOINING if joining else Stage.NO_SCHOOL, "", node.machine_name)
    try:
        school = await query(link, SchoolRow, "school")
    except NodeRefused as error:
        if error.code not in _NOT_YET:
            raise
        school = []
    if not school or node.machine is None:
        return MachineStage(Stage.JOINING, node.school or "", node.machine_name)
    return MachineStage(Stage.READY, school[0].name, node.machine_name)


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
    """Found a school on this machine and write its recovery kit (PDF) to `kit`.

    Nothing is founded if the kit cannot be written. Raises BadInput, DocumentFailed, NodeRefused.
    """
    school, name, login = school.strip(), administrator_name.strip(), administrator_login.strip().lower()
    _check_names(school, zone, name, login)
    node = await link.hello()
    if node.cluster_id is not None:
        raise NodeRefused("has_ledger", "This computer belongs to a school already.")
    keys, recovery, passphrase = PersonKeys.generate(), RecoveryKey.generate(), new_passphrase(STAFF_WORDS)
    try:
        genesis = Genesis.create(
            keys.signing,
            rules_version=node.rules_version,
            school=school,
            zone=zone,
            administrator=FirstAdministrator(login, name, keys.signing.public, keys.sealing.public),
            machine=FirstMachine(*await link.call("identity")),
            recovery_public=recovery.sealing.public,
        )
    except GenesisError as error:
        raise BadInput(str(error), next_step="Shorten the names and try again.") from error
    cluster_id = genesis.cluster_id
    text = documents.KitText(
        school, cluster_id.hex()[:16], name, login, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", recovery.text
    )
    page = await asyncio.to_thread(documents.recovery_kit, text)
    await asyncio.to_thread(documents.write_file, kit, page)
    wrapped = await asyncio.to_thread(wrap, keys, passphrase, cluster_id=cluster_id, person=ADMINISTRATOR)
    place = Place(ADMINISTRATOR, random_bytes(LANE_BYTES), 0)
    envelope = sign_command(cluster_id, keys, place, WrappedKeysSet(wrapped))
    await link.call("found", genesis.raw, envelope.raw, timeout_s=_FOUND_S)
    await link.hello()
    person = Person(ADMINISTRATOR, login, name, Role.ADMINISTRATOR, 1)
    session = Session(link, School(cluster_id, school, zone), person, keys, user_data)
    return Founded(session, passphrase, kit)


async def join_school(link: Link, *, provisioning: Path, timeout_s: float = 60.0) -> MachineStage:
    """Join with a provisioning file, and wait until this machine has the ledger.

    Raises BadFile, and NodeRefused with what the school answered or when it did not in time.
    """
    try:
        data = await asyncio.to_thread(provisioning.read_bytes)
        Provisioning.from_json(data)
    except OSError as error:
        raise BadFile(
            f"The file cannot be read: {error.strerror or error}.",
            where=provisioning.name,
            next_step="Check that it is still there.",
        ) from error
    except ConfigError as error:
        raise BadFile(str(error), where=provisioning.name) from error
    deadline = time.monotonic() + timeout_s
    await link.call("join", data, timeout_s=timeout_s)
    while True:
        now = await stage(link)
        if now.stage is Stage.READY:
            return now
        if time.monotonic() > deadline:
            raise NodeRefused(
                "not_joined",
                "The school's machines have not let this computer in yet.",
                next_step="Check that one of them is on; joining goes on by itself. A file that is too "
                "old or used up lets nobody in: then choose a new one.",
            )
        await asyncio.sleep(_POLL_S)


def _check_names(school: str, zone: str, name: str, login: str) -> None:
    try:
        PersonAdd(name, login, int(Role.ADMINISTRATOR), bytes(32)).body()
        deadlines.zone(zone)
    except CommandError as error:
        field = "login" if error.field == "username" else error.field
        raise BadInput(f"Your {field} {error.problem}.") from error
    except deadlines.UnknownZone as error:
        raise BadInput(str(error)) from error
    if not school:
        raise BadInput("The school has no name.", next_step="Type its name.")
