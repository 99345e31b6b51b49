"""`lms-desktop verify FILE`: is this receipt true? Checked against this machine's own ledger, without a
network.

The ledger is asked through this machine's node if that runs, else read from its database. Exit status: 0
the receipt is true, 1 it is false or not for the file given, 2 it cannot be told (the file is no receipt,
this machine is of no school, or its ledger does not reach the receipt yet).
"""

import argparse
import asyncio
import contextlib
import hashlib
import io
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lms_desktop import config
from lms_desktop.client.errors import ClientError
from lms_desktop.client.link import Link
from lms_desktop.client.query import query
from lms_desktop.school import deadlines
from lms_desktop.school.queries import people
from lms_desktop.school.queries.people import MachineRow, PersonRow, SchoolRow, SigningKeyRow
from lms_desktop.school.submissions import read_submission
from lms_desktop.trust.envelope import Envelope
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.receipts import (
    MAX_RECEIPT,
    Known,
    Place,
    Receipt,
    State,
    Ticket,
    Verdict,
    check_receipt,
)
from lms_desktop.trust.wire import Value, unpack_array

ATTACHMENT = "receipt.lms"
TRUE, FALSE, UNUSABLE = 0, 1, 2
MAX_FILE = 32 << 20
ANSWER_S = 5.0


class Unusable(Exception):
    """Why nothing can be said about the file, in words for people."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What this machine's ledger says of whom and what a receipt names, and how those are called."""

    known: Known
    zone: str
    names: Mapping[int, str]


def main(argv: Sequence[str]) -> int:
    """Check the receipt that the arguments name, say what is true of it, and return the exit status."""
    arguments = _arguments(argv)
    try:
        receipt = read(arguments.receipt)
        ledger = _look_up(arguments.data or config.machine_data(), receipt)
        verdict = check(receipt, ledger.known)
        file = None if arguments.file is None else _hash_of(arguments.file) == receipt.sha256
    except Unusable as problem:
        print(f"This cannot be checked. {problem}", file=sys.stderr)
        return UNUSABLE
    print("\n".join(_report(receipt, ledger, verdict, file)))
    if verdict.state is State.FALSE or file is False:
        return FALSE
    return TRUE


