"""From the outbox into the ledger: in lane order, again and again until this node's own ledger shows the
outcome.

A command is handed in once it is on disk and, if it brings a file, once enough keepers hold that.
Messages may be lost and leaders may die, so whatever has no outcome is handed in again: at each change of
leader, and when nothing was heard for a while. Lanes make the repetition harmless: a command takes effect
once.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from lms_desktop.node.host import Host
from lms_desktop.node.items import Item, Key, State
from lms_desktop.node.ledger import Ledger, Outcome
from lms_desktop.node.outbox import Outbox, OutboxError
from lms_desktop.node.proposals import Proposals
from lms_desktop.node.raft.types import Entry
from lms_desktop.node.trace import Trace, silent
from lms_desktop.school.commands import Void
from lms_desktop.school.outcomes import Outcome as Code
from lms_desktop.trust.envelope import Envelope, envelope_hash, make_payload

TICK_S = 0.25
AGAIN_S = 2.0
MAX_LABEL = 200
LaneKey = tuple[int, bytes]
_HOPELESS = frozenset(
    {Code.MALFORMED, Code.UNKNOWN_VERSION, Code.UNKNOWN_AUTHOR, Code.BAD_SIGNATURE, Code.SEQ_USED}
)
"""Outcomes of one's own bytes that take no place and never will."""


class Files(Protocol):
    """What delivery asks of whoever brings an item's file to the keepers (`keeping.Keeping`)."""

    def follow(self, item: Item) -> None:
        """Bring the item's file to the keepers, and see to its receipt. Harmless when that goes on
        already.
        """

    def leave(self, item: Item) -> None:
        """The item needs nothing more."""

    def tickets(self, item: Item) -> Sequence[bytes] | None:
        """The tickets to propose the item with, None while too few keepers hold its file."""

    def too_few(self, item: Item) -> None:
        """The ledger wants more tickets than those."""

    def settled(self, item: Item) -> None:
        """The item was accepted: its receipt can be had."""


class _Lane:
    """The open items of one lane by `seq`; `following` is the next to hand in, `handed_in_at` when the
    last was.
    """

    __slots__ = ("following", "handed_in_at", "items")

    def __init__(self) -> None:
        self.items: dict[int, Item] = {}
        self.following = 0
        self.handed_in_at = 0.0

    def rewind(self) -> None:
        """Begin again with the first that has no outcome."""
        self.following = min(self.items, default=0)


