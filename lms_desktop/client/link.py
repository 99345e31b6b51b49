"""The local link: how the app talks to the node of this machine.

Sockets live on one background thread with its own selector asyncio loop, so that neither Qt's thread nor
qasync's Proactor loop carries any. `Link.call` may be awaited from any asyncio loop. All verbs are
idempotent: after a node restart the link finds the new port in link.json, says hello, subscribes, and resends
the calls still in flight.
"""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

from lms_desktop import __version__
from lms_desktop.client.errors import IncompatibleNode, NodeRefused, NodeUnreachable
from lms_desktop.client.protocol import (
    EVERYTHING,
    PROTOCOL_VERSION,
    VERSION_BYTE,
    Changed,
    Event,
    LinkChanged,
    NodeInfo,
    event_from_wire,
)
from lms_desktop.trust.wire import WireError, pack, unpack

MAX_FRAME = 2 * 1024 * 1024
MAX_CALLS_IN_FLIGHT = 256
HELLO_DEADLINE_S = 3.0
RETRY_S = 0.1
_HELLO_ID, _SUBSCRIBE_ID, _FIRST_CALL_ID = 1, 2, 3

log = logging.getLogger(__name__)

Subscriber = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class _Address:
    port: int
    public: bytes
    pid: int
    protocols: tuple[int, int]


@dataclass(slots=True)
class _Call:
    frame: bytes
    reply: asyncio.Future[Any]