def read(path: Path) -> Receipt:
    """The receipt in a file: a PDF that carries it, or the receipt itself. Raises Unusable."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE)
    except OSError as error:
        raise Unusable(f"{path.name} cannot be read: {error.strerror}.") from error
    try:
        return Receipt.parse(_attached(data, path) if data.startswith(b"%PDF") else data[: MAX_RECEIPT + 1])
    except TrustError as error:
        raise Unusable(f"{error} ({path.name})") from error


def check(receipt: Receipt, known: Known) -> Verdict:
    """Compare a receipt with the ledger. Raises Unusable where the ledger does not reach it."""
    if known.place is None and receipt.cluster_id == known.cluster_id:
        raise Unusable(
            f"This machine's ledger does not reach entry {receipt.index} yet. "
            "Wait until it has caught up with the class, or try another machine."
        )
    return check_receipt(receipt, known, read_submission)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="lms-desktop verify",
        description="Check a receipt against this machine's own ledger, without a network.",
        epilog="Exit status: 0 true, 1 false or not for the file given, 2 it cannot be told.",
    )
    parser.add_argument("receipt", type=Path, help="the receipt: the PDF that was saved, or a receipt.lms")
    parser.add_argument("--file", type=Path, help="the file that was handed in: is the receipt about it?")
    parser.add_argument("--data", type=Path, help="this machine's data folder, if it is not the usual one")
    return parser.parse_args(argv)


def _attached(data: bytes, path: Path) -> bytes:
    from pypdf import PdfReader

    try:
        found = PdfReader(io.BytesIO(data)).attachments.get(ATTACHMENT)
    except Exception as error:  # of a damaged file pypdf raises all kinds, AttributeError included
        raise Unusable(f"{path.name} is a damaged PDF. Use the receipt as it was saved.") from error
    if not found:
        raise Unusable(f"{path.name} is a PDF, but not a receipt of LMS Desktop: it carries no {ATTACHMENT}.")
    return found[0]


def _hash_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise Unusable(f"{path.name} cannot be read: {error.strerror}.") from error


# --- this machine's ledger -------------------------------------------------------------------------------


def _look_up(data: Path, receipt: Receipt) -> Ledger:
    """Ask the node if it answers, else read its database."""
    if (data / "link.json").exists():
        with contextlib.suppress(ClientError):
            return asyncio.run(_from_node(data, receipt))
    return _from_database(data / "ledger.db", receipt)


def _principals(receipt: Receipt) -> set[int]:
    """Everyone whose signature the receipt shows."""
    named = {receipt.signer, *receipt.voters}
    with contextlib.suppress(TrustError):
        named.add(Envelope.parse(receipt.envelope).author)
    for ticket in receipt.tickets:
        with contextlib.suppress(TrustError):
            named.add(Ticket.parse(ticket).keeper)
    return {number for number in named if 0 < number < 1 << 63}


async def _from_node(data: Path, receipt: Receipt) -> Ledger:
    link = Link(data)
    link.start()
    try:
        async with asyncio.timeout(4 * ANSWER_S):
            await link.hello(timeout_s=ANSWER_S)
            school = await query(link, SchoolRow, "school")
            named = _principals(receipt)
            keys = {number: await query(link, SigningKeyRow, "signing_keys", number) for number in named}
            persons = [row for number in named for row in await query(link, PersonRow, "person", number)]
            machines = await query(link, MachineRow, "machines")
            place = await link.call("place", receipt.index, timeout_s=ANSWER_S)
    except TimeoutError as error:
        raise Unusable("This machine's node does not answer. Start it again, or stop it.") from error
    finally:
        link.close()
    return _ledger(school, keys, persons, machines, place if isinstance(place, tuple) else None)


def _from_database(path: Path, receipt: Receipt) -> Ledger:
    if not path.is_file():
        raise Unusable(
            f"This machine belongs to no school, or its data is elsewhere ({path.parent}). "
            "Run this on a machine of the school, or name its data folder with --data."
        )
    try:
        with _open(path) as db:
            named = _principals(receipt)
            keys = {number: people.signing_keys(db, number) for number in named}
            persons = [row for number in named for row in people.person(db, number)]
            entry = db.execute(
                "SELECT raft_log.head, raft_log.stamp, code, coalesce(envelope, x'') FROM raft_log "
                "JOIN ledger_verdicts USING (idx) WHERE idx = ?",
                (receipt.index,),
            ).fetchone()
            voters = db.execute(
                "SELECT voters FROM ledger_voters WHERE idx >= "
                "(SELECT max(idx) FROM ledger_voters WHERE idx <= ?) ORDER BY idx",
                (receipt.index,),
            ).fetchall()
            place = (*entry, tuple(unpack_array(row[0]) for row in voters)) if entry else None
            return _ledger(people.school(db), keys, persons, people.machines(db), place)
    except (sqlite3.Error, OSError) as error:
        raise Unusable(
            f"This machine's ledger cannot be read ({error}). Start its node, or run this with its rights."
        ) from error


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=ANSWER_S)
    try:
        yield db
    finally:
        db.close()


def _ledger(
    school: Sequence[SchoolRow],
    keys: Mapping[int, Sequence[SigningKeyRow]],
    persons: Sequence[PersonRow],
    machines: Sequence[MachineRow],
    found: tuple[Value, ...] | None,
) -> Ledger:
    if not school:
        raise Unusable("This machine has no ledger of a school yet.")
    publics = {number: [row.public for row in rows] for number, rows in keys.items()}
    place: Place | None = None
    voters: tuple[frozenset[int], ...] = ()
    match found:
        case (bytes(head), int(stamp), int(code), bytes(envelope), tuple(configurations)):
            place = Place(head, stamp, code, envelope)
            voters = tuple(
                frozenset(voter for voter in each if isinstance(voter, int))
                for each in configurations
                if isinstance(each, tuple)
            )
    known = Known(
        school[0].cluster_id,
        lambda principal: publics.get(principal, ()),
        frozenset(row.machine for row in machines),
        voters,
        place,
    )
    names = {row.person: row.name for row in persons} | {row.machine: row.name for row in machines}
    return Ledger(known, school[0].zone, names)


# --- the answer ------------------------------------------------------------------------------------------


def _report(receipt: Receipt, ledger: Ledger, verdict: Verdict, file: bool | None) -> Iterator[str]:
    """What is printed, line by line."""

    def name(number: int) -> str:
        return ledger.names.get(number, f"number {number}")

    yield f"Receipt {receipt.code}"
    with contextlib.suppress(TrustError):
        yield f"  Handed in by  {name(Envelope.parse(receipt.envelope).author)}"
    with contextlib.suppress(ValueError, OverflowError):
        yield f"  Accepted      {deadlines.clock_text(receipt.stamp, ledger.zone)}"
    yield f"  SHA-256       {receipt.sha256.hex()}"
    yield f"  Signed by     {name(receipt.signer)}"
    if verdict.keepers:
        yield f"  Held by       {', '.join(map(name, verdict.keepers))}"
    yield ""
    for statement in verdict.statements:
        mark = {True: "true ", False: "FALSE", None: "?    "}[statement.holds]
        yield f"  {mark}  {statement.text}"
    if file is not None:
        words = "The file given is the one that was handed in." if file else "The file given is another one."
        yield f"  {'true ' if file else 'FALSE'}  {words}"
    yield ""
    if verdict.state is State.FALSE:
        yield "This receipt is FALSE."
    elif file is False:
        yield "The receipt is true, but not for this file."
    elif verdict.state is State.SAFE:
        yield "This receipt is true: the work is safe."
    else:
        yield "This receipt is true: the work is accepted."
