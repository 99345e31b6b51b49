"""The links between machines over real sockets: each trap of CURVE and ZAP, and peers that misbehave."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from types import MappingProxyType

import pytest
import zmq

from lms_desktop.node.admission import PEER_DOMAIN, AllowList
from lms_desktop.node.errors import PeerError, PortInUse
from lms_desktop.node.sockets import MAX_MESSAGE, dialer, listener
from lms_desktop.node.transport import (
    JOIN,
    MALFORMED,
    OTHER_EPOCH,
    OTHER_MACHINE,
    OTHER_SCHOOL,
    OUT_OF_PLACE,
    PROTOCOL,
    TWO_RUNS,
    UNKNOWN_VERSION,
    BadMessage,
    Fields,
    Peer,
    Sender,
)
from lms_desktop.trust.primitives import CurveKeys
from lms_desktop.trust.wire import Packable, pack
from tests.node.links import SCHOOL, Station, acquaint, stations, until

VERB = 7


def run(main: Coroutine[None, None, None]) -> None:
    asyncio.run(main)


class Inbox:
    """What a station was delivered."""

    def __init__(self, station: Station, verb: int = VERB) -> None:
        self.messages: list[tuple[Sender, Fields]] = []
        station.links.on(verb, lambda sender, fields: self.messages.append((sender, fields)))

    @property
    def values(self) -> list[Fields]:
        return [fields for _, fields in self.messages]


async def delivered(sender: Station, to: Station, inbox: Inbox, value: int) -> None:
    """Send until it arrives: a message may be lost while connections are made."""
    while (value,) not in inbox.values:
        sender.links.send(to.number, VERB, [value])
        await asyncio.sleep(0.01)


def stranger(to: Station, keys: CurveKeys, *, files: bool = False) -> zmq.Socket[bytes]:
    port = to.files_port if files else to.port
    return dialer(to.context, keys, to.identity.curve.public, f"tcp://127.0.0.1:{port}", high_water=8)


async def push(socket: zmq.Socket[bytes], frames: Sequence[bytes]) -> None:
    """Send once connected."""
    await until(lambda: socket.poll(0, zmq.POLLOUT))
    socket.send_multipart(frames, zmq.NOBLOCK)


def test_messages_and_requests_between_machines() -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):
            inbox = Inbox(two)

            async def double(sender: Sender, fields: Fields) -> Sequence[Packable]:
                assert sender.machine == 1
                (number,) = fields
                assert isinstance(number, int)
                return [number * 2]

            two.links.serve(20, double)
            await asyncio.wait_for(delivered(one, two, inbox, 5), 10)
            assert inbox.messages[0][0].machine == 1
            assert await one.links.request(2, 20, [21], 5) == (42,)
            answers = await asyncio.gather(*(one.links.request(2, 20, [n], 5) for n in range(16)))
            assert [answer[0] for answer in answers] == [n * 2 for n in range(16)]

    run(main())


def test_a_request_to_nobody_ends_at_its_deadline() -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):
            await two.links.close()
            with pytest.raises(PeerError) as failure:
                await one.links.request(2, 20, [], 0.2)
            assert failure.value.code == "unreachable"
            with pytest.raises(PeerError):
                await one.links.request(99, 20, [], 0.2)

    run(main())


def test_a_refusal_and_an_unknown_request_come_back_as_codes() -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):

            async def refuse(sender: Sender, fields: Fields) -> Sequence[Packable]:
                raise PeerError("no_room", "There is no room")

            two.links.serve(20, refuse)
            for verb, code in ((20, "no_room"), (21, "unknown_verb")):
                with pytest.raises(PeerError) as failure:
                    await one.links.request(2, verb, [], 5)
                assert failure.value.code == code

    run(main())


def test_unapproved_key_delivers_nothing_and_is_shown() -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, _):
            inbox = Inbox(one)
            keys = CurveKeys.generate()
            socket = stranger(one, keys)
            await until(lambda: one.admission.refusals)
            with pytest.raises(zmq.Again):
                socket.send_multipart([b"x", b"y"], zmq.NOBLOCK)  # IMMEDIATE: nothing queues for later
            (refusal,) = one.admission.refusals
            assert (refusal.key, refusal.address) == (keys.public, "127.0.0.1")
            assert not inbox.messages
            socket.close(linger=0)

    run(main())


@pytest.mark.parametrize("enforced", [True, False])
def test_approved_key_without_the_zap_handler_delivers_nothing(enforced: bool) -> None:
    """Statement 5, second half. Without ZAP_ENFORCE_DOMAIN libzmq lets everyone in, which this test then
    shows."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    keys = CurveKeys.generate()
    if enforced:
        server = listener(context, keys, PEER_DOMAIN, "tcp://127.0.0.1:*", high_water=8)
    else:
        server = context.socket(zmq.ROUTER)
        server.setsockopt(zmq.CURVE_SERVER, 1)
        server.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
        server.setsockopt(zmq.ZAP_DOMAIN, PEER_DOMAIN)
        server.bind("tcp://127.0.0.1:*")
    address = server.getsockopt(zmq.LAST_ENDPOINT)
    assert isinstance(address, bytes)
    client = dialer(context, CurveKeys.generate(), keys.public, address.rstrip(b"\0").decode(), high_water=8)
    connected = client.poll(1000, zmq.POLLOUT)
    assert bool(connected) is not enforced
    context.destroy(linger=0)


