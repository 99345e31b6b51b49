"""A small school to try the ledger on: real keys, signed commands, and a log with its head chain.

Everything is made from one seed number, so that a failure repeats; the replicas are real databases.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import ClassVar

from lms_desktop.node.ledger import Ledger, Outcome
from lms_desktop.node.raft.types import Entry, EntryType
from lms_desktop.school import proofs
from lms_desktop.school.commands import (
    AssignmentPublish,
    Command,
    CourseCreate,
    CourseEnrol,
    FileRef,
    GradeDraft,
    InvitationAccept,
    MachineJoin,
    MaterialPublish,
    PersonAdd,
    Role,
    Sealed,
    Submission,
    TokenAdd,
    WrappedKeysSet,
)
from lms_desktop.school.commands.courses import Generation, Slot, StaffSlot
from lms_desktop.school.references import reference
from lms_desktop.trust.chain import ZERO, entry_head
from lms_desktop.trust.course_keys import Generation as CourseKey
from lms_desktop.trust.envelope import Envelope, make_payload
from lms_desktop.trust.genesis import FirstAdministrator, FirstMachine, Genesis
from lms_desktop.trust.keyring import PersonKeys
from lms_desktop.trust.primitives import CurveKeys, SealingKey, SigningKey, hash_
from lms_desktop.trust.receipts import file_commitment, make_ticket
from lms_desktop.trust.sealing import Context, commit, make_slot, seal

NOW = 1_800_000_000_000
DUE = NOW + 7 * 86_400_000


@dataclass
class Author:
    """Somebody who signs: a principal's number, their key, and one lane."""

    number: int
    key: SigningKey
    lane: bytes
    seq: int = 0


@dataclass
class Item:
    """A sealed item with what opens it, as its author's app holds it."""

    sealed: Sealed
    key: bytes
    context: Context


