"""A machine of the school that means ill: what it can claim, hold up or fill."""

from pathlib import Path

import pytest

from lms_desktop.node.errors import PeerError
from lms_desktop.node.keeping import KEEP
from lms_desktop.node.proposals import PROPOSE
from lms_desktop.school.commands import FileRef, MaterialPublish
from lms_desktop.trust.envelope import make_payload
from lms_desktop.trust.receipts import Receipt, complete
from tests.node.blobs.files import store_whole
from tests.node.classroom import VOTERS, Classroom, Nodes, classroom
from tests.node.ledger_kit import Author
from tests.node.test_work import NONCE, SHA256, everywhere, hand_in, keys_set, run


def test_a_machine_cannot_hold_up_a_lane_with_commands_that_nobody_signed(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            hostile, leader = await nodes.follower(), await nodes.leader()
            alice = nodes.school.alice
            impostor = Author(alice.number, nodes.school.bob.key, alice.lane)
            forged = [keys_set(nodes.school, impostor, number) for number in range(3)]
            genuine = [keys_set(nodes.school, alice, number) for number in range(3)]
            payloads = [make_payload(each.raw) for each in (*forged, *genuine)]
            hostile.station.links.send(leader.number, PROPOSE, [payloads])
            for each in genuine:  # nothing hands them in a second time
                await everywhere(nodes, each)

    run(story())


def test_a_keeper_takes_no_file_that_its_author_may_not_bring(tmp_path: Path) -> None:
    async def story() -> None:
        async with classroom(tmp_path) as nodes:
            node, keeper = await nodes.follower(), await nodes.leader()
            school = nodes.school
            name, manifest = store_whole(node.store, bytes(1_000), 1 << 20)

            async def refusal(author: Author, size: int) -> str:
                command = MaterialPublish(school.course, "Notes", FileRef("n.pdf", name, size, SHA256, 1))
                envelope = school.sign(school.lane(author), command)
                request = [envelope.raw, manifest.encode()]
                with pytest.raises(PeerError) as refused:
                    await node.station.links.request(keeper.number, KEEP, request, 5.0)
                return refused.value.code

            assert await refusal(school.alice, 1_000) == "refused"
            assert await refusal(school.teacher, 999) == "too_large"
            assert keeper.store.raw_manifest(name) is None

    run(story())


def test_a_machine_that_is_no_keeper_makes_no_receipt_safe(tmp_path: Path) -> None:
    async def story() -> None:
        school = Classroom()
        learner = school.add_machine("D", 14)
        nodes = Nodes(tmp_path, school)
        try:
            for number in VOTERS:
                nodes.start(number)
            leader = await nodes.leader()
            node = await nodes.follower()
            envelope, _ = hand_in(school, node, school.alice, bytes(1_000))
            tickets = [
                school.ticket(envelope, Author(leader.number, school.machines[leader.number], b"")),
                school.ticket(envelope, learner),
            ]
            leader.host.propose(make_payload(envelope.raw, tickets), lambda _: None)
            await everywhere(nodes, envelope)
            given = leader.work._receipts._sign((envelope.author, envelope.lane, envelope.seq), tickets)
            receipt = Receipt.parse(complete(given, NONCE, SHA256))
            assert receipt.tickets == (tickets[0],)
        finally:
            for number in list(nodes.running):
                await nodes.stop(number)

    run(story())