def test_a_wrong_server_key_is_never_spoken_to() -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):
            inbox = Inbox(two)
            wrong = two.peer().__class__(CurveKeys.generate().public, "127.0.0.1", two.port, two.files_port)
            one.links.set_peers({2: wrong})
            with pytest.raises(PeerError) as failure:
                await one.links.request(2, 20, [], 0.5)
            assert failure.value.code == "unreachable"
            assert not one.links.send(2, VERB, [1])
            assert not inbox.messages

    run(main())


def test_an_approved_machine_that_claims_another_is_attributed_by_its_key() -> None:
    """Statement 6: with 2's routing id and 2's number in the header, 3 is still 3, and 2 stays reachable."""

    async def main() -> None:
        async with stations(1, 2, 3) as (one, two, three):
            inbox = Inbox(one)
            await asyncio.wait_for(delivered(two, one, inbox, 1), 10)
            header = three.introduce(machine=2)
            thief = one.context.socket(zmq.DEALER)
            thief.setsockopt(zmq.ROUTING_ID, b"\0victim")
            for option, value in (
                (zmq.CURVE_SERVERKEY, one.identity.curve.public),
                (zmq.CURVE_PUBLICKEY, three.identity.curve.public),
                (zmq.CURVE_SECRETKEY, three.identity.curve.secret),
            ):
                thief.setsockopt(option, value)
            thief.connect(f"tcp://127.0.0.1:{one.port}")
            await push(thief, [header.encode(), pack([VERB, 666])])
            await until(lambda: one.links.dropped[OTHER_MACHINE])
            assert (666,) not in inbox.values
            await asyncio.wait_for(delivered(two, one, inbox, 2), 10)
            assert {sender.machine for sender, _ in inbox.messages} == {2}
            thief.close(linger=0)

    run(main())


def test_a_machine_removed_while_connected_is_ignored() -> None:
    """Statement 7: the live connection stays open (trap 4), so every message is held to the list."""

    async def main() -> None:
        async with stations(1, 2, 3) as (one, two, three):
            inbox = Inbox(one)
            await asyncio.wait_for(delivered(three, one, inbox, 1), 10)
            remaining = {two.identity.curve.public: 2, one.identity.curve.public: 1}
            one.admission.allow(AllowList(MappingProxyType(remaining)))
            assert three.links.send(1, VERB, [2])
            await until(lambda: one.links.dropped["not a member"])
            assert (2,) not in inbox.values
            await one.links.rebind()
            await until(lambda: one.admission.refusals)
            await asyncio.wait_for(delivered(two, one, inbox, 3), 10)
            assert (2,) not in inbox.values

    run(main())


def test_a_refused_joiner_is_let_in_once_approved_and_dialling_anew() -> None:
    """Trap 3: a ZAP refusal is final for that connection."""

    async def main() -> None:
        async with stations(1) as (one,):
            newcomer = Station(2)
            newcomer.links.set_peers({1: one.peer()})
            inbox = Inbox(one)
            newcomer.links.send(1, VERB, [1])
            await until(lambda: one.admission.refusals)
            acquaint([one, newcomer])
            newcomer.links.set_peers({})
            newcomer.links.set_peers({1: one.peer()})
            await asyncio.wait_for(delivered(newcomer, one, inbox, 2), 10)
            assert not one.admission.refusals
            await newcomer.close()

    run(main())


