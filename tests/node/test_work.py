"""From an app's signed command to its outcome on every replica, over real nodes."""

import asyncio
import random
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from lms_desktop.node import delivery as delivery_module
from lms_desktop.node.errors import PeerError
from lms_desktop.node.items import Item, State
from lms_desktop.node.keeping import KEEP
from lms_desktop.node.outbox import Outbox, OutboxError
from lms_desktop.node.receipts import RECEIPT
from lms_desktop.node.transport import Fields, Sender
from lms_desktop.school.commands import Submission, Void, WrappedKeysSet
from lms_desktop.school.outcomes import Outcome as Code
from lms_desktop.trust.envelope import Envelope
from lms_desktop.trust.receipts import (
    Receipt,
    Ticket,
    complete,
    file_commitment,
    make_ticket,
    sign_receipt,
)
from lms_desktop.trust.wire import Packable
from tests.node.blobs.files import store_whole
from tests.node.classroom import Classroom, Node, Nodes, classroom
from tests.node.ledger_kit import Author
from tests.node.links import until

NONCE, SHA256 = bytes([1]) * 32, bytes([2]) * 32


def run(story: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await story

    asyncio.run(bounded())


def keys_set(school: Classroom, author: Author, number: int) -> Envelope:
    """A small command that its author may always give."""
    return school.sign(author, WrappedKeysSet(b"wrapped %d" % number))


def hand_in(
    school: Classroom,
    node: Node,
    student: Author,
    data: bytes,
    commitment: bytes = file_commitment(NONCE, SHA256),
) -> tuple[Envelope, bytes]:
    """A student's submission of a file that this node already holds whole; and its manifest's hash."""
    name, manifest = store_whole(node.store, data, 1 << 20)
    author = school.lane(student)
    item = school.seal(
        author, "submission", school.course, school.assignment, b"details", school.course_key, student.number
    )
    command = Submission(
        school.assignment,
        None,
        node.number,
        school.stamp,
        name,
        manifest.total_size,
        commitment,
        item.sealed,
    )
    return school.sign(author, command), name


async def everywhere(nodes: Nodes, envelope: Envelope, code: int = 0) -> None:
    """Wait until every running replica has this outcome for the command."""
    key = envelope.author, envelope.lane, envelope.seq

    def settled() -> bool:
        outcomes = [node.ledger.outcome(*key) for node in nodes.running.values()]
        return all(outcome is not None and outcome.code == code for outcome in outcomes)

    await until(settled, 20)


def count_submissions(node: Node) -> int:
    (count,) = node.storage.db.execute("SELECT count(*) FROM school_submissions").fetchone()
    return int(count)


def test_a_followers_commands_take_effect_once_and_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            commands = [keys_set(nodes.school, nodes.school.alice, number) for number in range(200)]
            await asyncio.gather(*(node.work._delivery.submit(each.raw, None, "keys") for each in commands))
            for each in commands:
                await everywhere(nodes, each)
            assert node.outbox.items == {}
            positions = [node.ledger.outcome(each.author, each.lane, each.seq) for each in commands]
            indexes = [settled.index for settled in positions if settled is not None]
            assert indexes == sorted(indexes)
            again = await node.work._delivery.submit(commands[0].raw, None, "keys")
            assert (again.state, again.index) == (State.ACCEPTED, indexes[0])

    run(story())


def test_a_submission_becomes_safe_and_its_receipt_is_true(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            data = random.Random(3).randbytes(3_500_000)
            envelope, name = hand_in(nodes.school, node, nodes.school.alice, data)
            item = await node.work._delivery.submit(envelope.raw, name, "essay")
            assert item.state is State.SAVED
            await everywhere(nodes, envelope)
            await until(lambda: item.state is State.SAFE)
            assert node.states()[-2:] == ["accepted", "safe"]
            others = sorted(set(nodes.running) - {node.number})
            assert sorted(item.tickets) == others
            for other in others:
                manifest = nodes.running[other].store.manifest(name)
                assert manifest is not None
                assert nodes.running[other].store.damaged(manifest) == []
            kept = await node.work._receipts.receipt(item.key)
            assert kept is not None
            receipt = Receipt.parse(complete(kept[0], NONCE, SHA256))
            assert receipt.envelope == envelope.raw
            assert len(receipt.tickets) == 2
            elsewhere = await nodes.running[others[0]].work._receipts.receipt(item.key)
            assert elsewhere is not None

    run(story())


def test_a_submission_survives_the_leader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lms_desktop.node.keeping.EXTRA_S", 0.5)

    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            leader = await nodes.leader()
            node = await nodes.follower()
            envelope, name = hand_in(nodes.school, node, nodes.school.alice, bytes(2_000_000))
            item = await node.work._delivery.submit(envelope.raw, name, "essay")
            await nodes.stop(leader.number)
            await everywhere(nodes, envelope)
            assert item.state in (State.ACCEPTED, State.SENDING)
            nodes.start(leader.number)
            await everywhere(nodes, envelope)
            await until(lambda: item.state is State.SAFE, 20)
            assert [count_submissions(each) for each in nodes.running.values()] == [1, 1, 1]

    run(story())


def test_without_a_quorum_it_waits_and_takes_effect_once_later(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            others = [number for number in nodes.running if number != node.number]
            for number in others:
                await nodes.stop(number)
            waiting = [keys_set(nodes.school, nodes.school.alice, number) for number in range(3)]
            for each in waiting:
                item = await node.work._delivery.submit(each.raw, None, "keys")
                assert item.state in (State.SAVED, State.SENDING)
            number = node.number
            await nodes.stop(number)
            node = nodes.start(number)  # it was switched off meanwhile
            assert len(node.outbox.items) == 3
            for other in others:
                nodes.start(other)
            for each in waiting:
                await everywhere(nodes, each)
            await until(lambda: node.outbox.items == {})

    run(story())


def test_a_dropped_item_leaves_its_lane_usable(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            others = [number for number in nodes.running if number != node.number]
            for number in others:
                await nodes.stop(number)
            await until(lambda: node.host.leader is None)  # nothing is handed in any more
            alice = nodes.school.alice
            first, second = keys_set(nodes.school, alice, 1), keys_set(nodes.school, alice, 2)
            for each in (first, second):
                await node.work._delivery.submit(each.raw, None, "keys")
            void = nodes.school.sign(alice, Void(), seq=first.seq)
            await node.work._delivery.drop(void.raw)
            assert node.outbox.items[alice.number, alice.lane, first.seq].envelope.raw == void.raw
            for number in others:
                nodes.start(number)
            await everywhere(nodes, void)
            await everywhere(nodes, second)
            settled = node.ledger.outcome(void.author, void.lane, void.seq)
            assert settled is not None
            await until(lambda: node.outbox.items == {})
            assert "dropped" in node.states()
            with pytest.raises(OutboxError) as late:
                node.work._delivery.drop(void.raw)
            assert late.value.code == "too_late"

    run(story())


def test_a_refused_command_is_told_and_kept_for_its_author(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            grade = nodes.school.draft(
                nodes.school.alice,
                nodes.school.course,
                nodes.school.assignment,
                nodes.school.alice.number,
                nodes.school.course_key,
                b"100",
            )
            envelope = nodes.school.sign(nodes.school.alice, grade)
            item = await node.work._delivery.submit(envelope.raw, None, "grade")
            await until(lambda: item.state is State.REFUSED)
            assert item.code == Code.NOT_STAFF
            assert item.key in node.outbox.items
            following = keys_set(nodes.school, nodes.school.alice, 1)
            await node.work._delivery.submit(following.raw, None, "keys")
            await everywhere(nodes, following)

    run(story())


def test_strangers_and_forgers_get_no_place_in_the_outbox(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path, 2) as nodes:
            node = nodes.running[2]
            await until(lambda: node.ledger.applied >= len(nodes.school.entries))
            alice = nodes.school.alice
            forged = keys_set(nodes.school, Author(alice.number, nodes.school.bob.key, alice.lane), 1)
            with pytest.raises(OutboxError) as refused:
                await node.work._delivery.submit(forged.raw, None, "keys")
            assert refused.value.code == "bad_signature"
            stranger = keys_set(nodes.school, Author(99, alice.key, alice.lane), 1)
            with pytest.raises(OutboxError) as unknown:
                node.work._delivery.submit(stranger.raw, None, "keys")
            assert unknown.value.code == "unknown_author"
            assert node.outbox.items == {}

    run(story())


def test_one_keeper_off_makes_it_accepted_first_and_safe_by_itself_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lms_desktop.node.keeping.EXTRA_S", 0.5)

    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            await nodes.leader()
            node = await nodes.follower()
            leader = await nodes.leader()
            absent = next(number for number in nodes.running if number not in (node.number, leader.number))
            await nodes.stop(absent)
            envelope, name = hand_in(nodes.school, node, nodes.school.alice, bytes(500_000))
            item = await node.work._delivery.submit(envelope.raw, name, "essay")
            await until(lambda: item.state is State.ACCEPTED, 20)
            kept = await node.work._receipts.receipt(item.key)
            assert kept is not None
            assert kept[1] is False
            nodes.start(absent)
            await until(lambda: item.state is State.SAFE, 20)
            kept = await node.work._receipts.receipt(item.key)
            assert kept is not None
            assert kept[1] is True

    run(story())


def test_who_may_not_submit_gets_no_ticket_and_is_told_so_by_the_ledger(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            envelope, name = hand_in(nodes.school, node, nodes.school.teacher, bytes(1000))
            item = await node.work._delivery.submit(envelope.raw, name, "essay")
            keeper = await nodes.leader()
            raw = node.store.raw_manifest(name)
            assert raw is not None
            with pytest.raises(PeerError) as refused:
                await node.station.links.request(keeper.number, KEEP, [envelope.raw, raw], 5.0)
            assert refused.value.code == "refused"
            await everywhere(nodes, envelope, Code.NOT_ENROLLED)
            await until(lambda: item.state is State.REFUSED)
            assert item.code == Code.NOT_ENROLLED
            assert item.tickets == {}
            assert count_submissions(node) == 0

    run(story())


def test_a_lost_message_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "AGAIN_S", 0.2)

    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            send = node.station.links.send
            lost = 0

            def lose_some(machine: int, verb: int, fields: Any) -> bool:
                nonlocal lost
                lost += 1
                return True if lost <= 3 else send(machine, verb, fields)

            node.station.links.send = lose_some  # type: ignore[method-assign]
            commands = [keys_set(nodes.school, nodes.school.bob, number) for number in range(5)]
            for each in commands:
                await node.work._delivery.submit(each.raw, None, "keys")
            for each in commands:
                await everywhere(nodes, each)
            assert lost > 3

    run(story())


def test_an_outcome_that_the_outbox_did_not_note_is_found_in_the_ledger(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            envelope = keys_set(nodes.school, nodes.school.alice, 1)
            await node.work._delivery.submit(envelope.raw, None, "keys")
            await everywhere(nodes, envelope)
            number = node.number
            await nodes.stop(number)
            outbox = Outbox.open(tmp_path / str(number))  # as if the last write of the outbox was lost
            await outbox.save(Item(envelope, None, "keys", 1), lambda: True)
            await outbox.close()
            node = nodes.start(number)
            assert node.outbox.items == {}
            assert node.states() == ["accepted"]

    run(story())


def test_a_void_that_came_too_late_tells_what_it_missed(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            alice = nodes.school.alice
            envelope = keys_set(nodes.school, alice, 1)
            await node.work._delivery.submit(envelope.raw, None, "keys")
            await everywhere(nodes, envelope)
            number = node.number
            await nodes.stop(number)
            void = nodes.school.sign(alice, Void(), seq=envelope.seq)
            outbox = Outbox.open(tmp_path / str(number))
            await outbox.save(Item(void, None, "keys", 1), lambda: True)
            await outbox.close()
            node = nodes.start(number)
            assert node.outbox.items == {}
            assert node.states() == ["accepted"]

    run(story())


def test_a_lying_voters_receipt_is_not_believed(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            leader = await nodes.leader()
            envelope, name = hand_in(nodes.school, node, nodes.school.alice, bytes(1000))
            asked = 0

            async def lie(_sender: Sender, _fields: Fields) -> Sequence[Packable]:
                nonlocal asked
                asked += 1
                entry = leader.host.entry(leader.ledger.applied)
                assert entry is not None
                keys = nodes.school.machines.items()
                return [
                    sign_receipt(
                        leader.station.identity.signing,
                        cluster_id=nodes.school.cluster_id,
                        epoch=1,
                        index=entry.index,
                        head=entry.head,
                        stamp=entry.stamp - 3_600_000,  # an hour before it came
                        envelope=envelope.raw,
                        tickets=[
                            make_ticket(nodes.school.cluster_id, envelope.raw, number, 1, key)
                            for number, key in keys
                        ],
                        voters=nodes.running,
                        signer=leader.number,
                    )
                ]

            leader.station.links.serve(RECEIPT, lie)
            item = await node.work._delivery.submit(envelope.raw, name, "essay")
            await until(lambda: item.state is State.SAFE, 20)
            assert asked
            kept = await node.work._receipts.receipt(item.key)
            assert kept is not None
            receipt = Receipt.parse(complete(kept[0], NONCE, SHA256))
            assert receipt.signer != leader.number
            settled = node.ledger.outcome(*item.key)
            assert settled is not None
            assert receipt.stamp == settled.stamp

    run(story())


def test_tickets_of_whoever_is_no_keeper_are_not_counted(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            envelope, name = hand_in(nodes.school, node, nodes.school.alice, bytes(1000))
            item = await node.work._delivery.submit(envelope.raw, name, "essay")
            await until(lambda: item.state is State.SAFE, 20)
            alice = nodes.school.alice
            own = make_ticket(nodes.school.cluster_id, envelope.raw, alice.number, 1, alice.key)
            given = node.work._receipts._sign(item.key, [own])
            tickets = Receipt.parse(complete(given, NONCE, SHA256)).tickets
            assert {Ticket.parse(ticket).keeper for ticket in tickets} == set(item.tickets)

    run(story())


def test_a_command_settled_while_its_void_is_written_is_not_dropped(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node = await nodes.follower()
            alice = nodes.school.alice
            envelope = keys_set(nodes.school, alice, 1)
            void = nodes.school.sign(alice, Void(), seq=envelope.seq)
            gate, write = threading.Event(), node.outbox._write

            def slow_write(*batch: Any) -> list[bool]:
                gate.wait(20)
                return write(*batch)

            await node.work._delivery.submit(envelope.raw, None, "keys")
            node.outbox._write = slow_write  # type: ignore[method-assign,assignment]
            dropped = node.work._delivery.drop(void.raw)
            await everywhere(nodes, envelope)  # the outcome comes while the void is written
            assert not dropped.done()
            gate.set()
            with pytest.raises(OutboxError) as late:
                await dropped
            assert late.value.code == "too_late"
            assert node.outbox.items == {}
            following = keys_set(nodes.school, alice, 2)
            await node.work._delivery.submit(following.raw, None, "keys")
            await everywhere(nodes, following)
            number = node.number
            await nodes.stop(number)
            assert nodes.start(number).outbox.items == {}

    run(story())
