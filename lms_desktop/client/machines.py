"""Machines: which are on, what they hold, who tried to join, and the file with which one joins."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lms_desktop.client import documents
from lms_desktop.client.asking import tutor_state
from lms_desktop.client.errors import BadInput, NodeRefused, NodeUnreachable
from lms_desktop.client.session import Sent, Session
from lms_desktop.config import MAX_SEEDS, Provisioning, Seed
from lms_desktop.school import limits
from lms_desktop.school.commands import MachineSet, TokenAdd
from lms_desktop.school.queries.people import MachineRow as SchoolMachine
from lms_desktop.trust.invites import new_token, token_keys
from lms_desktop.trust.primitives import z85_encode

TUTOR_S = 5.0
DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One machine of the school, as this machine sees it.

    `role`: leader, voter, learner, removed, or unknown. `gpu_host`: it is tagged to run the tutor for all.
    Of the one that answers this machine, `tutor_state` is as in `TutorState`, `tutor` what answers (a model's
    name, or the engine's), and `tutor_words` what is wrong with it. All are empty of every other.
    """

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
    gpu_host: bool
    tutor_state: str = ""
    tutor: str = ""
    tutor_words: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A machine that tried to join and was refused; `key` is its CURVE public key as text."""

    key: str
    address: str
    reason: str
    first_ms: int
    last_ms: int
    count: int


@dataclass(frozen=True, slots=True)
class MachinesPage:
    """Everything the machines page shows; `switch_on` names machines to switch on when there is no quorum."""

    machines: tuple[MachineRow, ...]
    attempts: tuple[Attempt, ...]
    quorum: bool
    switch_on: tuple[str, ...]
    alarm: str | None


async def machines_page(session: Session) -> MachinesPage:
    """The live view of this machine's node: every machine that the ledger lists, by name."""
    listed = sorted(await session.query(SchoolMachine, "machines"), key=lambda row: row.name.casefold())
    status = await session.status()
    live, refused = await session.link.call("machines")
    seen = {entry[0]: entry for entry in live}
    here = None if session.link.node is None else session.link.node.machine
    rows = tuple(_row(machine, seen.get(machine.machine), here) for machine in listed)
    if any(row.gpu_host for row in rows):
        host, state, tutor, words = await _tutor(session)
        rows = tuple(
            replace(row, tutor_state=state, tutor=tutor, tutor_words=words)
            if row.machine == host and row.gpu_host
            else row
            for row in rows
        )
    switch_on = tuple(row.name for row in rows if row.keeper and not row.online and row.role != "removed")
    return MachinesPage(
        rows,
        tuple(Attempt(*_text_key(attempt)) for attempt in refused),
        status.quorum,
        () if status.quorum else switch_on,
        status.alarm,
    )


async def make_provisioning(
    session: Session, *, destination: Path, label: str = "Lab machines", uses: int = 30, days: int = 7
) -> Path:
    """Write a provisioning file: cluster id, seed addresses with their keys, a limited, expiring token.

    Raises Refused, and NodeRefused while the class cannot list the token.
    """
    machines = [row for row in await session.query(SchoolMachine, "machines") if row.active]
    seeds = sorted(machines, key=lambda row: (not row.keeper, row.machine))[:MAX_SEEDS]
    if not 1 <= uses <= limits.TOKEN_USES or days < 1:
        raise BadInput(
            f"A file lets 1 to {limits.TOKEN_USES} machines join, for at least a day.", where="uses"
        )
    token = new_token()
    signing, curve = token_keys(token)
    expires = await session.now_ms() + days * DAY_MS
    sent = await session.send(
        TokenAdd(label, signing.public, curve.public_raw, uses, expires), label="Provisioning file"
    )
    if sent.waiting:
        raise NodeRefused(
            "no_quorum",
            "The class cannot list the new token at present, so the file would not work yet.",
            next_step="Switch on more machines and make the file again.",
        )
    file = Provisioning(
        session.cluster_id,
        tuple(Seed(row.host, row.port, row.files_port, z85_encode(row.curve)) for row in seeds),
        token,
    )
    return await asyncio.to_thread(documents.write_file, destination, file.to_json())


async def set_keeper(session: Session, *, machine: int, keeper: bool) -> Sent:
    """Tag or untag a machine that stays on and keeps its disk."""
    return await session.send(MachineSet(machine, None, keeper, None, False), label="Keeper tag")


async def set_gpu_host(session: Session, *, machine: int, on: bool) -> Sent:
    """Tag or untag a machine that runs the tutor for all the others: its worker starts, or stops."""
    return await session.send(MachineSet(machine, None, None, on, False), label="GPU host tag")


async def remove_machine(session: Session, *, machine: int) -> Sent:
    """Take a machine out of the school, for good: to come back it joins anew."""
    return await session.send(MachineSet(machine, None, None, None, True), label="Removal of a machine")


async def stop_node(session: Session) -> None:
    """Stop this machine's node, by an order that the administrator signs."""
    await session.order("stop")


async def _tutor(session: Session) -> tuple[int | None, str, str, str]:
    """The machine whose tutor answers here, its state, what answers, and what is wrong with it."""
    try:
        found = await tutor_state(session, 0, timeout_s=TUTOR_S)
    except (NodeUnreachable, NodeRefused):
        return None, "", "", ""
    _, machine, engine, model, state, _, _, _, words = found
    return machine, state, model or engine, words


def _row(machine: SchoolMachine, live: Any, here: int | None) -> MachineRow:
    role, online, last_seen, applied, head, digest, version = "unknown", False, None, 0, b"", b"", ""
    if not machine.active:
        role = "removed"
    elif live is not None:
        _, _, online, last_seen, role, applied, head, digest, version, _, _ = live
    return MachineRow(
        machine.machine,
        machine.name,
        f"{machine.host}:{machine.port}",
        role,
        machine.keeper,
        online,
        last_seen,
        applied,
        head,
        digest,
        version,
        machine.machine == here,
        machine.active and machine.gpu_host,
    )


def _text_key(attempt: Any) -> tuple[str, str, str, int, int, int]:
    key, address, reason, first, last, count = attempt
    return (
        (key.decode("ascii", "replace") if isinstance(key, bytes) else key),
        address,
        reason,
        first,
        last,
        count,
    )
