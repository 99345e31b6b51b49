"""ZeroMQ sockets on an asyncio selector loop, without zmq.asyncio (which halves throughput).

A socket's FD is edge-triggered: it becomes readable once for many messages, and sending may swallow the edge.
So a reader drains with NOBLOCK until nothing is left, and looks at EVENTS again after sending.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import zmq

from lms_desktop.node.errors import PeerError, PortInUse
from lms_desktop.trust.primitives import CurveKeys

DRAIN_LIMIT = 256
"""Messages that one socket may deliver before the others get their turn."""

MAX_MESSAGE = 2 << 20
NOBLOCK = int(zmq.NOBLOCK)  # as plain numbers: combining flags of pyzmq's enum costs microseconds
SNDMORE = int(zmq.SNDMORE) | NOBLOCK
Context = zmq.Context[zmq.Socket[bytes]]


class Reader:
    """Calls `receive()` for each waiting message; `receive` raises zmq.Again when there is none.

    It must not raise anything else: the rest of the messages would wait for the next edge.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, socket: zmq.Socket[bytes], receive: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._socket = socket
        self._receive = receive
        self._planned = False
        self._closed = False
        self._descriptor = cast(int, socket.getsockopt(zmq.FD))
        loop.add_reader(self._descriptor, self._drain)
        self.recheck()

    def recheck(self) -> None:
        """To be called after sending on the socket."""
        if not self._planned and not self._closed and events(self._socket) & zmq.POLLIN:
            self._planned = True
            self._loop.call_soon(self._drain)

    def close(self) -> None:
        """Stop reading and close the socket."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._descriptor)
            self._socket.close(linger=0)

    def _drain(self) -> None:
        self._planned = False
        try:
            for _ in range(DRAIN_LIMIT):
                if self._closed:
                    return
                self._receive()
        except zmq.Again:
            return
        self._planned = True
        self._loop.call_soon(self._drain)


def listener(
    context: Context,
    keys: CurveKeys,
    domain: bytes,
    address: str,
    *,
    high_water: int,
) -> zmq.Socket[bytes]:
    """A bound ROUTER that admits whom the ZAP handler of this context lets in, and nobody when there is none.

    Raises PortInUse when the address cannot be bound.
    """
    socket = context.socket(zmq.ROUTER)
    _bound(socket, high_water)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.ROUTER_HANDOVER, 0)
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
    socket.setsockopt(zmq.ZAP_DOMAIN, domain)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        raise PortInUse(
            f"This node cannot listen: {zmq.strerror(error.errno or 0).lower()}",
            where=address,
            next_step="Stop the program that uses the port, or choose another one (--port, --files-port).",
        ) from error
    return socket


def dialer(
    context: Context,
    keys: CurveKeys,
    server_key: bytes,
    address: str,
    *,
    high_water: int,
) -> zmq.Socket[bytes]:
    """A DEALER that keeps connecting to the one server whose key is pinned, ever more rarely while it
    fails. Raises PeerError (`unreachable`) for what is no address: machines choose what they say of
    themselves."""
    socket = context.socket(zmq.DEALER)
    _bound(socket, high_water)
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.RECONNECT_IVL, 200)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 10_000)
    socket.setsockopt(zmq.CURVE_SERVERKEY, server_key)
    socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        raise PeerError(
            "unreachable",
            f"This is no address to connect to: {error.strerror}",
            where=address,
            next_step="Restart that machine's node with an address of its own (--host).",
        ) from error
    return socket


def _bound(socket: zmq.Socket[bytes], high_water: int) -> None:
    """What every socket has: bounds on messages and queues, deadlines on handshakes and silence."""
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
    socket.setsockopt(zmq.SNDHWM, high_water)
    socket.setsockopt(zmq.RCVHWM, high_water)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 5_000)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 2_000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 6_000)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 6_000)


def events(socket: zmq.Socket[bytes]) -> int:
    """POLLIN and POLLOUT as they are now; a dialer has POLLOUT only while it is connected."""
    return cast(int, socket.getsockopt(zmq.EVENTS))


def receive_two(socket: zmq.Socket[bytes]) -> tuple[bytes, bytes] | None:
    """The next message of two frames; None for one of more. Raises zmq.Again.

    On the hottest path: `recv_multipart` takes three times as long.
    """
    first = socket.recv(NOBLOCK)
    second = socket.recv(NOBLOCK)
    if not socket.getsockopt(zmq.RCVMORE):
        return first, second
    while socket.getsockopt(zmq.RCVMORE):
        socket.recv(NOBLOCK)
    return None


def send(socket: zmq.Socket[bytes], frames: Sequence[bytes]) -> bool:
    """Hand over a message without waiting; False where there is no connection or its queue is full."""
    try:
        for frame in frames[:-1]:
            socket.send(frame, SNDMORE)
        socket.send(frames[-1], NOBLOCK)
    except zmq.ZMQError as error:
        if error.errno in (zmq.EAGAIN, zmq.EHOSTUNREACH):
            return False
        raise
    return True
