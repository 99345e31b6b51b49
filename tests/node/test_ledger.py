"""The ledger: what it applies, what it refuses, what it never does; real databases, the school's rules."""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lms_desktop.node.audit import check_tail, first_altered, replay
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.ledger_tables import content_hash
from lms_desktop.node.raft.types import Configuration, Entry, EntryType, Server, encode_configuration
from lms_desktop.node.storage import Storage
from lms_desktop.school import rules
from lms_desktop.school.changes import Changes
from lms_desktop.school.commands import CourseCreate, MaterialRead, PersonAdd, Role, RulesRaise, Void
from lms_desktop.school.commands.courses import Generation, Slot, StaffSlot
from lms_desktop.school.outcomes import Outcome as Code
from lms_desktop.trust import wire
from lms_desktop.trust.chain import effects_hash
from lms_desktop.trust.envelope import Envelope, make_payload, split_payload
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import SigningKey
from tests.node.ledger_kit import Author, Replica, School


@pytest.fixture(autouse=True)
def _close_replicas() -> Iterator[None]:
    yield
    Replica.close_all()


@pytest.fixture
def replica() -> Replica:
    return Replica()


def classroom() -> tuple[School, Author, Author, int]:
    """A school with a teacher (3), a student (5), and a published material; returns it."""
    school = School()
    school.store_admin_keys()
    teacher = school.add_person("teacher", Role.INSTRUCTOR, 3)
    student = school.add_person("student", Role.STUDENT, 5)
    course, _ = school.create_course(teacher, [student])
    material = school.publish_material(teacher, course)
    return school, teacher, student, material


def codes(replica: Replica, school: School) -> list[int]:
    return [outcome.code for outcome in replica.apply(school.entries)]


# --- applying --------------------------------------------------------------------------------------------


def test_every_replica_comes_to_the_same_tables_however_the_entries_arrive() -> None:
    school, _, student, material = classroom()
    for _ in range(30):
        school.do(student, MaterialRead(material, material))
    school.commit(b"garbage")
    replicas = [Replica() for _ in range(3)]
    for replica, batch in zip(replicas, (1, 7, 1000), strict=True):
        outcomes = replica.apply(school.entries, batch)
        assert [o.code for o in outcomes[:-1]] == [0] * (len(school.entries) - 1)
        assert replica.ledger.head == school.entries[-1].head
    unprepared = Replica()
    unprepared.ledger.apply(school.entries)
    first = replicas[0]
    for other in (*replicas[1:], unprepared):
        assert other.ledger.digest == first.ledger.digest
        assert other.dump() == first.dump()


def test_an_outcome_says_what_became_of_the_command(replica: Replica) -> None:
    school, teacher, student, material = classroom()
    school.do(student, MaterialRead(material, material))
    last = replica.apply(school.entries)[-1]
    assert (last.author, last.lane, last.seq, last.kind) == (
        student.number,
        student.lane,
        0,
        MaterialRead.KIND,
    )
    assert (last.index, last.code, last.final) == (len(school.entries), 0, True)
    assert last.changes & Changes.PROGRESS
    settled = replica.ledger.outcome(student.number, student.lane, 0)
    assert settled is not None
    assert (settled.index, settled.code, settled.envelope_hash) == (last.index, 0, last.envelope_hash)
    assert replica.ledger.outcome(student.number, student.lane, 1) is None
    assert replica.ledger.next_seq(student.number, student.lane) == 1
    assert replica.ledger.next_seq(teacher.number, teacher.lane) == teacher.seq


def test_the_genesis_makes_the_school_its_voter_and_its_keeper(replica: Replica) -> None:
    school = School()
    replica.apply(school.entries)
    ledger = replica.ledger
    assert ledger.cluster_id == school.cluster_id
    assert ledger.voters == (2,)
    assert ledger.is_keeper(2)
    assert [(m.number, m.name, m.keeper, m.active) for m in ledger.machines()] == [(2, "lab-01", True, True)]
    server = Server(2, school.genesis.machine.incarnation)
    assert ledger.configuration_of(school.entries[0]) == Configuration((server,))


