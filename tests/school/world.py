"""A school in memory, built command by command through the real rules.

Crypto is real where the rules check it (genesis, proofs of new keys); sealed boxes are stand-in bytes,
because the rules never open one.
"""

import hashlib
import sqlite3
import weakref
from dataclasses import dataclass, field

from lms_desktop.school import proofs, rules
from lms_desktop.school.commands import (
    AssignmentPublish,
    Command,
    CourseCreate,
    CourseEnrol,
    FileRef,
    Generation,
    GradeDraft,
    GradeRelease,
    GradeSlot,
    InvitationAccept,
    MachineJoin,
    MaterialPublish,
    PersonAdd,
    QuestionAsk,
    Role,
    Sealed,
    Slot,
    StaffSlot,
    Submission,
    TokenAdd,
    TutorExchange,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.trust.answers import Verdict
from lms_desktop.trust.genesis import FirstAdministrator, FirstMachine, Genesis
from lms_desktop.trust.primitives import SigningKey

ZONE = "Europe/Oslo"
START = 1_759_312_800_000  # Wed 1 Oct 2025, 12:00 in Oslo
HOUR = 3_600_000
DAY = 24 * HOUR
ADMIN, MACHINE_A = 1, 2


def seed(name: str) -> bytes:
    """32 bytes that follow from a name."""
    return hashlib.sha256(name.encode()).digest()


def signing(name: str) -> SigningKey:
    """The signing key of someone called so."""
    return SigningKey(seed(name))


def genesis() -> Genesis:
    """The genesis of the test's school: Ada Admin on machine A."""
    return Genesis.create(
        signing("ada"),
        rules_version=1,
        school="Hillside School",
        zone=ZONE,
        administrator=FirstAdministrator("ada", "Ada Admin", signing("ada").public, seed("ada sealing")),
        machine=FirstMachine(
            signing("A").public, seed("A curve"), "A", "10.0.0.1", 5501, 5502, bytes(16), seed("A hardware")
        ),
        recovery_public=seed("recovery"),
    )


def sealed(*, student: int | None = None, generation: int = 1) -> Sealed:
    """A sealed item for staff, and for a student's key of that count."""
    return Sealed(
        b"box", seed("commitment"), Slot(generation, b"staff"), Slot(student, b"student") if student else None
    )


def generation(*staff: int, number: int = 1, key: int = 1) -> Generation:
    """A course key generation for these people."""
    return Generation(
        number,
        seed(f"generation {number}"),
        tuple(StaffSlot(person, Slot(key, b"slot")) for person in staff),
        b"recovery",
        b"before" if number > 1 else None,
    )


def file(name: str = "Notes.pdf", pages: int = 3) -> FileRef:
    """A clear file."""
    return FileRef(name, seed("manifest " + name), 12_345, seed("sha " + name), pages)


@dataclass
class Applied:
    """One command with its place and its verdict, so that a test can replay it."""

    command: Command
    context: rules.Context
    verdict: rules.Verdict


@dataclass
class World:
    """The school, and what was said in it."""

    genesis: Genesis = field(default_factory=genesis)
    db: sqlite3.Connection = field(default_factory=lambda: sqlite3.connect(":memory:"))
    now: int = START
    index: int = 1
    said: list[Applied] = field(default_factory=list)

    def __post_init__(self) -> None:
        weakref.finalize(self, self.db.close)  # Python 3.13 warns of a database that nobody closed
        rules.found(self.db, self.genesis, self.now)

    def say(
        self,
        author: int,
        command: Command,
        *,
        tickets: tuple[int, ...] = (),
        voters: int = 1,
        ticket_time: int = START,
    ) -> Applied:
        """Applies a command, a minute after the one before; `tickets` are the machines that gave one."""
        self.index += 1
        self.now += 60_000
        context = rules.Context(
            self.index,
            self.now,
            author,
            self.index.to_bytes(16, "big"),
            0,
            self.genesis.cluster_id,
            tuple((machine, ticket_time) for machine in tickets),
            voters,
        )
        verdict = rules.apply(self.db, command.KIND, command.body(), context)
        applied = Applied(command, context, verdict)
        self.said.append(applied)
        return applied

    def do(self, author: int, command: Command, *, tickets: tuple[int, ...] = (), voters: int = 1) -> int:
        """Says a command that must be accepted; answers the reference of what it makes."""
        applied = self.say(author, command, tickets=tickets, voters=voters)
        assert applied.verdict.code == Outcome.ACCEPTED, Outcome(applied.verdict.code).name
        return applied.context.reference

    def refusal(
        self, author: int, command: Command, *, tickets: tuple[int, ...] = (), voters: int = 1
    ) -> Outcome:
        """Says a command that must be refused and change nothing but the audit; answers why."""
        before = self.tables()
        verdict = self.say(author, command, tickets=tickets, voters=voters).verdict
        assert verdict.code != Outcome.ACCEPTED
        assert verdict.effects == ()
        after = self.tables()
        assert len(after.pop("school_audit")) == len(before.pop("school_audit")) + 1
        assert after == before
        return Outcome(verdict.code)

    def foreseen(self, author: int, command: Command) -> Outcome:
        """What a keeper would be told before it takes the command's file."""
        context = rules.Context(1 << 62, self.now, author, bytes(16), 0, self.genesis.cluster_id)
        return Outcome(rules.foresee(self.db, command.KIND, command.body(), context))

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """Every table's rows."""
        names = [
            name
            for (name,) in self.db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'school_%'"
            )
        ]
        return {name: sorted(self.db.execute(f"SELECT * FROM {name}"), key=repr) for name in names}

    # People and machines.

    def invite(self, name: str, username: str, role: Role) -> tuple[int, int]:
        """Adds a person; answers the person and the invitation."""
        add = PersonAdd(name, username, role, signing("invitation " + username).public)
        effects = self.say(ADMIN, add).verdict.effects
        person, invitation = effects
        assert isinstance(person, int)
        assert isinstance(invitation, int)
        return person, invitation

    def acceptance(self, person: int, name: str) -> InvitationAccept:
        """What a person's app says at the first sign-in, with keys that follow from a name."""
        key, sealing, wrapped = signing(name), seed(name + " sealing"), b"wrapped " + name.encode()
        message = proofs.acceptance(self.genesis.cluster_id, person, key.public, sealing, wrapped)
        return InvitationAccept(person, key.public, sealing, wrapped, key.sign(message))

    def person(self, username: str, role: Role = Role.STUDENT, name: str = "") -> int:
        """Adds a person who signs in at once."""
        person, invitation = self.invite(name or username.title(), username, role)
        self.do(invitation, self.acceptance(person, username))
        return person

    def token(self, label: str = "Lab 1", uses: int = 10, life: int = DAY) -> int:
        """Makes a provisioning token."""
        add = TokenAdd(label, signing(label).public, seed(label + " curve"), uses, self.now + life)
        (token,) = self.say(ADMIN, add).verdict.effects
        assert isinstance(token, int)
        return token

    def joining(self, token: int, name: str) -> MachineJoin:
        """What a machine says when a token admits it."""
        key, curve, hardware = signing(name), seed(name + " curve"), seed(name + " hardware")
        message = proofs.join(self.genesis.cluster_id, token, key.public, curve, hardware, bytes(16))
        return MachineJoin(
            name, key.public, curve, "10.0.0.9", 5501, 5502, hardware, bytes(16), key.sign(message)
        )

    def machine(self, token: int, name: str) -> int:
        """Lets a machine join."""
        machine, _ = self.say(token, self.joining(token, name)).verdict.effects
        assert isinstance(machine, int)
        return machine

    # Work.

    def course(self, teacher: int, *students: int, title: str = "History") -> int:
        """A course of a teacher with students."""
        course = self.do(teacher, CourseCreate(title, "H1", "About the past.", generation(teacher)))
        if students:
            self.do(teacher, CourseEnrol(course, students))
        return course

    def material(self, teacher: int, course: int, title: str = "Notes") -> int:
        """A material of a course."""
        return self.do(teacher, MaterialPublish(course, title, file(title + ".pdf")))

    def assignment(self, teacher: int, course: int, title: str = "Essay", due: int = START + 3 * DAY) -> int:
        """An assignment of a course."""
        return self.do(teacher, AssignmentPublish(course, title, "Write.", None, due, ZONE, 10_000))

    def submission(
        self,
        assignment: int,
        replaces: int | None = None,
        *,
        machine: int = MACHINE_A,
        queued_at: int | None = None,
    ) -> Submission:
        """What a student's app says to hand in."""
        return Submission(
            assignment,
            replaces,
            machine,
            self.now if queued_at is None else queued_at,
            seed(f"file {self.index}"),
            54_321,
            seed("commitment"),
            sealed(student=1),
        )

    def draft(
        self,
        teacher: int,
        assignment: int,
        student: int,
        *,
        replaces: int | None = None,
        submission: int | None = None,
    ) -> int:
        """A draft grade."""
        return self.do(teacher, GradeDraft(assignment, student, replaces, submission, sealed()))

    def release(self, teacher: int, assignment: int, *grades: int) -> None:
        """Releases drafts."""
        slots = tuple(GradeSlot(grade, Slot(1, b"student")) for grade in grades)
        self.do(teacher, GradeRelease(assignment, slots))

    # Asking.

    def exchange(
        self, course: int, assignment: int | None = None, conversation: bytes = bytes(16)
    ) -> TutorExchange:
        """What an app keeps of a question that the tutor answered."""
        return TutorExchange(
            course, assignment, conversation, self.now, MACHINE_A, Verdict.ANSWERED, sealed(student=1)
        )

    def question(self, student: int, course: int, assignment: int | None = None) -> int:
        """A question to the instructors."""
        return self.do(student, QuestionAsk(course, assignment, None, sealed(student=1)))


@dataclass
class Class:
    """A world with two teachers, three students, and a course of the first teacher with two of them."""

    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.teacher = self.world.person("tess", Role.INSTRUCTOR, "Tess Teacher")
        self.other_teacher = self.world.person("omar", Role.INSTRUCTOR, "Omar Other")
        self.ann = self.world.person("ann", name="Ann Lee")
        self.bo = self.world.person("bo", name="Bo Chan")
        self.outsider = self.world.person("zoe", name="Zoe Outside")
        self.course = self.world.course(self.teacher, self.ann, self.bo)
        self.assignment = self.world.assignment(self.teacher, self.course)