def read_address(data: Path) -> _Address | None:
    """Where the node of this data folder listens, as it wrote in link.json; None while there is no node."""
    try:
        document = json.loads((data / "link.json").read_bytes())
        low, high = document["protocol"]
        return _Address(
            int(document["port"]), document["public"].encode("ascii"), int(document["pid"]), (low, high)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


class Link:
    """One connection to the node whose data folder is `data`; reconnects for as long as it is open."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.node: NodeInfo | None = None
        self._subscribers: list[Subscriber] = []
        self._calls: dict[int, _Call] = {}
        self._next_id = _FIRST_CALL_ID
        self._socket: zmq.asyncio.Socket | None = None
        self._incompatible: IncompatibleNode | None = None
        self._stop = asyncio.Event()
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._run, name="lms-link", daemon=True)

    @property
    def connected(self) -> bool:
        """True while the node answers."""
        return self._socket is not None

    def start(self) -> None:
        """Start the thread; calls made before the node is there wait for it until their deadline."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; calls in flight fail with NodeUnreachable. May be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(5.0)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Hand each event to `subscriber`, on the link's thread; returns the function that ends this."""
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._subscribers.remove(subscriber)

        return unsubscribe

    async def call(self, verb: str, *args: Any, timeout_s: float = 10.0) -> Any:
        """Ask the node; returns its value.

        Raises NodeRefused with the node's code, NodeUnreachable past the deadline, IncompatibleNode.
        """
        if not self._thread.is_alive():
            raise _unreachable()
        future = asyncio.run_coroutine_threadsafe(self._call(verb, args, timeout_s), self._loop)
        return await asyncio.wrap_future(future)

    async def hello(self, *, timeout_s: float = 10.0) -> NodeInfo:
        """Ask the node who it is, afresh: the school may have been founded or joined since."""
        self.node = NodeInfo.from_wire(await self.call("hello", __version__, timeout_s=timeout_s))
        return self.node

    # The rest runs on the link's own thread.

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _call(self, verb: str, args: tuple[Any, ...], timeout_s: float) -> Any:
        if self._incompatible is not None:
            raise self._incompatible
        if len(self._calls) >= MAX_CALLS_IN_FLIGHT:
            raise NodeRefused(
                "busy", "Too much at once for the node.", next_step="Wait a moment and try again."
            )
        number = self._next_id
        self._next_id += 1
        call = _Call(VERSION_BYTE + pack((number, verb, args)), self._loop.create_future())
        self._calls[number] = call
        try:
            async with asyncio.timeout(timeout_s):
                if self._socket is not None:
                    # Never waits: what does not go out now goes with the others over the next connection.
                    with contextlib.suppress(zmq.ZMQError):
                        await self._socket.send(call.frame, zmq.NOBLOCK)
                return await call.reply
        except TimeoutError:
            raise _unreachable(verb) from None
        finally:
            del self._calls[number]

    async def _serve(self) -> None:
        context = zmq.asyncio.Context()
        stopping = asyncio.create_task(self._stop.wait())
        connecting = asyncio.create_task(self._keep_connected(context))
        try:
            await asyncio.wait({stopping, connecting}, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                connecting.result()
        finally:
            for task in (stopping, connecting):
                task.cancel()
            await asyncio.gather(stopping, connecting, return_exceptions=True)
            for call in self._calls.values():
                if not call.reply.done():
                    call.reply.set_exception(_unreachable())
            await asyncio.sleep(0)  # lets the callers take their exception before the loop ends
            context.destroy(linger=0)

    async def _keep_connected(self, context: zmq.asyncio.Context) -> None:
        while True:
            address = read_address(self.data)
            if address is not None:
                try:
                    await self._connection(context, address)
                except (WireError, NodeRefused, zmq.ZMQError, TimeoutError) as error:
                    log.warning("local link: %s", str(error) or "the node does not say hello")
            await asyncio.sleep(RETRY_S)

    async def _connection(self, context: zmq.asyncio.Context, address: _Address) -> None:
        """One socket's life: connect, hello, subscribe, resend, receive until the node goes away."""
        low, high = address.protocols
        if not low <= PROTOCOL_VERSION <= high:
            self._fail_all(
                IncompatibleNode(
                    f"This app speaks version {PROTOCOL_VERSION} of the local protocol, "
                    f"the node versions {low} to {high}.",
                    next_step="Update LMS Desktop on this computer, then start it again.",
                )
            )
            return
        self._incompatible = None
        socket = context.socket(zmq.DEALER)
        public, secret = zmq.curve_keypair()
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, MAX_FRAME),
            (zmq.HANDSHAKE_IVL, 5000),
            (zmq.HEARTBEAT_IVL, 2000),
            (zmq.HEARTBEAT_TIMEOUT, 6000),
            (zmq.RECONNECT_IVL, -1),
        ):
            socket.setsockopt(option, value)
        socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = (
            public,
            secret,
            address.public,
        )
        monitor = socket.get_monitor_socket(
            zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
        )
        gone = asyncio.create_task(_wait_gone(monitor))
        talking = asyncio.create_task(self._talk(socket, address))
        try:
            await asyncio.wait({gone, talking}, return_when=asyncio.FIRST_COMPLETED)
            if talking.done():
                talking.result()
        finally:
            was_connected, self._socket = self._socket is not None, None
            for task in (gone, talking):
                task.cancel()
            await asyncio.gather(gone, talking, return_exceptions=True)
            socket.disable_monitor()
            monitor.close(linger=0)
            socket.close(linger=0)
            if was_connected:
                self._emit(LinkChanged(connected=False))

    async def _talk(self, socket: zmq.asyncio.Socket, address: _Address) -> None:
        socket.connect(f"tcp://127.0.0.1:{address.port}")
        await socket.send(VERSION_BYTE + pack((_HELLO_ID, "hello", (__version__,))))
        async with asyncio.timeout(HELLO_DEADLINE_S):
            number, status, value = _parse(await socket.recv())
        if number != _HELLO_ID or status != 0:
            raise NodeRefused("bad_reply", "The node refused this app.", next_step="Update LMS Desktop.")
        self.node = NodeInfo.from_wire(value)
        await socket.send(VERSION_BYTE + pack((_SUBSCRIBE_ID, "subscribe", ())))
        for call in list(self._calls.values()):
            await socket.send(call.frame)
        self._socket = socket
        self._emit(LinkChanged(connected=True))
        self._emit(Changed(EVERYTHING, 0))
        while True:
            self._receive(await socket.recv())

    def _receive(self, frame: bytes) -> None:
        number, status, value = _parse(frame)
        if number == 0:
            if isinstance(status, str):
                event = event_from_wire(status, value)
                if event is not None:
                    self._emit(event)
            return
        call = self._calls.get(number)
        if call is None or call.reply.done():
            return
        if status == 0:
            call.reply.set_result(value)
        else:
            code, message = value if isinstance(value, tuple) and len(value) == 2 else ("error", str(value))
            call.reply.set_exception(NodeRefused(str(code), str(message)))

    def _fail_all(self, error: IncompatibleNode) -> None:
        self._incompatible = error
        for call in self._calls.values():
            if not call.reply.done():
                call.reply.set_exception(error)

    def _emit(self, event: Event) -> None:
        for subscriber in list(self._subscribers):
            try:
                subscriber(event)
            except Exception:
                log.exception("a subscriber of the local link failed")


async def _wait_gone(monitor: zmq.asyncio.Socket) -> None:
    """Return at the first event that says that the connection ended or could not be made."""
    while True:
        message = parse_monitor_message(await monitor.recv_multipart())
        log.debug("local link: %s", message["event"])
        return


def _parse(frame: bytes) -> tuple[Any, Any, Any]:
    if frame[:1] != VERSION_BYTE:
        raise WireError("the node speaks another version of the local protocol")
    value = unpack(frame[1:], limit=MAX_FRAME)
    if not isinstance(value, tuple) or len(value) != 3:
        raise WireError("the node sent a frame of another shape")
    return value


def _unreachable(verb: str = "") -> NodeUnreachable:
    return NodeUnreachable(
        "The LMS Desktop service on this computer does not answer.",
        where=verb,
        next_step="What you saved is kept. Wait a moment and try again, or restart the service.",
    )