def test_machines_and_tokens_are_known_as_they_are_enrolled(replica: Replica) -> None:
    school = School()
    school.add_machine("lab-02", 4)
    replica.apply(school.entries)
    version = replica.ledger.machines_version
    assert [m.number for m in replica.ledger.machines()] == [2, 4]
    assert replica.ledger.is_enrolled(4)
    assert not replica.ledger.is_enrolled(3), "a token is no machine"
    assert replica.ledger.token_curve_keys() == (), "its one use is spent"
    school.add_machine("lab-03", 6)
    replica.apply(school.entries[:-1])
    assert [number for number, _ in replica.ledger.token_curve_keys()] == [5]
    assert replica.ledger.machines_version > version


def test_the_voters_are_the_logs_own_at_each_index(replica: Replica) -> None:
    school = School()
    school.append(EntryType.NOOP, b"")
    three = Configuration.of([Server(number, bytes(16)) for number in (2, 4, 6)])
    school.append(EntryType.CONFIG, encode_configuration(three, 1))
    school.append(EntryType.CONFIG, b"garbage")
    assert codes(replica, school) == [0, 0, 0, Code.MALFORMED]
    assert [replica.ledger.voters_at(index) for index in range(5)] == [(), (2,), (2,), (2, 4, 6), (2, 4, 6)]
    assert replica.ledger.voters == (2, 4, 6)


# --- lanes -----------------------------------------------------------------------------------------------


def test_a_repeated_envelope_gets_the_first_outcome_and_acts_once(replica: Replica) -> None:
    school, _, student, material = classroom()
    envelope = school.sign(student, MaterialRead(material, material))
    refused = school.sign(student, MaterialRead(material, 12345))
    for repeat in (envelope, refused, envelope, refused, refused):
        school.commit(repeat)
    outcomes = replica.apply(school.entries)[-5:]
    bad = Code.UNKNOWN_REVISION
    assert [o.code for o in outcomes] == [0, bad, 0, bad, bad]
    assert [bool(o.changes) for o in outcomes] == [True, True, False, False, False]
    assert all(o.final for o in outcomes)
    assert len([row for row in replica.audit() if row[3] == bad]) == 1
    settled = replica.ledger.outcome(student.number, student.lane, 0)
    assert settled is not None
    assert settled.index == outcomes[0].index


def test_another_envelope_at_a_used_place_is_refused(replica: Replica) -> None:
    school, _, student, material = classroom()
    school.do(student, MaterialRead(material, material))
    school.commit(school.sign(student, Void(), seq=0))
    outcome = replica.apply(school.entries)[-1]
    assert (outcome.code, outcome.final) == (Code.SEQ_USED, False)
    assert replica.ledger.next_seq(student.number, student.lane) == 1


def test_a_gap_takes_nothing_and_the_command_may_come_again(replica: Replica) -> None:
    school, _, student, material = classroom()
    second = school.sign(student, MaterialRead(material, material), seq=1)
    school.commit(second)
    school.commit(school.sign(student, Void(), seq=0))
    school.commit(second)
    outcomes = replica.apply(school.entries)[-3:]
    assert [(o.code, o.final) for o in outcomes] == [(Code.SEQ_GAP, False), (0, True), (0, True)]
    assert replica.audit() == [], "nothing for an administrator to look at"


def test_a_bad_signature_takes_nothing(replica: Replica) -> None:
    school, _, student, material = classroom()
    forger = Author(student.number, SigningKey.generate(), student.lane)
    school.commit(school.sign(forger, Void()))
    school.do(student, MaterialRead(material, material))
    outcomes = replica.apply(school.entries)[-2:]
    assert [(o.code, o.final) for o in outcomes] == [(Code.BAD_SIGNATURE, False), (0, True)]
    assert replica.audit() == [(outcomes[0].index, student.number, Void.KIND, Code.BAD_SIGNATURE)]


