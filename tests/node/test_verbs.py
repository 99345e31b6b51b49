"""The verbs of the local link on a real node process: what they refuse, and what their answers hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lms_desktop.school.commands import PersonAdd, Role, WrappedKeysSet
from lms_desktop.trust.manifest import Manifest, chunk_hash, manifest_hash
from lms_desktop.trust.orders import Order
from lms_desktop.trust.primitives import SigningKey, random_bytes
from tests.node.blobs.files import manifest_of
from tests.node.processes import Lab, Process, Refused, lab, until

QUESTIONS = ("query", "place", "outcome", "outbox", "envelope", "receipt", "held")
WRITES = ("submit", "drop", "found", "join", "stop")
FILES = ("manifest_put", "chunk_put", "manifest_get", "chunk_get")
ABOUT = ("hello", "subscribe", "status", "identity", "machines")


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One machine with a school of its own."""
    with lab(tmp_path_factory.mktemp("school"), "A") as made:
        yield made


def refused(machine: Process, verb: str, *arguments: Any) -> str:
    """The code of the error that a call is answered with."""
    with pytest.raises(Refused) as error:
        machine.call(verb, *arguments)
    return str(error.value.args[0])


def order(made: Lab, **changes: Any) -> bytes:
    """The administrator's order to stop, but for what is changed."""
    hello = made.machines[0].call("hello", "test")
    fields = {"author": 1, "machine": hello[3], "nonce": hello[8], "verb": "stop", **changes}
    key = fields.pop("key", made.keys.signing)
    return Order.sign(fields.pop("cluster_id", made.cluster_id), key, **fields).encode()


@pytest.mark.parametrize("verb", QUESTIONS + WRITES + FILES + ABOUT)
def test_arguments_of_another_shape_are_named_as_such(school: Lab, verb: str) -> None:
    machine = school.machines[0]
    wrong: list[list[Any]] = [
        [[[]]],
        [-1, None, b""],
        [b"x" * 100, "y", True, None],
        [None, None],
        ["a", 1, 2, 3, 4],
    ]
    for arguments in wrong:
        code = refused(machine, verb, *arguments)
        assert code == "malformed", (verb, arguments, code)


def test_who_the_node_is_and_how_it_stands(school: Lab) -> None:
    machine = school.machines[0]
    protocol, version, cluster_id, number, name, title, zone, rules, nonce = machine.call("hello", "0.0")
    assert (protocol, cluster_id, number, name) == (1, school.cluster_id, 2, "A")
    assert (title, zone, rules) == ("Hill School", "Europe/Oslo", 1)
    assert version
    assert len(nonce) == 16
    role, leader, _, applied, commit, head, _, _, quorum, alarm = machine.call("status")
    assert (role, leader, quorum, alarm) == ("leader", 2, True, None)
    assert applied <= commit
    place = machine.call("place", applied)
    assert (place[0], place[4]) == (head, ((2,),))
    assert machine.call("place", applied + 1_000) is None


def test_questions_are_checked_and_answered_in_pages(school: Lab) -> None:
    machine = school.machines[0]
    assert refused(machine, "query", "no_such_query", [], 0) == "unknown"
    assert refused(machine, "query", "person", ["one"], 0) == "malformed"
    assert refused(machine, "query", "person", [], 0) == "malformed"
    applied, rows, following = machine.call("query", "person", [1], 0)
    assert (applied, following) == (machine.call("status")[3], None)
    assert rows[0][:3] == (1, "Ada Admin", "ada")
    names = sorted(f"student-{number:02}" for number in range(12))
    for name in names:
        school.add_person(machine, name)
    _, everyone, _ = machine.call("query", "people", [], 0)
    _, rest, following = machine.call("query", "people", [], 5)
    assert (rest, following) == (everyone[5:], None)
    assert machine.call("query", "people", [], 10_000)[1] == ()


def test_a_write_is_told_its_outcome_and_is_the_same_when_repeated(school: Lab) -> None:
    machine = school.machines[0]
    envelope = school.sign(WrappedKeysSet(b"wrapped again"))
    key = envelope.author, envelope.lane, envelope.seq
    item = machine.call("submit", envelope.raw, None, "keys")
    assert item[:5] == (*key, WrappedKeysSet.KIND, "keys")
    index, code, stamp = until(lambda: machine.call("outcome", *key))
    assert code == 0
    assert machine.call("place", index)[1] == stamp
    again = machine.call("submit", envelope.raw, None, "keys")
    assert (again[5], again[7], again[8], again[9]) == ("accepted", 0, index, stamp)
    assert machine.call("outbox", None) == ()


