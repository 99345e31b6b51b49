"""Shadow verification: signatures are checked on a helper thread while the log is being fsynced.

libsodium runs without the interpreter's lock, and so does the fsync. The thread does everything that needs
no database: it takes the payload apart, hashes it, and checks the signature with the key that the author
was last seen to have. The ledger asks for the result when the entry is applied, and checks again by itself
when the author turns out to have another key at that index: what is remembered here is only ever a hint.
"""

from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from lms_desktop.trust.envelope import COMMAND as COMMAND_ENTRY
from lms_desktop.trust.envelope import (
    Envelope,
    EnvelopeError,
    command_hash,
    envelope_hash,
    payload_hash,
    split_payload,
    stub_hash,
    tickets_hash,
)

MAX_WAITING: Final = 4096  # payloads whose result nobody has asked for yet
MAX_KEYS: Final = 8192


@dataclass(frozen=True, slots=True)
class Checked:
    """A command's payload taken apart; `envelope` is None for bytes that are no command.

    `key` is the key tried (empty: none was known) and `signed` whether its signature is right.
    """

    envelope: Envelope | None
    tickets: tuple[bytes, ...]
    envelope_hash: bytes
    payload_hash: bytes
    key: bytes
    signed: bool


class SignatureChecker:
    """Owned by the ledger. `prepare` and `result` are called from one thread only."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="signatures")
        self._waiting: OrderedDict[bytes, Future[dict[bytes, Checked]]] = OrderedDict()
        self._keys: dict[int, bytes] = {}

    def close(self) -> None:
        """End the thread; what it is at is finished first."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()

    def learn(self, author: int, key: bytes) -> None:
        """Remember the key with which to try this author's next signatures."""
        if self._keys.get(author) != key:
            if len(self._keys) >= MAX_KEYS:
                self._keys.clear()
            self._keys[author] = key

    def prepare(self, cluster_id: bytes, payloads: Iterable[bytes]) -> None:
        """Start checking these payloads; returns at once."""
        fresh = [payload for payload in payloads if payload not in self._waiting]
        if not fresh:
            return
        job = self._thread.submit(self._check_all, cluster_id, fresh)
        for payload in fresh:
            self._waiting[payload] = job
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)

    def result(self, cluster_id: bytes, payload: bytes) -> Checked:
        """Return the payload's result: waits for the thread where it is at work, else checks here and now."""
        job = self._waiting.pop(payload, None)
        if job is None:
            return check(cluster_id, payload, self._keys)
        return job.result()[payload]

    def _check_all(self, cluster_id: bytes, payloads: list[bytes]) -> dict[bytes, Checked]:
        return {payload: check(cluster_id, payload, self._keys) for payload in payloads}


def check(cluster_id: bytes, payload: bytes, keys: dict[int, bytes]) -> Checked:
    """Take a payload apart, hash it, and try its author's key."""
    try:
        raw, tickets = split_payload(payload)
        envelope = Envelope.parse(raw)
    except EnvelopeError:
        return Checked(None, (), b"", payload_hash(COMMAND_ENTRY, payload), b"", False)
    key = keys.get(envelope.author, b"")
    hash_of_envelope = envelope_hash(raw)
    return Checked(
        envelope,
        tickets,
        hash_of_envelope,
        command_hash(stub_hash(envelope.stub), hash_of_envelope, tickets_hash(tickets)),
        key,
        bool(key) and envelope.verify(cluster_id, key),
    )