def test_a_right_signature_under_a_body_that_breaks_its_schema_takes_its_place(replica: Replica) -> None:
    school, _, student, _ = classroom()
    bodies: list[tuple[wire.Packable, ...]] = [(), (1,), ("x", None), (1, 2, 3), (True, 1), (1 << 62, -5)]
    for body in bodies:
        school.commit(
            Envelope.sign(
                school.cluster_id,
                student.key,
                author=student.number,
                lane=student.lane,
                seq=student.seq,
                kind=MaterialRead.KIND,
                body=body,
            )
        )
        student.seq += 1
    outcomes = replica.apply(school.entries)[-len(bodies) :]
    assert {(o.code, o.final) for o in outcomes} == {(int(Code.INVALID), True)}


def test_lanes_of_one_person_do_not_collide(replica: Replica) -> None:
    school, _, student, material = classroom()
    elsewhere = school.author(student.number, student.key)
    school.do(student, MaterialRead(material, material))
    school.do(elsewhere, MaterialRead(material, material))
    assert codes(replica, school)[-2:] == [0, 0]


# --- tickets ---------------------------------------------------------------------------------------------


def test_short_tickets_take_nothing_and_enough_are_accepted(replica: Replica) -> None:
    school = School()
    school.store_admin_keys()
    teacher = school.add_person("teacher", Role.INSTRUCTOR, 3)
    student = school.add_person("student", Role.STUDENT, 5)
    second, third = school.add_machine("lab-02", 8), school.add_machine("lab-03", 10)
    first = school.author(2, school.machine_keys)
    voters = Configuration.of([Server(machine.number, bytes(16)) for machine in (first, second, third)])
    school.append(EntryType.CONFIG, encode_configuration(voters, 1))
    course, course_key = school.create_course(teacher, [student])
    assignment = school.publish_assignment(teacher, course)
    command = school.submission(student, course, assignment, course_key, b"details", second.number)
    envelope = school.sign(student, command)
    forged = school.ticket(envelope, Author(first.number, SigningKey.generate(), b""))
    for tickets in (
        [],
        [school.ticket(envelope, second)],
        [forged],
        [b"garbage"],
        [school.ticket(envelope, Author(3, teacher.key, b""))],
    ):
        school.commit(envelope, tickets)
    late, early = school.ticket(envelope, third, 88), school.ticket(envelope, third, 77)
    own, never = school.ticket(envelope, second, 5), school.ticket(envelope, third, -1)
    school.commit(envelope, [b"garbage", own, never, early, late])
    outcomes = replica.apply(school.entries)[-6:]
    assert [(o.code, o.final) for o in outcomes] == [(Code.TOO_FEW_TICKETS, False)] * 5 + [(0, True)]
    assert replica.db.execute("SELECT keeper FROM school_submission_keepers").fetchall() == [(10,)]
    assert replica.db.execute("SELECT earliest_ticket FROM school_submissions").fetchone() == (77,)


# --- never a crash, never a wedge ------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=120), max_size=4), st.integers(0, 1 << 30))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_any_committed_bytes_are_a_recorded_no_op(payloads: list[bytes], seed: int) -> None:
    school, _, student, material = classroom()
    rng = random.Random(seed)
    start = len(school.entries)
    for payload in payloads:
        school.append(EntryType.COMMAND, payload)
        good = school.sign(student, MaterialRead(material, material), seq=0).raw
        place = rng.randrange(len(good))
        school.commit(good[:place] + bytes([good[place] ^ 1 << rng.randrange(8)]) + good[place + 1 :])
        school.append(rng.choice([EntryType.CONFIG, EntryType.GENESIS]), payload)
    school.do(student, MaterialRead(material, material))
    one, two = Replica(), Replica()
    outcomes = one.apply(school.entries, 1)
    two.apply(school.entries, 1000)
    assert all(o.code != 0 for o in outcomes[start:-1])
    assert outcomes[-1].code == 0
    assert one.ledger.halted is None
    assert one.dump() == two.dump()
    assert one.ledger.digest == two.ledger.digest
    one.close()
    two.close()


