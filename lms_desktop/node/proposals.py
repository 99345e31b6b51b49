"""The way of commands to the leader, and the leader's door.

A node hands its commands to its own Raft where it leads, else sends them to the leader over the consensus
link, which may lose them: whoever hands in watches the ledger and hands in again. The door lets a command
through only when its lane's next `seq` is its own, counting what is under way: so a log holds no gaps and
no command twice. What its author did not sign (or signed with a key that was replaced since) only gets its
outcome: it takes no place at the door either, or any machine could keep a person's commands out.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from lms_desktop.node.host import Host
from lms_desktop.node.pending import NotAccepted, Result
from lms_desktop.node.transport import BadMessage, Fields, PeerLinks, Sender
from lms_desktop.trust.envelope import MAX_PAYLOAD, Envelope, split_payload

PROPOSE = 16  # a verb of the consensus link
BATCH_BYTES = 512 << 10
BATCH_COUNT = 512
LaneKey = tuple[int, bytes]


class Lanes(Protocol):
    """What the door asks of the ledger, as applied here."""

    def next_seq(self, author: int, lane: bytes) -> int:
        """The `seq` that the lane's next command must have."""

    def is_signed(self, envelope: Envelope) -> bool:
        """Whether the author's present key signed it."""


class Proposals:
    """Takes payloads from this node's outbox and, while it leads, from all others."""

    def __init__(self, host: Host, links: PeerLinks, lanes: Lanes) -> None:
        self._host = host
        self._links = links
        self._lanes = lanes
        self._under_way: dict[LaneKey, tuple[int, int]] = {}  # lane -> (next seq, commands under way)
        links.on(PROPOSE, self._forwarded)

    def hand_in(self, payloads: Sequence[tuple[Envelope, bytes]]) -> bool:
        """Pass commands on to the leader, each lane's in order. False where there is no leader or way to
        it.
        """
        if self._host.is_leader:
            for envelope, payload in payloads:
                self._admit(envelope, payload)
            return True
        leader = self._host.leader
        if leader is None:
            return False
        batch: list[bytes] = []
        size = 0
        for _, payload in payloads:
            if batch and (size + len(payload) > BATCH_BYTES or len(batch) >= BATCH_COUNT):
                if not self._links.send(leader, PROPOSE, [batch]):
                    return False
                batch, size = [], 0
            batch.append(payload)
            size += len(payload)
        return not batch or self._links.send(leader, PROPOSE, [batch])

    def _forwarded(self, _sender: Sender, fields: Fields) -> None:
        match fields:
            case (tuple(payloads),):
                pass
            case _:
                raise BadMessage("proposals are one array of payloads")
        if not self._host.is_leader:
            return
        for payload in payloads:
            if not isinstance(payload, bytes) or len(payload) > MAX_PAYLOAD:
                raise BadMessage("a proposal is a command's payload")
            raw, _ = split_payload(payload)
            self._admit(Envelope.parse(raw), payload)

    def _admit(self, envelope: Envelope, payload: bytes) -> None:
        if not self._lanes.is_signed(envelope):
            self._host.propose(payload, _nobody_waits)
            return
        key = envelope.author, envelope.lane
        expected, count = self._under_way.get(key, (0, 0))
        if not count:
            expected = self._lanes.next_seq(*key)
        if envelope.seq != expected:
            return
        self._under_way[key] = expected + 1, count + 1
        self._host.propose(payload, self._done(key, envelope.seq))

    def _done(self, key: LaneKey, seq: int) -> Callable[[Result], None]:
        def done(result: Result) -> None:
            expected, count = self._under_way[key]
            if isinstance(result, NotAccepted):
                expected = min(expected, seq)
            if count > 1:
                self._under_way[key] = expected, count - 1
            else:
                del self._under_way[key]

        return done


def _nobody_waits(_result: Result) -> None:
    pass
