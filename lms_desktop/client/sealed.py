"""Sealing for a course's staff and students, and opening with the signed-in person's keys."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lms_desktop.client.errors import CannotOpen, EarlierKeys
from lms_desktop.client.link import Link
from lms_desktop.client.query import query
from lms_desktop.school import commands
from lms_desktop.school.commands import Sealed, Slot, StaffSlot
from lms_desktop.school.queries.courses import CourseRow, GenerationRow, StaffSlotRow
from lms_desktop.school.queries.people import KeysRow
from lms_desktop.school.queries.rows import SealedRow
from lms_desktop.trust import wire
from lms_desktop.trust.course_keys import Generation
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.keyring import PersonKeys
from lms_desktop.trust.primitives import SealingKey
from lms_desktop.trust.sealing import Context, commit, make_slot, new_item_key, open_, open_slot, seal

SUBMISSION, GRADE, EXTENSION = "submission", "grade", "extension"
EXCHANGE, QUESTION, POST = "exchange", "question", "post"
"""What a sealed item is: the `type` of its context, part of the format."""

Fields: TypeAlias = tuple[wire.Value, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody to seal to: a public key, and which of theirs it is (generation, or count of the keys)."""

    key: int
    public: bytes


def seal_item(
    fields: tuple[wire.Packable, ...],
    context: Context,
    *,
    staff: Reader,
    student: Reader | None,
    item_key: bytes | None = None,
) -> Sealed:
    """Seal fields in a context, for the staff and, where there is one, the student."""
    key = item_key if item_key is not None else new_item_key()
    return Sealed(
        box=seal(key, wire.pack(fields), context),
        commitment=commit(key, context),
        staff=Slot(staff.key, make_slot(key, staff.public, context)),
        student=None if student is None else Slot(student.key, make_slot(key, student.public, context)),
    )


def new_generation(
    cluster_id: bytes,
    course: int,
    number: int,
    staff: Mapping[int, Reader],
    recovery_public: bytes,
    previous: SealingKey | None = None,
) -> commands.Generation:
    """A course's key generation for these members of staff; `previous` is the key pair of the one before."""
    generation, key = Generation.create(cluster_id, course, number)
    return commands.Generation(
        number=number,
        public=generation.public,
        staff=tuple(
            StaffSlot(person, Slot(staff[person].key, generation.slot(key, staff[person].public)))
            for person in sorted(staff)
        ),
        recovery=generation.slot(key, recovery_public),
        predecessor=None if previous is None else generation.carry(key, previous),
    )