@dataclass
class School:
    """A log under construction, and everybody's keys."""

    seed: int = 1
    entries: list[Entry] = field(default_factory=list)
    stamp: int = NOW

    def __post_init__(self) -> None:
        self._numbers = count(1)
        self.people: dict[int, PersonKeys] = {}
        self.recovery = SealingKey(self.bytes32())
        self.admin_keys = self.new_keys()
        self.machine_keys = SigningKey(self.bytes32())
        self.genesis = Genesis.create(
            self.admin_keys.signing,
            rules_version=1,
            school="Hill School",
            zone="Europe/Oslo",
            administrator=FirstAdministrator(
                "admin", "Ada Admin", self.admin_keys.signing.public, self.admin_keys.sealing.public
            ),
            machine=FirstMachine(
                self.machine_keys.public,
                CurveKeys(self.bytes32()).public_raw,
                "lab-01",
                "127.0.0.1",
                47400,
                47401,
                bytes(16),
                self.bytes32(),
            ),
            recovery_public=self.recovery.public,
        )
        self.cluster_id = self.genesis.cluster_id
        self.append(EntryType.GENESIS, self.genesis.raw)
        self.admin = self.author(1, self.admin_keys.signing)
        self.people[1] = self.admin_keys

    # --- keys and the log --------------------------------------------------------------------------------

    def bytes32(self) -> bytes:
        return hash_(b"test\0", self.seed.to_bytes(8, "big"), next(self._numbers).to_bytes(8, "big"))

    def new_keys(self) -> PersonKeys:
        return PersonKeys(SigningKey(self.bytes32()), SealingKey(self.bytes32()))

    def author(self, number: int, key: SigningKey) -> Author:
        return Author(number, key, self.bytes32()[:16])

    def append(self, entry_type: EntryType, payload: bytes) -> Entry:
        """The entry as a correct leader makes it."""
        self.stamp += 1
        head = self.entries[-1].head if self.entries else ZERO
        index = len(self.entries) + 1
        head = entry_head(head, index, 1, entry_type, self.stamp, payload)
        entry = Entry(index, 1, int(entry_type), self.stamp, payload, head)
        self.entries.append(entry)
        return entry

    def sign(self, author: Author, command: Command, *, seq: int | None = None) -> Envelope:
        """The author's envelope at the lane's next place, or at the place given."""
        place = author.seq if seq is None else seq
        envelope = Envelope.sign(
            self.cluster_id,
            author.key,
            author=author.number,
            lane=author.lane,
            seq=place,
            kind=command.KIND,
            body=command.body(),
        )
        if seq is None:
            author.seq += 1
        return envelope

    def commit(self, envelope: Envelope | bytes, tickets: Sequence[bytes] = ()) -> Entry:
        raw = envelope if isinstance(envelope, bytes) else envelope.raw
        return self.append(EntryType.COMMAND, make_payload(raw, tickets))

    def do(self, author: Author, command: Command) -> int:
        """Sign and commit; returns the reference of what it makes."""
        made = reference(author.number, author.lane, author.seq)
        self.commit(self.sign(author, command))
        return made

    # --- people, machines, courses -----------------------------------------------------------------------

    def store_admin_keys(self) -> None:
        self.do(self.admin, WrappedKeysSet(b"wrapped"))

    def add_person(self, login: str, role: Role, person: int) -> Author:
        """Add and sign in somebody; `person` is the number that apply will count."""
        invitation = SigningKey(self.bytes32())
        keys = self.new_keys()
        self.do(self.admin, PersonAdd(login.title(), login, int(role), invitation.public))
        message = proofs.acceptance(
            self.cluster_id, person, keys.signing.public, keys.sealing.public, b"wrapped"
        )
        slip = self.author(person + 1, invitation)
        self.do(
            slip,
            InvitationAccept(
                person, keys.signing.public, keys.sealing.public, b"wrapped", keys.signing.sign(message)
            ),
        )
        self.people[person] = keys
        return self.author(person, keys.signing)

    def add_machine(self, name: str, number: int) -> Author:
        """Make a token and join a machine with it: two principals, the machine is `number`."""
        token, key, curve = SigningKey(self.bytes32()), SigningKey(self.bytes32()), CurveKeys(self.bytes32())
        self.do(
            self.admin,
            TokenAdd(
                f"token {name}", token.public, CurveKeys(self.bytes32()).public_raw, 1, self.stamp + 10**9
            ),
        )
        hardware, incarnation = self.bytes32(), self.bytes32()[:16]
        message = proofs.join(
            self.cluster_id, number - 1, key.public, curve.public_raw, hardware, incarnation
        )
        joiner = self.author(number - 1, token)
        self.do(
            joiner,
            MachineJoin(
                name=name,
                signing=key.public,
                curve=curve.public_raw,
                host="127.0.0.1",
                port=47400,
                files_port=47401,
                hardware=hardware,
                incarnation=incarnation,
                proof=key.sign(message),
            ),
        )
        return self.author(number, key)

    def create_course(self, teacher: Author, students: Sequence[Author]) -> tuple[int, SealingKey]:
        """A course of this teacher with these students; returns its reference and its first key."""
        course = reference(teacher.number, teacher.lane, teacher.seq)
        generation, key = CourseKey.create(self.cluster_id, course, 1)
        slot = generation.slot(key, self.people[teacher.number].sealing.public)
        self.do(
            teacher,
            CourseCreate(
                "Geometry",
                "G1",
                "Triangles and circles.",
                Generation(
                    1,
                    generation.public,
                    (StaffSlot(teacher.number, Slot(1, slot)),),
                    generation.slot(key, self.recovery.public),
                    None,
                ),
            ),
        )
        if students:
            self.do(teacher, CourseEnrol(course, tuple(student.number for student in students)))
        return course, key

    def publish_material(self, teacher: Author, course: int, title: str = "Notes") -> int:
        file = FileRef("notes.pdf", self.bytes32(), 1000, self.bytes32(), 3)
        return self.do(teacher, MaterialPublish(course, title, file))

    def publish_assignment(self, teacher: Author, course: int) -> int:
        return self.do(
            teacher, AssignmentPublish(course, "Essay", "Write.", None, DUE, "Europe/Oslo", 10_000)
        )

    # --- sealed work -------------------------------------------------------------------------------------

    def seal(
        self,
        author: Author,
        kind: str,
        course: int,
        assignment: int,
        plaintext: bytes,
        course_key: SealingKey,
        student: int | None,
    ) -> Item:
        """A sealed item at the author's next place: the staff's slot, and a student's if asked."""
        context = Context(kind, course, assignment, author.number, author.lane, author.seq)
        key = self.bytes32()
        slot = None
        if student is not None:
            slot = Slot(1, make_slot(key, self.people[student].sealing.public, context))
        staff = Slot(1, make_slot(key, course_key.public, context))
        sealed = Sealed(seal(key, plaintext, context), commit(key, context), staff, slot)
        return Item(sealed, key, context)

    def submission(
        self,
        student: Author,
        course: int,
        assignment: int,
        course_key: SealingKey,
        details: bytes,
        machine: int,
    ) -> Submission:
        """A submission from this machine, in a lane of its own as its app makes it."""
        item = self.seal(student, "submission", course, assignment, details, course_key, student.number)
        return Submission(
            assignment,
            None,
            machine,
            self.stamp,
            self.bytes32(),
            1000,
            file_commitment(self.bytes32(), self.bytes32()),
            item.sealed,
        )

    def draft(
        self,
        grader: Author,
        course: int,
        assignment: int,
        student: int,
        course_key: SealingKey,
        content: bytes,
    ) -> GradeDraft:
        item = self.seal(grader, "grade", course, assignment, content, course_key, None)
        return GradeDraft(assignment, student, None, None, item.sealed)

    def ticket(self, envelope: Envelope, keeper: Author, time: int | None = None) -> bytes:
        return make_ticket(
            self.cluster_id, envelope.raw, keeper.number, self.stamp if time is None else time, keeper.key
        )


class Replica:
    """A real ledger on a real database, driven as the host drives it."""

    opened: ClassVar[list["Replica"]] = []

    def __init__(self, path: str = ":memory:", pinned: bytes | None = None) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("BEGIN IMMEDIATE")
        self.ledger = Ledger(self.db, pinned=pinned)
        self.opened.append(self)

    @classmethod
    def close_all(cls) -> None:
        """Close what a test opened; a replica may have been closed before."""
        while cls.opened:
            cls.opened.pop().close()

    def apply(self, entries: Sequence[Entry], batch: int = 64) -> list[Outcome]:
        """Apply what is new of these entries, batch by batch, each in its own transaction."""
        outcomes: list[Outcome] = []
        new = [entry for entry in entries if entry.index > self.ledger.applied]
        for start in range(0, len(new), batch):
            part = new[start : start + batch]
            self.ledger.prepare(part)
            outcomes += self.ledger.apply(part)
            self.db.execute("COMMIT")
            self.db.execute("BEGIN IMMEDIATE")
        return outcomes

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of the ledger's and the school's tables."""
        tables = self.db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND (name GLOB 'ledger_*' OR name GLOB 'school_*') ORDER BY name"
        ).fetchall()
        return {name: sorted(self.db.execute(f"SELECT * FROM {name}"), key=repr) for (name,) in tables}

    def audit(self) -> list[tuple[int, int, int, int]]:
        """(index, author, kind, code) of each refusal in the audit."""
        rows = self.db.execute(
            "SELECT position, author, kind, code FROM school_audit WHERE code != 0 ORDER BY position"
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    def close(self) -> None:
        self.ledger.close()
        self.db.close()