def test_unknown_authors_versions_and_kinds_are_refused(replica: Replica) -> None:
    school, _, student, _ = classroom()
    stranger = Author(99, SigningKey.generate(), bytes(16))
    school.commit(school.sign(stranger, Void()))
    invited = Author(7, SigningKey.generate(), bytes(16))
    school.do(school.admin, PersonAdd("Late", "late", int(Role.STUDENT), SigningKey.generate().public))
    school.commit(school.sign(invited, Void()))
    fields = wire.unpack_array(school.sign(student, Void(), seq=0).raw)
    school.commit(wire.pack((2, *fields[1:])))
    school.commit(
        Envelope.sign(
            school.cluster_id,
            student.key,
            author=student.number,
            lane=student.lane,
            seq=0,
            kind=9999,
            body=(),
        )
    )
    outcomes = replica.apply(school.entries)[-5:]
    expected = [Code.UNKNOWN_AUTHOR, 0, Code.UNKNOWN_AUTHOR, Code.UNKNOWN_VERSION, Code.UNKNOWN_KIND]
    assert [o.code for o in outcomes] == expected
    assert [o.final for o in outcomes] == [False, True, False, False, True]


def test_a_fault_of_the_rules_is_a_no_op_that_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    school, teacher, student, material = classroom()
    school.do(teacher, CourseCreate("Half made", "", "", _generation(school, teacher)))
    school.do(student, MaterialRead(material, material))
    honest = rules.apply
    faulty_index = len(school.entries) - 1

    def apply(
        db: sqlite3.Connection, kind: int, body: tuple[object, ...], ctx: rules.Context
    ) -> rules.Verdict:
        verdict = honest(db, kind, body, ctx)
        if ctx.index == faulty_index:
            raise TypeError("a mistake in the rules")
        return verdict

    monkeypatch.setattr(rules, "apply", apply)
    replica = Replica()
    outcomes = replica.apply(school.entries)
    assert [(o.code, o.final) for o in outcomes[-2:]] == [(Code.INVALID, True), (0, True)]
    assert replica.db.execute("SELECT count(*) FROM school_courses").fetchone() == (1,)
    assert [code for *_, code in replica.audit()] == [Code.INVALID]
    assert replica.ledger.halted is None


def _generation(school: School, teacher: Author) -> Generation:
    key = school.people[teacher.number].sealing.public
    return Generation(1, key, (StaffSlot(teacher.number, Slot(1, b"slot")),), b"recovery", None)


