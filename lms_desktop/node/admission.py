"""Who may connect: the ZAP handler of the node's ZeroMQ context, and the list that it and every message is
held to.

It runs on the node's loop over raw ZAP frames (RFC 27 of ZeroMQ), because pyzmq's own authenticator does not
tell the address of whom it refuses. Peers are admitted by their CURVE key only: machines of the ledger, and
the keys of join tokens, which the transport lets do nothing but join. The local link admits any key: it
grants nothing. The tutor's socket admits the key that was made for its worker.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import zmq

from lms_desktop.node.sockets import Context, Reader, send
from lms_desktop.trust.primitives import z85_encode

PEER_DOMAIN = b"lms-peer"
LOCAL_DOMAIN = b"lms-local"
WORKER_DOMAIN = b"lms-tutor"
MAX_REFUSALS = 64
_ENDPOINT = "inproc://zeromq.zap.01"
_VERSION = b"1.0"


@dataclass(frozen=True, slots=True)
class AllowList:
    """CURVE public keys (Z85) of whom the ledger knows: machines by number, join tokens by number."""

    machines: Mapping[bytes, int] = field(default_factory=lambda: MappingProxyType({}))
    tokens: Mapping[bytes, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A key that tried to connect and may not; times in ms UTC."""

    key: bytes
    address: str
    reason: str
    first_ms: int
    last_ms: int
    count: int


class Admission:
    """The gate. `allow` swaps the whole list at once; `refusals` remembers the last attempts of strangers."""

    def __init__(
        self,
        context: Context,
        loop: asyncio.AbstractEventLoop,
        now_ms: Callable[[], int],
    ) -> None:
        self._now_ms = now_ms
        self._allowed = AllowList()
        self._refusals: dict[tuple[bytes, str], Refusal] = {}
        self.on_admitted: Callable[[int], None] = lambda machine: None
        """Called with a machine's number when it has just connected."""
        self.workers: set[bytes] = set()
        """CURVE keys (Z85) of the tutor's workers that run now."""
        self._socket: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(_ENDPOINT)
        self._reader = Reader(loop, self._socket, self._receive)

    def close(self) -> None:
        self._reader.close()

    def allow(self, allowed: AllowList) -> None:
        """From now on these, and nobody else."""
        self._allowed = allowed
        for known in [known for known in self._refusals if known[0] in allowed.machines]:
            del self._refusals[known]

    def machine(self, key: bytes) -> int | None:
        """The machine whose CURVE key (Z85) this is, None for a stranger: asked for every message."""
        return self._allowed.machines.get(key)

    def token(self, key: bytes) -> int | None:
        """The join token whose CURVE key this is."""
        return self._allowed.tokens.get(key)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Attempts of strangers, the latest last, at most 64."""
        return tuple(sorted(self._refusals.values(), key=lambda refusal: refusal.last_ms))

    def refuse(self, key: bytes, address: str, reason: str) -> None:
        """Note an attempt."""
        now = self._now_ms()
        known = self._refusals.pop((key, address), None)
        if known is None:
            known = Refusal(key, address, reason, now, now, 0)
        self._refusals[key, address] = replace(known, reason=reason, last_ms=now, count=known.count + 1)
        while len(self._refusals) > MAX_REFUSALS:
            del self._refusals[next(iter(self._refusals))]

    def _receive(self) -> None:
        frames = self._socket.recv_multipart(zmq.NOBLOCK)
        if len(frames) < 8 or frames[1] != b"" or frames[2] != _VERSION:
            return  # not a ZAP request: libzmq sends none such
        route, _, _, request, domain, address, _, mechanism, *credentials = frames
        key = z85_encode(credentials[0]) if len(credentials) == 1 and len(credentials[0]) == 32 else b""
        reason = self._judge(domain, mechanism, key)
        if reason and domain == PEER_DOMAIN:
            self.refuse(key, address.decode("ascii", "replace"), reason)
        status, text = (b"400", reason.encode("ascii")) if reason else (b"200", b"OK")
        send(self._socket, [route, b"", _VERSION, request, status, text, b"" if reason else key, b""])
        if not reason and domain == PEER_DOMAIN and key in self._allowed.machines:
            self.on_admitted(self._allowed.machines[key])

    def _judge(self, domain: bytes, mechanism: bytes, key: bytes) -> str:
        """Why not, in a few words; empty for yes."""
        if mechanism != b"CURVE" or not key:
            return "no CURVE key"
        if domain == LOCAL_DOMAIN:
            return ""
        if domain == WORKER_DOMAIN:
            return "" if key in self.workers else "unknown key"
        if domain != PEER_DOMAIN:
            return "unknown domain"
        if key in self._allowed.machines or key in self._allowed.tokens:
            return ""
        return "unknown key"