def test_what_cannot_be_taken_is_refused_with_its_reason(school: Lab) -> None:
    machine = school.machines[0]
    envelope = school.sign(WrappedKeysSet(b"x"))
    forged = envelope.raw[:-1] + bytes([envelope.raw[-1] ^ 1])
    assert refused(machine, "submit", forged, None, "keys") == "bad_signature"
    assert refused(machine, "submit", b"garbage", None, "keys") == "malformed"
    assert refused(machine, "submit", envelope.raw, None, "l" * 1000) == "malformed"
    assert refused(machine, "submit", envelope.raw, random_bytes(32), "keys") == "malformed"
    assert refused(machine, "drop", envelope.raw) == "too_late"
    assert machine.call("receipt", 1, bytes(16), 0) == ("waiting", None)


def test_a_refusal_of_the_rules_stays_in_the_outbox_for_its_author(school: Lab) -> None:
    machine = school.machines[0]
    envelope = school.sign(PersonAdd("Ada Twice", "ada", int(Role.STUDENT), SigningKey.generate().public))
    machine.call("submit", envelope.raw, None, "Ada Twice")
    until(lambda: machine.call("outcome", envelope.author, envelope.lane, envelope.seq))
    (item,) = machine.call("outbox", 1)
    assert (item[4], item[5]) == ("Ada Twice", "refused")
    assert machine.call("envelope", *item[:3]) == envelope.raw
    assert machine.call("outbox", 99) == ()


def test_files_are_checked_chunk_by_chunk(school: Lab) -> None:
    machine = school.machines[0]
    data = bytes(range(256)) * 20
    manifest = manifest_of(data, 2_000)
    chunks = [data[start : start + 2_000] for start in range(0, len(data), 2_000)]
    name = manifest_hash(manifest.encode())
    assert machine.call("held", name) == (0, None)
    assert refused(machine, "chunk_put", manifest.hashes[0], chunks[1]) == "wrong_hash"
    machine.call("chunk_put", manifest.hashes[0], chunks[0])
    assert machine.call("manifest_put", manifest.encode()) == manifest.hashes[1:]
    assert machine.call("held", name) == (2_000, len(data))
    for chunk in chunks[1:]:
        machine.call("chunk_put", chunk_hash(chunk), chunk)
    assert machine.call("manifest_put", manifest.encode()) == ()
    raw = machine.call("manifest_get", name)
    assert b"".join(machine.call("chunk_get", each) for each in Manifest.decode(raw).hashes) == data
    assert refused(machine, "manifest_get", random_bytes(32)) == "unreachable"
    assert refused(machine, "manifest_put", b"\x91\x01") == "malformed"


def test_only_an_administrators_order_for_this_run_stops_the_node(school: Lab) -> None:
    machine = school.machines[0]
    school.add_person(machine, "no-administrator")
    for changes in (
        {"key": SigningKey.generate()},
        {"author": 2},
        {"author": 3},
        {"author": 99},
        {"machine": 1},
        {"nonce": random_bytes(16)},
        {"verb": "start"},
        {"cluster_id": random_bytes(32)},
    ):
        assert refused(machine, "stop", order(school, **changes)) == "not_allowed", changes
    assert refused(machine, "stop", b"garbage") == "malformed"
    used = order(school)
    assert machine.call("stop", used) is None
    assert machine.process.wait(15) == 0
    machine._gone()
    machine.start()
    assert refused(machine, "stop", used) == "not_allowed"


def test_without_a_school_only_the_machine_answers(tmp_path: Path) -> None:
    made = Lab(tmp_path, "A")
    try:
        machine = made.machines[0].start()
        assert machine.call("hello", "test")[2:4] == (None, None)
        assert machine.call("status")[0] == "none"
        assert len(machine.call("identity")) == 8
        assert refused(machine, "query", "people", [], 0) == "unknown_verb"
        assert refused(machine, "found", b"garbage", b"garbage") == "malformed"
        assert refused(machine, "stop", Order(1, 1, bytes(16), "stop", bytes(64)).encode()) == "not_allowed"
    finally:
        made.close()
