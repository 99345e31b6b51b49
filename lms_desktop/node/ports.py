"""A port that peers connect to, and calls to another machine's files port."""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import zmq

from lms_desktop.node.admission import PEER_DOMAIN
from lms_desktop.node.errors import PeerError, PortInUse
from lms_desktop.node.sockets import MAX_MESSAGE, Context, Reader, dialer, events, listener, send
from lms_desktop.trust.primitives import CurveKeys
from lms_desktop.trust.wire import Packable, Value, WireError, pack, unpack_array

FILES_QUEUE = 8
WAITING_PER_PEER = 64
Fields = tuple[Value, ...]


class Listener:
    """A ROUTER on one port that can be bound anew, and that waits a little for room before it gives an answer
    up."""

    PATIENCE_S = 5.0

    def __init__(
        self,
        context: Context,
        loop: asyncio.AbstractEventLoop,
        keys: CurveKeys,
        address: str,
        queue: int,
        receive: Callable[["Listener"], None],
    ) -> None:
        self._loop = loop
        self._receive = receive
        self._context = context
        self._keys = keys
        self._queue = queue
        self._open(address)
        self.address = cast(bytes, self.socket.getsockopt(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode("ascii")

    def _open(self, address: str) -> None:
        self.socket = listener(self._context, self._keys, PEER_DOMAIN, address, high_water=self._queue)
        self._reader = Reader(self._loop, self.socket, lambda: self._receive(self))

    async def rebind(self) -> None:
        """Drop all connections and listen at the same address again. Raises PortInUse after 5 s of trying."""
        self._reader.close()
        give_up = self._loop.time() + self.PATIENCE_S
        while True:
            try:
                self._open(self.address)
                return
            except PortInUse:
                if self._loop.time() > give_up:
                    raise
            await asyncio.sleep(0.01)  # libzmq closes the old socket in a thread of its own

    def close(self) -> None:
        self._reader.close()

    async def send(self, frames: Sequence[bytes]) -> bool:
        """Send an answer; False when its receiver is gone or takes nothing for 5 s."""
        give_up = self._loop.time() + self.PATIENCE_S
        while not self.socket.closed:
            try:
                self.socket.send_multipart(frames, zmq.NOBLOCK)
                self._reader.recheck()
                return True
            except zmq.Again:
                if self._loop.time() > give_up:
                    return False
                await asyncio.sleep(0.01)
            except zmq.ZMQError as error:
                if error.errno == zmq.EHOSTUNREACH:
                    return False
                raise
        return False


class Caller:
    """One DEALER for requests to one address. Requests made before it is connected leave once it is."""

    def __init__(
        self,
        context: Context,
        loop: asyncio.AbstractEventLoop,
        keys: CurveKeys,
        server_key: bytes,
        address: str,
    ) -> None:
        self._loop = loop
        self._address = address
        self._socket = dialer(context, keys, server_key, address, high_water=FILES_QUEUE)
        self._reader = Reader(loop, self._socket, self._receive)
        self._waiting: dict[int, asyncio.Future[Fields]] = {}
        self._number = 0

    async def request(self, header: bytes, verb: int, fields: Sequence[Packable], timeout_s: float) -> Fields:
        """Send and wait for the answer; raises PeerError."""
        if len(self._waiting) >= WAITING_PER_PEER:
            raise PeerError("busy", "Too many requests to this machine are waiting", where=self._address)
        self._number += 1
        number = self._number
        body = pack([number, verb, *fields])
        future: asyncio.Future[Fields] = self._loop.create_future()
        self._waiting[number] = future
        sent = False
        try:
            async with asyncio.timeout(timeout_s):
                while not (sent := send(self._socket, (header, body))):
                    await asyncio.sleep(0.01)
                    if future.done():
                        break
                self._reader.recheck()
                return await future
        except TimeoutError:
            code, words = ("timeout", "did not answer") if sent else ("unreachable", "cannot be reached")
            raise PeerError(
                code,
                f"The machine {words} within {timeout_s:g} s",
                where=self._address,
                next_step="Check that it is switched on and on the network.",
            ) from None
        finally:
            del self._waiting[number]

    def dial_at_once(self) -> None:
        """If it is not connected, try now rather than at the end of the back-off."""
        if not events(self._socket) & zmq.POLLOUT:
            self._socket.disconnect(self._address)
            self._socket.connect(self._address)
        self._reader.recheck()

    def close(self) -> None:
        self._reader.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(
                    PeerError("unreachable", "The connection was given up", where=self._address)
                )

    def _receive(self) -> None:
        frames = self._socket.recv_multipart(zmq.NOBLOCK)
        try:
            if len(frames) != 2:
                return
            number, status, *fields = unpack_array(frames[1], limit=MAX_MESSAGE)
        except (WireError, ValueError):
            return  # the machine whose key is pinned speaks garbage: the request runs into its deadline
        future = self._waiting.get(number) if type(number) is int else None
        if future is None or future.done():
            return  # its answer came after the deadline
        if status == 0:
            future.set_result(tuple(fields))
        else:
            reason = [str(field) for field in fields] if len(fields) == 2 else ["failed", "It gave no reason"]
            future.set_exception(PeerError(*reason, where=self._address))