class Opener:
    """Opens sealed rows for one person; keeps the course keys that it has opened until it is dropped."""

    def __init__(self, link: Link, cluster_id: bytes, person: int, keys: PersonKeys, key: int) -> None:
        """`key`: which of the person's key pairs these are, counted from 1."""
        self._link = link
        self._cluster_id = cluster_id
        self._person = person
        self._keys = keys
        self._key = key
        self._courses: dict[tuple[int, int], SealingKey] = {}

    async def staff_reader(self, course: int) -> Reader:
        """The course's current generation, to seal to its staff. Raises CannotOpen for an unknown course."""
        found = await query(self._link, CourseRow, "course", course, self._person)
        if not found:
            raise CannotOpen(
                "There is no such course on this computer yet.", next_step="Wait for the class to catch up."
            )
        return Reader(found[0].generation, found[0].public)

    async def student_reader(self, student: int) -> Reader:
        """A student's present sealing key. Raises CannotOpen while the student has never signed in."""
        found = await query(self._link, KeysRow, "keys", student)
        if not found or found[0].sealing is None:
            name = found[0].name if found else "This student"
            raise CannotOpen(
                f"{name} has not signed in yet, so nothing can be sealed to them.",
                next_step="It can be released as soon as they have signed in once.",
            )
        return Reader(found[0].key, found[0].sealing)

    def own_reader(self) -> Reader:
        """The signed-in person's own key."""
        return Reader(self._key, self._keys.sealing.public)

    async def course_key(self, course: int, generation: int) -> SealingKey:
        """The key pair of one generation of a course's staff. Raises CannotOpen."""
        if (course, generation) not in self._courses:
            await self._open_course(course)
        key = self._courses.get((course, generation))
        if key is None:
            raise CannotOpen(
                "Your keys do not open this course's sealed work.",
                next_step="Another instructor of the course has to hand you its key.",
            )
        return key

    async def item_key_as_staff(self, row: SealedRow, kind: str) -> bytes:
        """The item key by the staff's slot. Raises CannotOpen."""
        key = await self.course_key(row.course, row.staff_key)
        return self._slot(row.staff_box, key, row, kind)

    async def open_as_staff(self, row: SealedRow, kind: str) -> Fields:
        """The fields by the staff's slot. Raises CannotOpen."""
        (opened,) = await self.open_all_as_staff([row], kind)
        if isinstance(opened, CannotOpen):
            raise opened
        return opened

    async def open_all_as_staff(self, rows: Sequence[SealedRow], kind: str) -> list[Fields | CannotOpen]:
        """The fields of each row by the staff's slot, opened in a worker thread.

        One row that does not open has the reason in its place: it must not hide the others.
        """
        keys: dict[tuple[int, int], SealingKey | CannotOpen] = {}
        for place in sorted({(row.course, row.staff_key) for row in rows}):
            try:
                keys[place] = await self.course_key(*place)
            except CannotOpen as error:
                keys[place] = error
        return await asyncio.to_thread(
            lambda: [self._try_open(row, keys[row.course, row.staff_key], kind) for row in rows]
        )

    def _try_open(self, row: SealedRow, key: SealingKey | CannotOpen, kind: str) -> Fields | CannotOpen:
        if isinstance(key, CannotOpen):
            return key
        try:
            return self._fields(self._slot(row.staff_box, key, row, kind), row, kind)
        except CannotOpen as error:
            return error

    def item_key_as_student(self, row: SealedRow, kind: str) -> bytes:
        """The item key by the signed-in student's own slot. Raises CannotOpen, EarlierKeys."""
        if row.student_box is None:
            raise CannotOpen("This has not been released to you.")
        if row.student_key != self._key:
            raise EarlierKeys
        return self._slot(row.student_box, self._keys.sealing, row, kind)

    def open_as_student(self, row: SealedRow, kind: str) -> Fields:
        """The fields by the signed-in student's own slot. Raises CannotOpen, EarlierKeys."""
        return self._fields(self.item_key_as_student(row, kind), row, kind)

    def open_all_as_student(self, rows: Sequence[SealedRow], kind: str) -> list[Fields | CannotOpen]:
        """The fields of each row by the signed-in student's own slot; call it in a worker thread.

        One row that does not open has the reason in its place: it must not hide the others.
        """
        found: list[Fields | CannotOpen] = []
        for row in rows:
            try:
                found.append(self.open_as_student(row, kind))
            except CannotOpen as error:
                found.append(error)
        return found

    def _slot(self, box: bytes, key: SealingKey, row: SealedRow, kind: str) -> bytes:
        try:
            return open_slot(box, key, row.commitment, context_of(row, kind))
        except TrustError as error:
            raise CannotOpen(str(error), next_step="Tell your instructor or administrator.") from error

    def _fields(self, item_key: bytes, row: SealedRow, kind: str) -> Fields:
        try:
            return wire.unpack_array(open_(item_key, row.box, context_of(row, kind)))
        except TrustError as error:
            raise CannotOpen(str(error), next_step="Tell your instructor or administrator.") from error

    async def _open_course(self, course: int) -> None:
        slots = await query(self._link, StaffSlotRow, "staff_slots", course, self._person)
        generations = await query(self._link, GenerationRow, "generations", course)
        if not slots or not generations:
            return
        mine = {slot.generation: slot.box for slot in slots}
        key: SealingKey | None = None
        for place, row in enumerate(generations):  # the newest first: each opens the one before it
            published = Generation(self._cluster_id, course, row.generation, row.public)
            try:
                if row.generation in mine:
                    key = published.open_slot(mine[row.generation], self._keys.sealing)
                if key is None:
                    continue
                self._courses[course, row.generation] = key
                if place + 1 < len(generations) and row.predecessor is not None:
                    before = generations[place + 1].public
                    key = published.open_predecessor(row.predecessor, key, before)
            except TrustError as error:
                raise CannotOpen(str(error), next_step="Tell your administrator.") from error


def context_of(row: SealedRow, kind: str) -> Context:
    """The context that a sealed row's envelope gives it."""
    return Context(kind, row.course, row.assignment, row.author, row.lane, row.seq)