def test_one_that_was_refused_a_moment_ago_is_dialled_anew_once_the_other_connects() -> None:
    """Two newcomers hear of each other within the same second: the first to dial is refused for good, and
    must not stay cut off when the second, which was let in, shows that it knows the first."""

    async def main() -> None:
        async with stations(1) as (one,):
            two = Station(2)
            one.links.set_peers({2: two.peer()})
            one.admission.allow(AllowList(MappingProxyType({two.identity.curve.public: 2})))
            one.links.keep_dialled([2])
            await until(lambda: two.admission.refusals)
            acquaint([two, one])
            two.links.keep_dialled([1])
            inbox = Inbox(two)
            await asyncio.wait_for(delivered(one, two, inbox, 1), 10)
            await two.close()

    run(main())


def test_one_that_was_refused_and_never_hears_of_it_is_dialled_anew_when_the_list_is_gone_over() -> None:
    async def main() -> None:
        async with stations(1) as (one,):
            two = Station(2)
            peers = {2: two.peer()}
            one.links.set_peers(peers)
            one.links.keep_dialled([2])
            await until(lambda: two.admission.refusals)
            two.admission.allow(AllowList(MappingProxyType({one.identity.curve.public: 1})))
            one.links.set_peers(peers)
            inbox = Inbox(two)
            await asyncio.wait_for(delivered(one, two, inbox, 1), 10)
            await two.close()

    run(main())


def test_a_join_token_may_only_join() -> None:
    async def main() -> None:
        async with stations(1) as (one,):
            token = Station(0)
            one.admission.allow(
                AllowList(MappingProxyType({}), MappingProxyType({token.identity.curve.public: 9}))
            )
            inbox = Inbox(one)
            seen: list[Sender] = []

            async def join(sender: Sender, fields: Fields) -> Sequence[Packable]:
                seen.append(sender)
                return []

            one.links.serve(JOIN, join)
            one.links.serve(20, join)
            token.links.set_peers({1: one.peer()})
            await token.links.request(1, JOIN, [], 5)
            assert [(sender.machine, sender.token) for sender in seen] == [(0, 9)]
            with pytest.raises(PeerError):
                await token.links.request(1, 20, [], 0.3)
            while not one.links.dropped[OUT_OF_PLACE] >= 2:
                token.links.send(1, VERB, [1])
                await asyncio.sleep(0.01)
            assert len(seen) == 1
            assert not inbox.messages
            await token.close()

    run(main())


def garbage(header: bytes) -> dict[str, tuple[str, list[bytes]]]:
    good = pack([VERB, 1])
    return {
        "one frame": (MALFORMED, [b"hello"]),
        "four frames": (MALFORMED, [header, good, good, good]),
        "random header": (MALFORMED, [PROTOCOL + b"\xc1\xff\x00", good]),
        "unknown version": (UNKNOWN_VERSION, [b"\x02" + header[1:], good]),
        "empty frames": (UNKNOWN_VERSION, [b"", b""]),
        "body is no msgpack": (MALFORMED, [header, b"\xc1"]),
        "body is a map": (MALFORMED, [header, b"\x81\x01\x02"]),
        "body is an int": (MALFORMED, [header, b"\x05"]),
        "body is empty": (MALFORMED, [header, b"\x90"]),
        "body claims too much": (MALFORMED, [header, b"\xdd\x7f\xff\xff\xff\x07"]),
        "verb is text": ("unknown verb", [header, pack(["x"])]),
        "unknown verb": ("unknown verb", [header, pack([4711])]),
        "wrong fields": (MALFORMED, [header, pack([8])]),
    }


@pytest.mark.parametrize("case", garbage(b"\x01"))
def test_garbage_is_counted_and_the_next_message_arrives(case: str) -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):
            inbox = Inbox(one)

            def strict(sender: Sender, fields: Fields) -> None:
                raise BadMessage("verb 8 has three fields")

            one.links.on(8, strict)
            header = two.introduce()
            socket = stranger(one, two.identity.curve)
            reason, frames = garbage(header.encode())[case]
            await push(socket, frames)
            await until(lambda: one.links.dropped[reason] == 1)
            await push(socket, [header.encode(), pack([VERB, 5])])
            await until(lambda: inbox.values == [(5,)])
            assert one.links.dropped.total() == 1
            socket.close(linger=0)

    run(main())


def test_garbage_on_the_files_port_is_counted() -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):
            header = two.introduce().encode()
            socket = stranger(one, two.identity.curve, files=True)
            for body in (b"\xc1", pack([1]), pack(["x", 20]), pack([1, "verb"])):
                await push(socket, [header, body])
            await until(lambda: one.links.dropped[MALFORMED] == 4)
            with pytest.raises(PeerError) as failure:
                await two.links.request(1, 20, [], 5)
            assert failure.value.code == "unknown_verb"
            socket.close(linger=0)

    run(main())


