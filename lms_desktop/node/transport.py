"""The links between machines: one-way messages on the consensus port, requests on the files port.

Each machine listens with a ROUTER on both ports and dials every peer with a DEALER per port, so that chunks
of files never delay a heartbeat. Every message is two frames: a header, the same for the whole run of a node,
and a body.

    header = b"\\x01" + pack([cluster_id, epoch, machine, incarnation, boot, nonce])
    body   = pack([verb, ...]) on the consensus port; pack([request, verb, ...]) and pack([request, status,
    ...]) on
             the files port (status 0: the answer follows; 1: an error's code and words follow)

Who sent a message is told by the CURVE key that libzmq authenticated, never by a routing id; a header that
names another machine than the key's is dropped. Everything dropped is counted by reason in
`PeerLinks.dropped`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgpack
import zmq

from lms_desktop.node.admission import Admission
from lms_desktop.node.errors import PeerError
from lms_desktop.node.identity import Identity
from lms_desktop.node.ports import FILES_QUEUE, Caller, Listener
from lms_desktop.node.ports import Fields as Fields
from lms_desktop.node.sockets import MAX_MESSAGE, Context, dialer, events, send
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.wire import Packable, pack, unpack_array

PROTOCOL = b"\x01"
JOIN = 1
"""The one verb that a join token's key may use."""

CONSENSUS_QUEUE = 64
SERVED_PER_PEER = 16
MAX_FIELDS = 1024
"""Of any array in a one-way message: msgpack allocates what an array claims before it reads on."""
DELAYED_MS = 10_000
REDIAL_S = 1.0
MALFORMED = "malformed"
UNKNOWN_VERSION = "of an unknown version"
OTHER_SCHOOL = "of another school"
OTHER_EPOCH = "of another epoch"
OTHER_MACHINE = "claiming another machine"
OUT_OF_PLACE = "with a join token out of place"
NO_KEEPER = "leading without being a keeper"
TWO_RUNS = "of one run by two processes"
"""Reasons in `PeerLinks.dropped` that no machine in order gives."""
_log = logging.getLogger(__name__)


class BadMessage(Exception):
    """A peer's message has not the fields that its verb has."""