def test_the_digest_tells_of_what_a_command_did_and_hides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica whose rules do something else at one entry differs from there on; nobody confirms a guess."""
    school, _, student, material = classroom()
    school.do(student, MaterialRead(material, material))
    honest = Replica()
    honest.apply(school.entries)
    (effects,) = honest.db.execute("SELECT effects FROM ledger_verdicts ORDER BY idx DESC LIMIT 1").fetchone()
    real = rules.apply
    seen: list[rules.Verdict] = []

    def other(
        db: sqlite3.Connection, kind: int, body: tuple[object, ...], ctx: rules.Context
    ) -> rules.Verdict:
        verdict = real(db, kind, body, ctx)
        seen.append(verdict)
        return replace(verdict, effects=(*verdict.effects, 1)) if ctx.author == student.number else verdict

    monkeypatch.setattr(rules, "apply", other)
    differing = Replica()
    differing.apply(school.entries)
    last = len(school.entries)
    assert differing.ledger.digest_at(last - 1) == honest.ledger.digest_at(last - 1)
    assert differing.ledger.digest != honest.ledger.digest
    assert effects != effects_hash(seen[-1].effects), "without the signature anyone can confirm a guess"
    (raw, _) = split_payload(school.entries[-1].payload)
    assert effects == effects_hash(seen[-1].effects, Envelope.parse(raw).signature)


# --- stopping --------------------------------------------------------------------------------------------


def test_newer_rules_stop_a_node_before_the_entry_and_an_update_goes_on(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    school, _, student, material = classroom()
    raised = school.sign(student, RulesRaise(2))
    school.commit(raised)
    school.do(school.admin, RulesRaise(2))
    school.do(student, MaterialRead(material, material))
    outcomes = replica.apply(school.entries)
    assert outcomes[-1].code == Code.NOT_ADMINISTRATOR, "a student stops nobody"
    assert len(outcomes) == len(school.entries) - 2
    assert "Update this machine" in (replica.ledger.halted or "")
    assert replica.apply(school.entries) == []
    monkeypatch.setattr(rules, "RULES_VERSION", 2)
    updated = Ledger(replica.db)
    assert [o.code for o in updated.apply(school.entries[updated.applied :])] == [0, 0]
    updated.close()


def test_another_schools_ledger_is_not_applied() -> None:
    school, other = School(seed=1), School(seed=2)
    replica = Replica(pinned=other.cluster_id)
    assert replica.apply(school.entries) == []
    assert "another school" in (replica.ledger.halted or "")
    with pytest.raises(TrustError, match="another school"):
        replica.ledger.configuration_of(school.entries[0])
    for first in (Entry(1, 1, EntryType.NOOP, 0, b"", b""), school.entries[0]._replace(index=2)):
        with pytest.raises(TrustError, match="does not start"):
            Replica().ledger.configuration_of(first)


def test_a_log_that_starts_otherwise_is_not_applied() -> None:
    school = School()
    genesis = school.entries.pop()
    school.append(EntryType.COMMAND, make_payload(b"x"))
    replica = Replica(pinned=school.cluster_id)
    assert replica.apply(school.entries) == []
    assert replica.ledger.halted is not None
    assert genesis.index == 1


def test_an_altered_entry_in_the_stored_log_is_found_at_start_and_on_demand(tmp_path: Path) -> None:
    school, _, student, material = classroom()
    for _ in range(20):
        school.do(student, MaterialRead(material, material))
    storage = Storage.open(tmp_path)
    ledger = Ledger(storage.db)
    storage.write(None, None, school.entries)
    ledger.apply(school.entries)
    storage.commit()
    last = len(school.entries)
    assert check_tail(storage, ledger, last) is None
    assert replay(storage, storage.db, ledger) is None

    wrong = last - 5
    payload = bytearray(school.entries[wrong - 1].payload)
    payload[40] ^= 4
    storage.db.execute("UPDATE raft_log SET payload = ? WHERE idx = ?", (bytes(payload), wrong))
    storage.commit()
    assert first_altered(storage, 1, last) == wrong
    assert f"Entry {wrong}" in (replay(storage, storage.db, ledger) or "")
    again = Ledger(storage.db)
    assert f"Entry {wrong}" in (check_tail(storage, again, last) or "")
    school.do(student, MaterialRead(material, material))
    assert again.apply(school.entries[-1:]) == ()
    for opened in (ledger, again):
        opened.close()
    storage.close()


def test_a_log_that_was_exchanged_for_another_valid_one_is_found_at_start(tmp_path: Path) -> None:
    school, _, student, material = classroom()
    storage = Storage.open(tmp_path)
    ledger = Ledger(storage.db)
    other = list(school.entries)
    school.do(student, MaterialRead(material, material))
    ledger.apply(school.entries)
    ledger.close()
    school.entries[:] = other
    school.append(EntryType.NOOP, b"")
    storage.write(None, None, school.entries)
    again = Ledger(storage.db)
    last = len(school.entries)
    assert first_altered(storage, 1, last) is None
    assert f"Entry {last}" in (check_tail(storage, again, last) or "")
    again.close()
    storage.close()


def test_an_altered_table_is_found_on_demand(tmp_path: Path) -> None:
    school, _, _, _ = classroom()
    storage = Storage.open(tmp_path)
    ledger = Ledger(storage.db)
    storage.write(None, None, school.entries)
    ledger.apply(school.entries)
    storage.db.execute("UPDATE school_people SET role = 1 WHERE person = 5")
    assert "altered" in (replay(storage, storage.db, ledger) or "")
    ledger.close()
    storage.close()


# --- durability ------------------------------------------------------------------------------------------


def test_tables_rebuilt_from_the_log_are_the_same(replica: Replica) -> None:
    school, _, student, material = classroom()
    for place in (0, 0, 2):
        school.commit(school.sign(student, MaterialRead(material, material), seq=place))
    replica.apply(school.entries)
    before, digest, tables = replica.dump(), replica.ledger.digest, content_hash(replica.db)
    replica.ledger.rebuild()
    assert replica.ledger.applied == 0
    assert replica.ledger.genesis is None
    replica.apply(school.entries, 5)
    assert replica.dump() == before
    assert replica.ledger.digest == digest
    assert content_hash(replica.db) == tables


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE school_people ADD COLUMN nickname TEXT",
        "DROP INDEX school_enrolments_student",
        "DROP TABLE school_grades",
        "CREATE TABLE school_of_another_version (x)",
    ],
)
def test_tables_of_another_version_are_made_again_from_the_log(replica: Replica, change: str) -> None:
    school, _, _, _ = classroom()
    replica.apply(school.entries)
    before = replica.dump()
    replica.db.execute(change)
    updated = Ledger(replica.db)
    assert (updated.applied, updated.genesis) == (0, None)
    updated.apply(school.entries)
    assert replica.dump() == before
    updated.close()


@pytest.mark.parametrize("how", ["reload", "by itself"])
def test_a_rolled_back_transaction_is_applied_again(replica: Replica, how: str) -> None:
    school, _, student, material = classroom()
    replica.apply(school.entries)
    before = replica.dump()
    school.do(student, MaterialRead(material, material))
    assert replica.ledger.apply(school.entries[-1:])[0].code == 0
    replica.db.execute("ROLLBACK")
    replica.db.execute("BEGIN IMMEDIATE")
    assert replica.dump() == before
    if how == "reload":
        replica.ledger.reload()
        assert replica.ledger.applied == len(school.entries) - 1
    assert [o.code for o in replica.ledger.apply(school.entries[-1:])] == [0]
    assert replica.ledger.head == school.entries[-1].head


def test_a_full_disk_undoes_the_call_and_loses_nothing(tmp_path: Path) -> None:
    school, _, student, material = classroom()
    for _ in range(400):
        school.do(student, MaterialRead(material, material))
    replica = Replica(str(tmp_path / "x.db"))
    replica.apply(school.entries[:20])
    before = replica.dump()
    (pages,) = replica.db.execute("PRAGMA page_count").fetchone()
    replica.db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        replica.ledger.apply(school.entries[20:])
    if replica.db.in_transaction:
        replica.db.execute("ROLLBACK")
    replica.db.execute("BEGIN IMMEDIATE")
    assert replica.dump() == before
    replica.db.execute("PRAGMA max_page_count = 100000")
    assert {o.code for o in replica.apply(school.entries)} == {0}
    assert replica.ledger.head == school.entries[-1].head


def test_a_node_that_died_before_the_commit_applies_again_to_the_same_tables(tmp_path: Path) -> None:
    school, _, student, material = classroom()
    for _ in range(10):
        school.do(student, MaterialRead(material, material))
    whole = Replica()
    whole.apply(school.entries)
    path = str(tmp_path / "x.db")
    for stop in range(0, len(school.entries), 3):
        dying = Replica(path)
        dying.apply(school.entries[:stop])
        dying.ledger.apply(school.entries[dying.ledger.applied : stop + 4])
        dying.close()  # the open transaction is lost, as in a crash
    last = Replica(path)
    last.apply(school.entries)
    assert last.dump() == whole.dump()
    assert last.ledger.digest == whole.ledger.digest


def test_the_digest_of_each_index_can_be_compared(replica: Replica) -> None:
    school, _, _, _ = classroom()
    replica.apply(school.entries)
    last = len(school.entries)
    assert replica.ledger.digest_at(last) == replica.ledger.digest
    assert replica.ledger.digest_at(last + 1) is None
    shorter = Replica()
    shorter.apply(school.entries[: last - 2])
    assert shorter.ledger.digest == replica.ledger.digest_at(last - 2)


def test_a_key_that_changed_between_preparing_and_applying_is_looked_up_again() -> None:
    """What the helper thread tried is a hint: the key at the entry's index decides."""
    school, _, student, material = classroom()
    school.do(student, MaterialRead(material, material))
    replica = Replica()
    replica.apply(school.entries[:-1])
    replica.ledger._signatures.learn(student.number, SigningKey.generate().public)
    assert [o.code for o in replica.apply(school.entries)] == [0]