def test_an_oversized_message_costs_its_sender_the_connection_and_nobody_else() -> None:
    async def main() -> None:
        async with stations(1, 2, 3) as (one, two, three):
            inbox = Inbox(one)
            socket = stranger(one, two.identity.curve)
            await push(socket, [two.introduce().encode(), bytes(MAX_MESSAGE + 1)])
            await asyncio.wait_for(delivered(three, one, inbox, 1), 10)
            await asyncio.wait_for(delivered(two, one, inbox, 2), 10)
            assert set(inbox.values) == {(1,), (2,)}
            socket.close(linger=0)

    run(main())


def test_another_school_or_epoch_is_not_heard() -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):
            inbox = Inbox(one)
            for reason, changes in (
                (OTHER_SCHOOL, {"cluster_id": bytes(32)}),
                (OTHER_EPOCH, {"epoch": 1}),
            ):
                two.introduce(**changes)
                while not one.links.dropped[reason]:
                    two.links.send(1, VERB, [1])
                    await asyncio.sleep(0.01)
            assert not inbox.messages
            two.introduce(cluster_id=SCHOOL)
            await asyncio.wait_for(delivered(two, one, inbox, 2), 10)

    run(main())


def test_a_machine_that_returns_at_another_port_is_reached_again() -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):
            inbox = Inbox(one)
            await asyncio.wait_for(delivered(two, one, inbox, 1), 10)
            await two.close()
            again = Station(2, identity=two.identity)
            acquaint([one, again])
            back = Inbox(again)
            await asyncio.wait_for(delivered(one, again, back, 3), 10)
            await again.close()

    run(main())


def test_a_late_message_of_an_earlier_run_is_dropped() -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):
            inbox = Inbox(one)
            earlier = two.introduce()
            runs: list[int] = []
            one.links.on_new_run = runs.append
            later = replace(earlier, boot=earlier.boot + 1, nonce=bytes(16))
            two.links.introduce(later)
            await asyncio.wait_for(delivered(two, one, inbox, 1), 10)
            two.links.introduce(earlier)
            while not one.links.dropped["delayed from an earlier run"]:
                two.links.send(1, VERB, [2])
                await asyncio.sleep(0.01)
            assert (2,) not in inbox.values
            assert runs == [2]
            assert one.links.run_of(2) == later

    run(main())


def test_two_processes_in_one_run_are_noticed() -> None:
    """A copied machine key: the same boot counter with two nonces."""

    async def main() -> None:
        async with stations(1, 2) as (one, two):
            inbox = Inbox(one)
            first = two.introduce()
            await asyncio.wait_for(delivered(two, one, inbox, 1), 10)
            two.links.introduce(replace(first, nonce=bytes(16)))
            await asyncio.wait_for(delivered(two, one, inbox, 2), 10)
            assert one.links.dropped[TWO_RUNS] == 1

    run(main())


def test_a_full_queue_is_told_to_the_sender() -> None:
    """Traps 6 and 7: nothing is dropped in silence."""

    async def main() -> None:
        async with stations(1, 2) as (one, two):
            inbox = Inbox(two)
            await asyncio.wait_for(delivered(one, two, inbox, 0), 10)
            two.links._listeners["consensus"].close()  # it reads no more, as a stopped process would
            big = bytes(1 << 20)
            await until(lambda: not one.links.send(2, VERB, [big]))
            assert one.links.dropped["not sent"]

    run(main())


def test_a_port_in_use_is_named() -> None:
    async def main() -> None:
        async with stations(1) as (one,):
            with pytest.raises(PortInUse) as failure:
                listener(
                    one.context,
                    one.identity.curve,
                    PEER_DOMAIN,
                    f"tcp://127.0.0.1:{one.port}",
                    high_water=8,
                )
            assert str(one.port) in str(failure.value)
            assert "--port" in failure.value.next_step

    run(main())


@pytest.mark.parametrize("host", ["%", "-", "_", "x y"])
def test_an_address_that_is_none_makes_its_machine_unreachable_and_nothing_else(host: str) -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):
            inbox = Inbox(two)
            nowhere = Peer(CurveKeys.generate().public, host, 47400, 47401)
            one.links.set_peers({2: two.peer(), 3: nowhere})
            one.links.keep_dialled([3, 2])
            assert one.links.send(3, VERB, [1]) is False
            with pytest.raises(PeerError) as failure:
                await one.links.request(3, VERB, [], 1.0)
            assert failure.value.code == "unreachable"
            await delivered(one, two, inbox, 1)

    run(main())
