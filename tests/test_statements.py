"""Statements of the threat model that need the ledger, the school's rules and the seals, each as a test.

Every test runs its scenario twice: as it is, and with the defence switched off, where the same scenario has
to fail. What cannot fail proves nothing.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lms_desktop.client.sealed import GRADE, SUBMISSION, context_of
from lms_desktop.node import audit, ledger
from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.lanes import Lanes
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.raft.types import Entry
from lms_desktop.node.storage import Storage
from lms_desktop.resources import resource
from lms_desktop.school.commands import (
    GradeDraft,
    GradeRelease,
    GradeSlot,
    MaterialRead,
    PersonSetActive,
    Submission,
    WrappedKeysSet,
)
from lms_desktop.school.commands.courses import Slot
from lms_desktop.school.outcomes import Outcome as Code
from lms_desktop.school.queries.work import SubmissionRow, assignment_grades, submission
from lms_desktop.school.rules import grades
from lms_desktop.trust import keyring, manifest, sealing, wire
from lms_desktop.trust.envelope import Envelope, EnvelopeError, split_payload
from lms_desktop.trust.errors import CannotOpen
from lms_desktop.trust.primitives import KdfParams, SealingKey, hash_, sha256
from lms_desktop.trust.receipts import file_commitment
from lms_desktop.trust.sealing import Context, FileKey, make_slot, open_, open_slot
from tests import disk_scan
from tests.node.ledger_kit import Author, Replica
from tests.statements import Class, fails_without, seen_on_disk


@pytest.fixture(autouse=True)
def _close_replicas() -> Iterator[None]:
    yield
    Replica.close_all()


# --- 1: a student-signed grade proposed by a hostile leader ----------------------------------------------


def a_students_grade_changes_nothing() -> None:
    school = Class()
    bob = school.bob
    draft = school.grade(school.teacher, school.alice, b"teacher's own")
    real = school.do(school.teacher, draft)
    release = GradeRelease(
        school.assignment, (GradeSlot(real, Slot(1, bytes(sealing.SLOT_BYTES))),)
    )  # a hostile leader orders whatever it likes: by bob himself, and in the teacher's name
    forger = Author(school.teacher.number, bob.key, school.teacher.lane, school.teacher.seq)
    start = len(school.entries)
    school.do(bob, school.grade(bob, bob, b"100 points"))
    school.do(bob, release)
    school.do(forger, school.grade(forger, bob, b"100 points"))

    replicas = [Replica() for _ in range(3)]
    for replica, batch in zip(replicas, (1, 5, 64), strict=True):
        replica.apply(school.entries, batch)
    for replica in replicas:
        rows = assignment_grades(replica.db, school.assignment)
        assert [(row.author, row.student, row.released) for row in rows] == [
            (3, school.alice.number, None)
        ], "a grade was forged"
        refused = [index for index, *_ in replica.audit()]
        assert refused == [start + 1, start + 2, start + 3]
    assert len({replica.ledger.digest for replica in replicas}) == 1
    assert len({replica.ledger.head for replica in replicas}) == 1
    assert replicas[0].dump() == replicas[1].dump() == replicas[2].dump()


def test_statement_01_a_student_signed_grade_is_a_no_op_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    a_students_grade_changes_nothing()
    with monkeypatch.context() as off:
        off.setattr(grades, "require_staff", lambda db, course, ctx: None)
        fails_without(a_students_grade_changes_nothing, "a grade was forged")
    with monkeypatch.context() as off:
        off.setattr(Envelope, "verify", lambda envelope, cluster_id, public: True)
        fails_without(a_students_grade_changes_nothing, "a grade was forged")


# --- 2: one bit flipped in a committed envelope ----------------------------------------------------------


def an_altered_bit_stops_the_node(folder: Path, bit: int) -> None:
    folder.mkdir()
    school = Class()
    material = school.publish_material(school.teacher, school.course)
    for _ in range(5):
        school.do(school.alice, MaterialRead(material, material))
    altered = len(school.entries) - 2
    storage = Storage.open(folder)
    storage.write(None, None, school.entries)
    payload = bytearray(school.entries[altered - 1].payload)
    payload[bit // 8] ^= 1 << bit % 8
    storage.db.execute("UPDATE raft_log SET payload = ? WHERE idx = ?", (bytes(payload), altered))
    storage.commit()
    try:
        running = Ledger(storage.db)
        running.apply(storage.entries(1, len(school.entries) + 1, 1 << 20))
        running.close()
        assert running.halted is not None, "the node went on"
        assert running.applied == altered - 1
        restarted = Ledger(storage.db)
        alarm = audit.check_tail(storage, restarted, len(school.entries))
        restarted.close()
        assert alarm is not None
        assert f"Entry {altered}" in alarm
        assert restarted.apply(storage.entries(altered, altered + 1, 1 << 20)) == ()
        assert not _signed(school, bytes(payload)), "the signature still holds"
    finally:
        storage.close()


def _signed(school: Class, payload: bytes) -> bool:
    try:
        envelope = Envelope.parse(split_payload(payload)[0])
    except EnvelopeError:
        return False
    return envelope.verify(school.cluster_id, school.alice.key.public)


@pytest.mark.parametrize("bit", [8 * 3, 8 * 10, 8 * 30 + 5, 8 * 45, 8 * 100 + 1])
def test_statement_02_one_flipped_bit_stops_the_node_and_alarms(
    bit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_altered_bit_stops_the_node(tmp_path / "on", bit)
    heads: dict[int, bytes] = {}
    honest = Storage.write

    def write(storage: Storage, hard_state: object, truncate: object, entries: Sequence[Entry]) -> None:
        heads.update({entry.index: entry.head for entry in entries})
        honest(storage, None, None, entries)

    with monkeypatch.context() as off:
        off.setattr(Storage, "write", write)
        off.setattr(ledger, "next_head", lambda head, index, *rest: heads[index])
        off.setattr(audit, "entry_head", lambda head, index, *rest: heads[index])
        fails_without(lambda: an_altered_bit_stops_the_node(tmp_path / "no chain", bit), "the node went on")


def test_statement_02_the_signature_fails_beside_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bit = 8 * 45  # in the body: the structure stays whole
    an_altered_bit_stops_the_node(tmp_path / "on", bit)
    monkeypatch.setattr(Envelope, "verify", lambda envelope, cluster_id, public: True)
    fails_without(
        lambda: an_altered_bit_stops_the_node(tmp_path / "no signature", bit), "signature still holds"
    )


# --- 3: an envelope replayed, or moved from another school -----------------------------------------------


def a_replay_acts_once() -> None:
    school = Class()
    off = school.sign(school.admin, PersonSetActive(school.alice.number, False))
    on = school.sign(school.admin, PersonSetActive(school.alice.number, True))
    for envelope in (off, on, off, off):
        school.commit(envelope)
    replica = Replica()
    outcomes = replica.apply(school.entries)[-4:]
    active = replica.db.execute("SELECT active FROM school_principals WHERE number = 5").fetchone()
    assert active == (1,), "the replay acted"
    assert [bool(outcome.changes) for outcome in outcomes] == [True, True, False, False]


def another_schools_envelope_is_refused() -> None:
    """The same administrator, with the same key and number, founded both schools."""
    here, there = Class(seed=1), Class(seed=2)
    there.admin.key = here.admin.key
    moved = there.sign(Author(1, here.admin.key, bytes(16)), PersonSetActive(here.alice.number, False))
    here.commit(moved)
    replica = Replica()
    last = replica.apply(here.entries)[-1]
    active = replica.db.execute("SELECT active FROM school_principals WHERE number = 5").fetchone()
    assert active == (1,), "another school's command acted"
    assert (last.code, last.final) == (Code.BAD_SIGNATURE, False)


def test_statement_03_a_replayed_envelope_acts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    a_replay_acts_once()
    monkeypatch.setattr(Lanes, "judge", lambda lanes, envelope, hash_of_envelope: None)
    monkeypatch.setattr(Lanes, "take", lambda lanes, envelope, index: None)
    fails_without(a_replay_acts_once, "the replay acted")


def test_statement_03_another_schools_envelope_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    another_schools_envelope_is_refused()
    honest_sign, honest_verify = Envelope.sign, Envelope.verify

    def sign(cluster_id: bytes, *arguments: object, **fields: object) -> Envelope:
        return honest_sign(bytes(32), *arguments, **fields)  # type: ignore[arg-type]

    def verify(envelope: Envelope, _: bytes, public: bytes) -> bool:
        return honest_verify(envelope, bytes(32), public)

    monkeypatch.setattr(Envelope, "sign", sign)
    monkeypatch.setattr(Envelope, "verify", verify)
    fails_without(another_schools_envelope_is_refused, "another school's command acted")


# --- 8: Bob resubmits Alice's ciphertext and slots -------------------------------------------------------


def bobs_copy_of_alices_work_does_not_open() -> None:
    school = Class()
    details = wire.pack(("essay.pdf", 3, "my note", bytes(32), bytes(32)))
    alices, alices_number = school.hand_in(school.alice, details)
    bobs_number = school.do(school.bob, alices)  # the very same fields: box, commitment, slots, file
    replica = Replica()
    assert [outcome.code for outcome in replica.apply(school.entries)][-2:] == [0, 0]

    def opened(number: int, reader: SealingKey, student: bool) -> bytes | None:
        row = submission(replica.db, number)[0]
        assert isinstance(row, SubmissionRow)
        slot = row.student_box if student else row.staff_box
        assert slot is not None
        context = context_of(row, SUBMISSION)
        try:
            return open_(open_slot(slot, reader, row.commitment, context), row.box, context)
        except CannotOpen:
            return None

    assert opened(alices_number, school.course_key, student=False) == details
    assert opened(alices_number, school.people[5].sealing, student=True) == details
    assert opened(bobs_number, school.course_key, student=False) is None, "staff opened it as Bob's work"
    assert opened(bobs_number, school.people[7].sealing, student=True) is None
    assert opened(alices_number, school.people[7].sealing, student=True) is None, "Bob read Alice's work"


def test_statement_08_copied_ciphertext_and_slots_do_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    bobs_copy_of_alices_work_does_not_open()
    monkeypatch.setattr(Context, "encode", lambda context: b"anywhere")
    fails_without(bobs_copy_of_alices_work_does_not_open, "staff opened it as Bob's work")


def alices_chunks_do_not_open_as_bobs() -> None:
    key = bytes(range(32))
    alices = Context(SUBMISSION, 1, 2, 5, bytes(16), 0)
    bobs = Context(SUBMISSION, 1, 2, 7, bytes(16), 0)
    boxes = list(FileKey(key, alices).seal_stream(io.BytesIO(b"%PDF-1.7 essay")))
    try:
        plain = b"".join(FileKey(key, bobs).open_stream(boxes))
    except CannotOpen:
        return
    raise AssertionError(f"opened as Bob's: {plain!r}")


def test_statement_08_copied_files_do_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    alices_chunks_do_not_open_as_bobs()
    monkeypatch.setattr(Context, "encode", lambda context: b"anywhere")
    fails_without(alices_chunks_do_not_open_as_bobs, "opened as Bob's")


# --- 9: a scan of a student replica's whole disk ---------------------------------------------------------

FEEDBACK = "Your second paragraph argues in a circle; see me on Thursday."
NOTE = "I was ill on Monday, sorry for the short ending."
PASSPHRASE = "tidal wafer abacus zoom"


def nothing_readable_on_a_students_disk(folder: Path) -> None:
    """Fill a real data folder as a student's machine has it, then look at every byte of every file."""
    folder.mkdir()
    school = Class()
    pdf = resource("courses", "sample-profile-1.pdf").read_bytes()
    wrapped = keyring.wrap(
        school.people[5], PASSPHRASE, cluster_id=school.cluster_id, person=5, derive=_quick_derivation
    )
    school.do(school.alice, WrappedKeysSet(wrapped))
    secrets = _hand_in_and_grade(school, pdf, store := BlobStore(folder / "blobs"))

    seen = seen_on_disk(folder, school, secrets)
    assert store.used_bytes > len(pdf)
    assert not seen, seen