class Delivery:
    """Sees every item of the outbox to its end. `tell` is called with an item whenever something about it
    changed.
    """

    def __init__(
        self,
        outbox: Outbox,
        ledger: Ledger,
        host: Host,
        proposals: Proposals,
        public_key: Callable[[int], bytes | None],
        tell: Callable[[Item], None],
        now_ms: Callable[[], int],
        trace: Trace = silent,
    ) -> None:
        self._outbox = outbox
        self._ledger = ledger
        self._host = host
        self._proposals = proposals
        self._public_key = public_key
        self._tell = tell
        self._now_ms = now_ms
        self._trace = trace
        self._files: Files | None = None
        self._lanes: dict[LaneKey, _Lane] = {}
        self._dirty: set[LaneKey] = set()
        self._quiet: dict[Key, Item] = {}
        self._loop = asyncio.get_running_loop()
        self._planned = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def start(self, files: Files) -> None:
        """Take up what an earlier run left in the outbox."""
        self._files = files
        self._host.on_applied(self._applied)
        self._host.on_role_change(self._again)
        for item in list(self._outbox.items.values()):
            if item.open:
                self._take_up(item)
                self._settle_known(self._lane(item))
            elif item.state is State.ACCEPTED and item.manifest is not None:
                files.follow(item)
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def close(self) -> None:
        """Stop handing in; what is open stays in the outbox."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    # --- what people ask ---

    def submit(self, raw: bytes, manifest: bytes | None, label: str) -> asyncio.Future[Item]:
        """Take a signed command; done with its item once that is durable here. The same bytes again are
        no new item. The file of `manifest` is already stored whole (the local link sees to it).

        Raises OutboxError, EnvelopeError; the future raises OutboxError, DiskFull.
        """
        envelope = Envelope.parse(raw)
        if len(label) > MAX_LABEL:
            raise OutboxError("malformed", f"A label has at most {MAX_LABEL} characters")
        item = Item(envelope, manifest, label, self._now_ms())
        known = self._outbox.items.get(item.key) or self._settled(item)
        if known is not None:
            if known.envelope.raw != raw:
                raise OutboxError(
                    "seq_used", "Another command has this place in its lane", next_step="Do it once more."
                )
            answer: asyncio.Future[Item] = self._loop.create_future()
            answer.set_result(known)
            return answer
        saved = self._outbox.save(item, self._signed(envelope))
        saved.add_done_callback(partial(self._saved, item))
        return saved

    def drop(self, raw: bytes) -> asyncio.Future[Item]:
        """Put an author's signed Void in the place of an item that has no outcome yet; as `submit`."""
        envelope = Envelope.parse(raw)
        known = self._outbox.items.get((envelope.author, envelope.lane, envelope.seq))
        if envelope.kind != Void.KIND or known is None or not known.open:
            raise OutboxError(
                "too_late", "There is nothing of that kind here that waits and could be dropped"
            )
        item = Item(envelope, None, known.label, known.queued_ms)
        saved = self._outbox.save(item, self._signed(envelope), known)
        saved.add_done_callback(partial(self._saved, item))
        return saved

    def _signed(self, envelope: Envelope) -> Callable[[], bool]:
        school, public = self._ledger.cluster_id, self._public_key(envelope.author)
        if school is None or public is None:
            raise OutboxError(
                "unknown_author",
                "This machine does not know who signed that",
                next_step="Wait until it has caught up with the class, then try again.",
            )
        return partial(envelope.verify, school, public)

    def _settled(self, item: Item) -> Item | None:
        """The item as the ledger already has it, None while its place is free."""
        settled = self._ledger.outcome(*item.key)
        if settled is None:
            return None
        if settled.envelope_hash != envelope_hash(item.envelope.raw):
            raise OutboxError(
                "seq_used", "Another command has this place in its lane", next_step="Do it once more."
            )
        item.code, item.index, item.stamp = settled.code, settled.index, settled.stamp
        item.state = State.REFUSED if settled.code else State.ACCEPTED
        return item

    # --- handing in ---

    def ready(self, item: Item) -> None:
        """Enough keepers hold the item's file."""
        self._mark(item.key[:2])

    def _saved(self, item: Item, future: asyncio.Future[Item]) -> None:
        """An item is durable: its way begins. (Handed in twice at once, it is the first item that is
        kept.)
        """
        if future.cancelled() or future.exception() is not None or future.result() is not item:
            return
        before = self._lane(item).items.get(item.envelope.seq)
        if before is not None and self._files is not None:  # it is a void
            self._files.leave(before)
        self._take_up(item)
        if before is not None:
            self._lane(item).rewind()

    def _take_up(self, item: Item) -> None:
        lane = self._lane(item)
        if not lane.items:
            lane.following = item.envelope.seq
        lane.items[item.envelope.seq] = item
        if item.manifest is not None and self._files is not None:
            self._files.follow(item)
        self._quiet[item.key] = item
        self._mark(item.key[:2])

    def _lane(self, item: Item) -> _Lane:
        return self._lanes.setdefault(item.key[:2], _Lane())

    def _mark(self, key: LaneKey) -> None:
        self._dirty.add(key)
        if not self._planned and not self._closed:
            self._planned = True
            self._loop.call_soon(self._hand_in)

    def _again(self) -> None:
        """Another leader, or none: whatever has no outcome goes in again."""
        for key, lane in self._lanes.items():
            lane.rewind()
            self._mark(key)

    def _hand_in(self) -> None:
        self._planned = False
        if self._closed or self._host.leader is None:
            return
        dirty, self._dirty = self._dirty, set()
        batch: list[tuple[Envelope, bytes]] = []
        now = self._loop.time()
        lanes = [self._lanes[key] for key in dirty if key in self._lanes]
        for lane in lanes:
            while (item := lane.items.get(lane.following)) is not None:
                tickets: Sequence[bytes] | None = ()
                if item.manifest is not None and self._files is not None:
                    tickets = self._files.tickets(item)
                if tickets is None:
                    break
                batch.append((item.envelope, make_payload(item.envelope.raw, tickets)))
                item.state = State.SENDING
                lane.following += 1
                lane.handed_in_at = now
        if batch:
            self._trace("before-proposal")
            if not self._proposals.hand_in(batch):
                for lane in lanes:
                    lane.rewind()
            self._trace("after-proposal")

    def _tick(self) -> None:
        """Look after what got no outcome in time, and tell of what takes longer than a moment."""
        self._timer = self._loop.call_later(TICK_S, self._tick)
        late = self._loop.time() - AGAIN_S
        for key, lane in list(self._lanes.items()):
            if lane.handed_in_at < late and lane.following > min(lane.items):
                self._settle_known(lane)
                lane.rewind()
            if lane.following in lane.items:
                self._mark(key)
        quiet, self._quiet = self._quiet, {}
        for item in quiet.values():
            self._tell(item)

    # --- outcomes ---

    def _applied(self, entries: Sequence[Entry], outcomes: Sequence[object]) -> None:
        if not self._lanes:
            return
        for entry, outcome in zip(entries, outcomes, strict=False):
            assert isinstance(outcome, Outcome)
            item = self._outbox.items.get((outcome.author, outcome.lane, outcome.seq))
            if item is None or not item.open:
                continue
            own = outcome.envelope_hash == envelope_hash(item.envelope.raw)
            if outcome.final or (own and outcome.code in _HOPELESS):
                self._settle(item, own, outcome.code, entry.index, entry.stamp)
            elif own and outcome.code == Code.TOO_FEW_TICKETS and self._files is not None:
                self._files.too_few(item)
                self._lane(item).rewind()

    def _settle_known(self, lane: _Lane) -> None:
        """Settle what the ledger knows already: outcomes of before this run, whose note the outbox lost."""
        for item in list(lane.items.values()):
            settled = self._ledger.outcome(*item.key)
            if settled is None:
                break
            own = settled.envelope_hash == envelope_hash(item.envelope.raw)
            self._settle(item, own, settled.code, settled.index, settled.stamp)

    def _settle(self, item: Item, own: bool, code: int, index: int, stamp: int) -> None:
        """The item's place is taken: by the item itself (`own`), or by another command."""
        self._trace("before-acknowledgement")
        is_void = item.envelope.kind == Void.KIND
        item.code = (
            code if own or is_void else Code.SEQ_USED
        )  # a void that came too late tells what it missed
        item.index, item.stamp = index, stamp
        lane = self._lanes[item.key[:2]]
        del lane.items[item.envelope.seq]
        if not lane.items:
            del self._lanes[item.key[:2]]
        self._quiet.pop(item.key, None)
        if item.code:
            item.state = State.REFUSED
            self._outbox.end(item)
            if item.manifest is not None and self._files is not None:
                self._files.leave(item)
        elif item.manifest is not None:
            item.state = State.ACCEPTED
            self._outbox.update(item)
            if self._files is not None:
                self._files.settled(item)
        else:
            item.state = State.DROPPED if is_void and own else State.ACCEPTED
            self._outbox.forget(item)
        self._tell(item)
