"""The traps of CURVE and ZAP that a single socket shows: each is what libzmq does unless our settings undo
it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from types import MappingProxyType

import pytest
import zmq
from zmq.utils.monitor import parse_monitor_message

from lms_desktop.node.admission import LOCAL_DOMAIN, PEER_DOMAIN, Admission, AllowList
from lms_desktop.node.sockets import Context, dialer, events, listener, send
from lms_desktop.trust.primitives import CurveKeys
from tests.node.links import LOCAL, now_ms, until

HIGH_WATER = 10
SERVER, CLIENT = CurveKeys.generate(), CurveKeys.generate()


def run(main: Coroutine[None, None, None]) -> None:
    asyncio.run(main)


@asynccontextmanager
async def gate() -> AsyncIterator[Context]:
    """A context whose ZAP handler lets the client in; all its sockets are closed at the end."""
    context: Context = zmq.Context()
    admission = Admission(context, asyncio.get_running_loop(), now_ms)
    admission.allow(AllowList(MappingProxyType({CLIENT.public: 2})))
    try:
        yield context
    finally:
        admission.close()
        context.destroy(linger=0)


def endpoint(server: zmq.Socket[bytes]) -> str:
    address = server.getsockopt(zmq.LAST_ENDPOINT)
    assert isinstance(address, bytes)
    return address.rstrip(b"\0").decode()


@pytest.mark.parametrize(("domain", "admitted"), [(PEER_DOMAIN, True), (LOCAL_DOMAIN, True), (b"lms", False)])
def test_only_our_own_domains_are_admitted_even_for_a_listed_key(domain: bytes, admitted: bool) -> None:
    """Trap 2: a domain is matched as it is written, so the two ends must share the constant."""

    async def main() -> None:
        async with gate() as context:
            server = listener(context, SERVER, domain, LOCAL, high_water=HIGH_WATER)
            client = dialer(context, CLIENT, SERVER.public, endpoint(server), high_water=HIGH_WATER)
            said = client.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
            await until(lambda: said.poll(0))
            outcome = parse_monitor_message(said.recv_multipart())["event"]
            assert (outcome == zmq.EVENT_HANDSHAKE_SUCCEEDED) is admitted

    run(main())


def test_a_router_says_when_it_cannot_deliver() -> None:
    """Trap 6: without MANDATORY, 5,000 messages to a reader of ten would vanish without an error."""

    async def main() -> None:
        async with gate() as context:
            server = listener(context, SERVER, PEER_DOMAIN, LOCAL, high_water=HIGH_WATER)
            client = dialer(context, CLIENT, SERVER.public, endpoint(server), high_water=HIGH_WATER)
            await until(lambda: send(client, [b"here I am"]))
            await until(lambda: server.poll(0))
            route = server.recv_multipart()[0]
            big = bytes(1 << 20)  # more than the kernel's own buffers take
            taken = 0
            while send(server, [route, big]):
                taken += 1
                assert taken < 5_000, "nothing was ever refused"
            received = 0
            while received < taken:
                await until(lambda: client.poll(0))
                client.recv()
                received += 1
            assert not send(server, [b"\0nobody", b"hello"])

    run(main())


def test_nothing_queues_for_a_machine_that_is_off() -> None:
    """Trap 7: without IMMEDIATE a DEALER takes messages for a dead peer and delivers them much later."""

    async def main() -> None:
        async with gate() as context:
            with socket.create_server(("127.0.0.1", 0)) as nobody:
                address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
            client = dialer(context, CLIENT, SERVER.public, address, high_water=HIGH_WATER)
            assert not any(send(client, [b"stale"]) for _ in range(HIGH_WATER))
            server = listener(context, SERVER, PEER_DOMAIN, address, high_water=HIGH_WATER)
            await until(lambda: events(client) & zmq.POLLOUT)
            assert send(client, [b"fresh"])
            await until(lambda: server.poll(0))
            assert server.recv_multipart()[1:] == [b"fresh"]
            assert not server.poll(0)

    run(main())


def test_a_wrong_server_key_makes_no_storm() -> None:
    """Trap 8: each failed handshake is followed by a pause, which libzmq announces in ms."""

    async def main() -> None:
        async with gate() as context:
            server = listener(context, SERVER, PEER_DOMAIN, LOCAL, high_water=HIGH_WATER)
            wrong = CurveKeys.generate().public
            client = dialer(context, CLIENT, wrong, endpoint(server), high_water=HIGH_WATER)
            said = client.get_monitor_socket(zmq.EVENT_CONNECT_RETRIED)
            pauses: list[int] = []
            while len(pauses) < 3:
                await until(lambda: said.poll(0))
                pauses.append(parse_monitor_message(said.recv_multipart())["value"])
            assert min(pauses) >= 200, pauses
            assert not server.poll(0)

    run(main())