def _hand_in_and_grade(school: Class, pdf: bytes, store: BlobStore) -> dict[str, bytes]:
    """Alice's hand-in, a released grade of hers and a draft of Bob's; returns what is secret."""
    alice, teacher = school.alice, school.teacher
    nonce = school.bytes32()
    digest = sha256(pdf)
    item = school.seal(
        alice,
        SUBMISSION,
        school.course,
        school.assignment,
        wire.pack(("profile.pdf", 2, NOTE, nonce, digest)),
        school.course_key,
        alice.number,
    )
    names = []
    for box in FileKey(item.key, item.context).seal_stream(io.BytesIO(pdf)):
        names.append(manifest.chunk_hash(box))
        store.put_chunk(names[-1], box)
    whole = manifest.Manifest(len(pdf) + 40 * len(names), sealing.SEALED_CHUNK_BYTES, tuple(names)).encode()
    store.put_manifest(whole)
    school.do(
        alice,
        Submission(
            school.assignment,
            None,
            2,
            school.stamp,
            manifest.manifest_hash(whole),
            len(pdf),
            file_commitment(nonce, digest),
            item.sealed,
        ),
    )
    grade = school.seal(
        teacher,
        GRADE,
        school.course,
        school.assignment,
        wire.pack((8_750, FEEDBACK)),
        school.course_key,
        None,
    )
    number = school.do(teacher, GradeDraft(school.assignment, alice.number, None, None, grade.sealed))
    slot = Slot(1, make_slot(grade.key, school.people[alice.number].sealing.public, grade.context))
    school.do(teacher, GradeRelease(school.assignment, (GradeSlot(number, slot),)))
    school.do(teacher, school.grade(teacher, school.bob, wire.pack((4_200, FEEDBACK[::-1]))))
    secrets = {
        "the grade and its feedback": wire.pack((8_750, FEEDBACK)),
        "feedback": FEEDBACK[10:40].encode(),
        "feedback of a draft": FEEDBACK[::-1][10:40].encode(),
        "note": NOTE[5:40].encode(),
        "file name": b"profile.pdf",
        "SHA-256 of the file": digest,
        "nonce of the file": nonce,
        "item key of the submission": item.key,
        "item key of the grade": grade.key,
        "passphrase": PASSPHRASE.encode(),
    }
    secrets |= disk_scan.samples("the file", pdf)
    return secrets


def _quick_derivation(passphrase: bytes, salt: bytes, params: KdfParams) -> bytes:
    return hash_(b"test\0", salt, passphrase)


def test_statement_09_nothing_readable_on_a_students_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_readable_on_a_students_disk(tmp_path / "on")

    def in_clear(key: bytes, plaintext: bytes, associated: bytes, nonce: bytes | None = None) -> bytes:
        return bytes(24) + plaintext + bytes(16)

    with monkeypatch.context() as off:
        off.setattr(sealing, "encrypt", in_clear)
        fails_without(lambda: nothing_readable_on_a_students_disk(tmp_path / "nothing sealed"), "feedback")
    with monkeypatch.context() as off:
        off.setattr(keyring, "encrypt", in_clear)
        fails_without(
            lambda: nothing_readable_on_a_students_disk(tmp_path / "keys not wrapped"), "signing key of 5"
        )
    with monkeypatch.context() as off:
        off.setattr(sealing, "seal_box", lambda public, plaintext: plaintext + bytes(48))
        fails_without(
            lambda: nothing_readable_on_a_students_disk(tmp_path / "slots not sealed"),
            "item key of the grade",
        )