@dataclass(frozen=True, slots=True)
class Header:
    """Who speaks: a machine (0: not enrolled yet) in one run of one of its lives."""

    cluster_id: bytes
    epoch: int
    machine: int
    incarnation: bytes
    boot: int
    nonce: bytes

    def encode(self) -> bytes:
        return PROTOCOL + pack(
            [self.cluster_id, self.epoch, self.machine, self.incarnation, self.boot, self.nonce]
        )

    @classmethod
    def decode(cls, frame: bytes) -> "Header":
        """Raises BadMessage, WireError."""
        fields = unpack_array(frame[1:], limit=256)
        match fields:
            case (bytes(cluster), int(epoch), int(machine), bytes(life), int(boot), bytes(nonce)) if (
                len(cluster),
                len(life),
                len(nonce),
            ) == (32, 16, 16):
                return cls(cluster, epoch, machine, life, boot, nonce)
        raise BadMessage("a header has six fields")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a message: the machine whose key it is (or 0 and the number of a join token), and its
    header."""

    machine: int
    token: int
    header: Header


@dataclass(frozen=True, slots=True)
class Peer:
    """Where another machine listens, and the CURVE key (Z85) that it must prove."""

    curve_public: bytes
    host: str
    port: int
    files_port: int


OnMessage = Callable[[Sender, Fields], None]
OnRequest = Callable[[Sender, Fields], Awaitable[Sequence[Packable]]]


class PeerLinks:
    """Both links of one node; lives on its loop. `on` and `serve` register verbs; `set_peers` says who is
    where."""

    def __init__(
        self,
        context: Context,
        loop: asyncio.AbstractEventLoop,
        admission: Admission,
        identity: Identity,
        now_ms: Callable[[], int],
    ) -> None:
        self._context = context
        self._loop = loop
        self._admission = admission
        self._identity = identity
        self._now_ms = now_ms
        self._header: Header | None = None
        self._header_frame = b""
        self._listeners: dict[str, Listener] = {}
        self._addresses: dict[str, str] = {}
        self._peers: dict[int, Peer] = {}
        self._dialers: dict[int, zmq.Socket[bytes]] = {}
        self._dialled: dict[int, float] = {}
        self._redials: dict[int, asyncio.TimerHandle] = {}
        self._kept: tuple[int, ...] = ()
        self._callers: dict[int, Caller] = {}
        self._messages: dict[int, OnMessage] = {}
        self._requests: dict[int, OnRequest] = {}
        self._headers: dict[bytes, tuple[bytes, Header]] = {}
        self._runs: dict[int, tuple[Header, int]] = {}
        self._served: Counter[bytes] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self.dropped: Counter[str] = Counter()
        """How many messages were dropped, by reason."""
        self.on_new_run: Callable[[int], None] = lambda machine: None
        """Called with a machine's number when it is first heard after its start."""

        admission.on_admitted = self._dial_at_once

    # --- set-up ---

    def listen(self, consensus: str, files: str) -> tuple[int, int]:
        """Bind both ports (`tcp://host:port`, port `*` for any free one); returns them. Raises PortInUse."""
        for name, address, queue, receive in (
            ("consensus", consensus, CONSENSUS_QUEUE, self._receive_message),
            ("files", files, FILES_QUEUE, self._receive_request),
        ):
            listening = Listener(self._context, self._loop, self._identity.curve, address, queue, receive)
            self._listeners[name] = listening
            self._addresses[name] = listening.address
        ports = [int(address.rpartition(":")[2]) for address in self._addresses.values()]
        return ports[0], ports[1]

    def introduce(self, header: Header) -> None:
        """What this node says of itself from now on; nothing is sent or taken before."""
        self._header = header
        self._header_frame = header.encode()
        self._headers.clear()

    def on(self, verb: int, handler: OnMessage) -> None:
        """Deliver one-way messages of a verb. A handler raises BadMessage or TrustError for a malformed
        one."""
        self._messages[verb] = handler

    def serve(self, verb: int, handler: OnRequest) -> None:
        """Answer requests of a verb. A handler raises PeerError to refuse with a code and words."""
        self._requests[verb] = handler

    def set_peers(self, peers: Mapping[int, Peer]) -> None:
        """The other machines and where they are; connections to those that are gone or moved are closed."""
        for machine, peer in list(self._peers.items()):
            if peers.get(machine) != peer:
                self._hang_up(machine)
        self._peers = dict(peers)
        self.keep_dialled(self._kept)
        for machine in {*self._dialers, *self._callers}:
            self._dial_at_once(machine)

    def keep_dialled(self, machines: Sequence[int]) -> None:
        """Connect to these without waiting for a first message, which would be lost: the voters."""
        self._kept = tuple(machines)
        for machine in self._kept:
            self._dialer(machine)

    async def rebind(self) -> None:
        """Drop every incoming connection, after a machine was removed: its own does not come back."""
        for listening in self._listeners.values():
            await listening.rebind()

    @property
    def peers(self) -> Mapping[int, Peer]:
        return self._peers

    def run_of(self, machine: int) -> Header | None:
        """The header that a machine was last heard with, in this run of ours."""
        known = self._runs.get(machine)
        return known[0] if known else None

    def last_heard_ms(self, machine: int) -> int | None:
        """When a message of that machine last came, ms UTC."""
        known = self._runs.get(machine)
        return known[1] if known else None

    async def close(self) -> None:
        """Close all sockets and end what is being served."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for machine in list(self._peers):
            self._hang_up(machine)
        for listening in self._listeners.values():
            listening.close()

    # --- sending ---

    def send(self, machine: int, verb: int, fields: Sequence[Packable]) -> bool:
        """Send a one-way message; False where it cannot leave now (no connection, queue full, unknown
        machine)."""
        return self.send_packed(machine, pack([verb, *fields]))

    def send_packed(self, machine: int, body: bytes) -> bool:
        """`send` of a body that is packed already."""
        socket = self._dialers.get(machine) or self._dialer(machine)
        if socket is None:
            return False
        if not send(socket, (self._header_frame, body)):
            self.dropped["not sent"] += 1
            return False
        return True

    def _dialer(self, machine: int) -> zmq.Socket[bytes] | None:
        """The consensus connection to a machine, begun if need be; None while nobody knows where it is."""
        socket = self._dialers.get(machine)
        peer = self._peers.get(machine)
        if socket is None and peer is not None and self._header is not None:
            try:
                socket = dialer(
                    self._context,
                    self._identity.curve,
                    peer.curve_public,
                    f"tcp://{peer.host}:{peer.port}",
                    high_water=CONSENSUS_QUEUE,
                )
            except PeerError:
                self.dropped["no address"] += 1
                return None
            self._dialers[machine] = socket
            self._dialled[machine] = self._loop.time()
        return socket

    async def request(self, machine: int, verb: int, fields: Sequence[Packable], timeout_s: float) -> Fields:
        """Ask a machine on its files port. Raises PeerError: `unreachable`, `timeout`, or the code it refused
        with."""
        caller = self._callers.get(machine)
        if caller is None:
            peer = self._peers.get(machine)
            if peer is None or self._header is None:
                raise PeerError("unreachable", f"Machine {machine} is not known here")
            caller = Caller(
                self._context,
                self._loop,
                self._identity.curve,
                peer.curve_public,
                f"tcp://{peer.host}:{peer.files_port}",
            )
            self._callers[machine] = caller
        return await caller.request(self._header_frame, verb, fields, timeout_s)

    def _dial_at_once(self, machine: int) -> None:
        """Dial anew if there is no connection: the machine is there (it has connected to us), or it may know
        us by now (libzmq takes a refusal as final). Not twice a second, but then a little later: two machines
        that answer each other's dialling by dialling would never get through."""
        peer = self._peers.get(machine)
        pending = self._redials.pop(machine, None)
        if pending is not None:
            pending.cancel()
        if peer is None:
            return
        now = self._loop.time()
        due = self._dialled.get(machine, 0.0) + REDIAL_S
        if now < due:
            self._redials[machine] = self._loop.call_at(due, self._dial_at_once, machine)
            return
        self._dialled[machine] = now
        socket = self._dialers.get(machine)
        if socket is not None and not events(socket) & zmq.POLLOUT:
            socket.disconnect(f"tcp://{peer.host}:{peer.port}")
            socket.connect(f"tcp://{peer.host}:{peer.port}")
        caller = self._callers.get(machine)
        if caller is not None:
            caller.dial_at_once()

    def _hang_up(self, machine: int) -> None:
        pending = self._redials.pop(machine, None)
        if pending is not None:
            pending.cancel()
        socket = self._dialers.pop(machine, None)
        if socket is not None:
            socket.close(linger=0)
        caller = self._callers.pop(machine, None)
        if caller is not None:
            caller.close()

    # --- receiving ---

    def _receive_message(self, listening: "Listener") -> None:
        frames = listening.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        try:
            sender = self._sender(frames)
            if sender is None:
                return
            if sender.token:
                self.dropped[OUT_OF_PLACE] += 1
                return
            verb, *fields = _unpack_message(frames[2].bytes)
            handler = self._messages.get(verb) if type(verb) is int else None
            if handler is None:
                self.dropped["unknown verb"] += 1
                return
            handler(sender, tuple(fields))
        except (BadMessage, TrustError, ValueError):
            self.dropped[MALFORMED] += 1
        except Exception:
            self.dropped["failed"] += 1
            _log.exception("a message of a peer could not be handled")

    def _receive_request(self, listening: "Listener") -> None:
        frames = listening.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        try:
            sender = self._sender(frames)
            if sender is None:
                return
            number, verb, *fields = unpack_array(frames[2].bytes, limit=MAX_MESSAGE)
            if type(number) is not int or type(verb) is not int:
                raise BadMessage("a request starts with its number and verb")
            if sender.token and verb != JOIN:
                self.dropped[OUT_OF_PLACE] += 1
                return
            key = _key(frames)
            if self._served[key] >= SERVED_PER_PEER:
                self.dropped["too many requests"] += 1
                return
            self._served[key] += 1
            route = frames[0].bytes
            task = self._loop.create_task(
                self._answer(listening, route, key, sender, number, verb, tuple(fields))
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        except (BadMessage, TrustError, ValueError):
            self.dropped[MALFORMED] += 1
        except Exception:
            self.dropped["failed"] += 1
            _log.exception("a request of a peer could not be handled")

    def _sender(self, frames: list[zmq.Frame]) -> Sender | None:
        """Who sent this, None where it is dropped. Raises BadMessage, WireError for a malformed header."""
        if len(frames) != 3 or self._header is None:
            raise BadMessage("a message has a header and a body")
        key = _key(frames)
        machine = self._admission.machine(key) or 0
        token = 0 if machine else self._admission.token(key) or 0
        if not machine and not token:
            self.dropped["not a member"] += 1
            return None
        frame = frames[1].bytes
        known = self._headers.get(key)
        if known is not None and known[0] == frame:
            header = known[1]
        else:
            if frame[:1] != PROTOCOL:
                self.dropped[UNKNOWN_VERSION] += 1
                return None
            header = Header.decode(frame)
            self._headers[key] = frame, header  # bounded: one for each admitted key
        if header.cluster_id != self._header.cluster_id:
            self.dropped[OTHER_SCHOOL] += 1
        elif header.machine != machine:
            self.dropped[OTHER_MACHINE] += 1
        elif header.epoch != self._header.epoch and not token:
            self.dropped[OTHER_EPOCH] += 1
        elif machine and not self._same_run(machine, header):
            self.dropped["delayed from an earlier run"] += 1
        else:
            return Sender(machine, token, header)
        return None

    def _same_run(self, machine: int, header: Header) -> bool:
        """Keep whose run this is. A lower boot counter is a late message of an earlier run, unless the later
        run has been silent for a while: then the machine's disk was set back, which is counted and left to
        Raft's pairs."""
        now = self._now_ms()
        known = self._runs.get(machine)
        if known is None or known[0] is not header:
            last = known[0] if known else None
            if last is not None and last.boot == header.boot and last.nonce != header.nonce:
                self.dropped[TWO_RUNS] += 1  # taken all the same: which of the twins is right, nobody knows
            if last is not None and last.incarnation == header.incarnation and header.boot < last.boot:
                if known is not None and now - known[1] < DELAYED_MS:
                    return False
                self.dropped["(taken) set back to an earlier run"] += 1
            if last is None or last.nonce != header.nonce:
                self._runs[machine] = header, now
                if last is not None:
                    self._hang_up(machine)  # it restarted: what was under way to its earlier run is lost
                    self.keep_dialled(self._kept)
                self.on_new_run(machine)
        self._runs[machine] = header, now
        return True

    async def _answer(
        self,
        listening: "Listener",
        route: bytes,
        key: bytes,
        sender: Sender,
        number: int,
        verb: int,
        fields: Fields,
    ) -> None:
        handler = self._requests.get(verb)
        answer: list[Packable]
        try:
            if handler is None:
                raise PeerError("unknown_verb", f"This machine does not know request {verb}")
            answer = [number, 0, *await handler(sender, fields)]
        except PeerError as error:
            answer = [number, 1, error.code, str(error)]
        except (BadMessage, TrustError, ValueError) as error:
            self.dropped[MALFORMED] += 1
            answer = [number, 1, "malformed", str(error)]
        except Exception:
            self.dropped["failed"] += 1
            _log.exception("a request of a peer failed")
            answer = [number, 1, "failed", "The other machine could not do this; its log says why"]
        finally:
            self._served[key] -= 1
            if not self._served[key]:
                del self._served[key]
        if not await listening.send((route, self._header_frame, pack(answer))):
            self.dropped["not sent"] += 1


def _unpack_message(body: bytes) -> Fields:
    """The fields of a one-way message. Nothing in it is signed or stored as it came, so it need not be
    canonical; its handler checks the type of every field. Raises BadMessage."""
    try:
        fields = msgpack.unpackb(
            body, raw=False, use_list=False, max_array_len=MAX_FIELDS, max_map_len=0, max_ext_len=0
        )
    except (ValueError, RecursionError, msgpack.UnpackException) as error:
        raise BadMessage("a body is msgpack without maps and extensions") from error
    if type(fields) is not tuple:
        raise BadMessage("a body is an array")
    return fields


def _key(frames: list[zmq.Frame]) -> bytes:
    """The CURVE key (Z85) that libzmq authenticated for this message."""
    return cast(str, frames[-1].get("User-Id")).encode("ascii")
