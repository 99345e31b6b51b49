"""A signed-in person: the only place where keys are in memory, and the way every write takes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lms_desktop.client.drafts import Drafts
from lms_desktop.client.errors import BadInput, NodeRefused, Refused, SignedOut, SignInFailed
from lms_desktop.client.link import Link
from lms_desktop.client.passphrase import unwrap_keys
from lms_desktop.client.protocol import Event, ItemChanged, ItemState, LinkChanged, NodeStatus, OutboxItem
from lms_desktop.client.query import R, query
from lms_desktop.client.sealed import Opener
from lms_desktop.school import outcomes
from lms_desktop.school.commands import Command, CommandError, Void
from lms_desktop.school.commands import Role as Role
from lms_desktop.school.queries.people import KeysRow
from lms_desktop.school.queries.rows import Arguments
from lms_desktop.school.references import reference
from lms_desktop.trust.envelope import LANE_BYTES, Envelope
from lms_desktop.trust.keyring import PersonKeys
from lms_desktop.trust.orders import Order
from lms_desktop.trust.primitives import random_bytes
from lms_desktop.trust.sealing import Context

HAND_OVER_S = 20.0
MAX_LABEL = 200  # characters: what a node keeps beside a write, to tell people what it is
DECISION_S = 10.0
_FIRST_LOOK_S = 1.5  # then, without a quorum, there is nothing to wait for
_REASK_S = 2.0


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in: the principal's number, and which of the person's key pairs is in use."""

    number: int
    login: str
    name: str
    role: Role
    key: int


@dataclass(frozen=True, slots=True)
class School:
    """The school that this machine belongs to; `zone` is an IANA name such as Europe/Paris."""

    cluster_id: bytes
    name: str
    zone: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command will stand: known before it is signed, so that sealed items can be bound to it."""

    author: int
    lane: bytes
    seq: int

    @property
    def reference(self) -> int:
        """The number of what the command at this place makes."""
        return reference(self.author, self.lane, self.seq)

    def context(self, kind: str, course: int, assignment: int) -> Context:
        """The context of an item sealed in the command at this place."""
        return Context(kind, course, assignment, self.author, self.lane, self.seq)


@dataclass(frozen=True, slots=True)
class Sent:
    """A write handed over: decided by the class, or kept on this computer until it can be (`waiting`).

    `made` is the number of what the command makes (course, assignment, submission, ...), known at once.
    """

    item: OutboxItem
    made: int

    @property
    def waiting(self) -> bool:
        """True while the class has not decided; the item takes effect once, later, by itself."""
        return not self.item.state.settled


class Session:
    """One person, signed in at this machine. Made by `signin`; used from one asyncio loop."""

    def __init__(self, link: Link, school: School, person: Person, keys: PersonKeys, user_data: Path) -> None:
        self.link = link
        self.cluster_id = school.cluster_id
        self.school = school.name
        self.zone = school.zone
        self.person = person
        self._keys: PersonKeys | None = keys
        self._drafts_folder = user_data / "drafts" / school.cluster_id.hex()[:16] / str(person.number)
        self._lane = random_bytes(LANE_BYTES)
        self._seq = 0
        self._writing = asyncio.Lock()
        self._opener: Opener | None = None
        self._unsubscribers: list[Callable[[], None]] = []
        self._on_lock: list[Callable[[], None]] = []
        self._signed_out = False
        self.grades_written: dict[tuple[int, int], int] = {}
        """What this session last wrote about (assignment, student), decided or waiting."""

    # -- keys ------------------------------------------------------------------------------------------------

    @property
    def locked(self) -> bool:
        """True while no keys are in memory."""
        return self._keys is None

    @property
    def keys(self) -> PersonKeys:
        """The person's keys. Raises SignedOut."""
        if self._keys is None:
            raise SignedOut(
                "You are signed out." if self._signed_out else "This seat is locked.",
                next_step="Enter your passphrase to go on.",
            )
        return self._keys

    @property
    def opener(self) -> Opener:
        """Opens what is sealed to the person. Raises SignedOut."""
        keys = self.keys
        if self._opener is None:
            self._opener = Opener(self.link, self.cluster_id, self.person.number, keys, self.person.key)
        return self._opener

    @property
    def drafts(self) -> Drafts:
        """The person's sealed drafts on this computer. Raises SignedOut."""
        return Drafts(self._drafts_folder, self.keys.sealing.seed)

    def lock(self) -> None:
        """Let go of the keys, and of the course keys opened with them, until `unlock`; the person stays."""
        self._keys = None
        self._opener = None
        for callback in list(self._on_lock):
            callback()

    def on_lock(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever the keys go, by a lock or a sign-out; returns the function that ends this."""
        self._on_lock.append(callback)
        return lambda: self._on_lock.remove(callback)

    async def unlock(self, *, passphrase: str) -> None:
        """Unwrap the keys again. Raises SignInFailed, and SignedOut once signed out."""
        if self._signed_out:
            raise SignedOut("You are signed out.", next_step="Sign in again.")
        found = await query(self.link, KeysRow, "keys", self.person.number)
        if not found:
            raise SignInFailed(
                "This account is not on this computer yet.", next_step="Wait a moment and try again."
            )
        keys = await unwrap_keys(self.cluster_id, found[0], passphrase)
        if self._signed_out:  # meanwhile: the keys must not come back
            raise SignedOut("You are signed out.", next_step="Sign in again.")
        self._keys = keys
        self.person = replace(self.person, key=found[0].key)

    def sign_out(self) -> None:
        """Lock for good and end this session's subscriptions; what waits in the outbox goes on by itself."""
        self._signed_out = True
        self.lock()
        for unsubscribe in self._unsubscribers:
            unsubscribe()
        self._unsubscribers.clear()

    # -- reading ---------------------------------------------------------------------------------------------

    async def query(self, row: type[R], name: str, *arguments: Arguments) -> list[R]:
        """A query of `school.queries`, answered from this machine's own tables."""
        return await query(self.link, row, name, *arguments)

    async def status(self) -> NodeStatus:
        """Where this machine's node stands."""
        return NodeStatus.from_wire(await self.link.call("status"))

    async def now_ms(self) -> int:
        """The present time in UTC ms by this computer, never before the class's last stamp."""
        return max(int(time.time() * 1000), (await self.status()).stamp_ms)

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """As Link.subscribe, ended by sign_out. The callback runs on the link's thread: hand over at once."""
        unsubscribe = self.link.subscribe(callback)
        self._unsubscribers.append(unsubscribe)
        return unsubscribe

    # -- writing ---------------------------------------------------------------------------------------------

    async def send(
        self, what: Command | Callable[[Place], Command], *, label: str, wait_s: float = DECISION_S
    ) -> Sent:
        """Sign a command at the next place of this session's lane, hand it over, wait for the decision.

        `what` is the command, or the function that makes it for its place (where sealed items are bound to
        it). Raises Refused, NodeUnreachable (not saved), BadInput for a field that no replica would take.
        Past `wait_s` the result is `waiting`.
        """
        keys = self.keys
        async with self._writing:
            place = Place(self.person.number, self._lane, self._seq)
            envelope = self.sign(keys, place, what if isinstance(what, Command) else what(place))
            try:
                item = await self.hand_over(envelope, None, label)
            except BaseException:
                # It may or may not have been saved: a new lane, so that nothing later waits for it.
                self._lane, self._seq = random_bytes(LANE_BYTES), 0
                raise
            self._seq += 1
        item = await self.follow(item, until=ItemState.ACCEPTED, timeout_s=min(wait_s, _FIRST_LOOK_S))
        if not item.state.settled and wait_s > _FIRST_LOOK_S and (await self.status()).quorum:
            item = await self.follow(item, until=ItemState.ACCEPTED, timeout_s=wait_s - _FIRST_LOOK_S)
        if item.state is ItemState.REFUSED:
            raise refusal(item, label)
        return Sent(item, place.reference)

    def sign(self, keys: PersonKeys, place: Place, command: Command) -> Envelope:
        """The signed envelope of a command at a place. Raises BadInput."""
        return sign_command(self.cluster_id, keys, place, command)

    async def hand_over(self, envelope: Envelope, manifest: bytes | None, label: str) -> OutboxItem:
        """Give an envelope to the node, which answers once it is durable in its outbox."""
        if len(label) > MAX_LABEL:
            label = label[: MAX_LABEL - 1] + "…"
        return OutboxItem.from_wire(
            await self.link.call("submit", envelope.raw, manifest, label, timeout_s=HAND_OVER_S)
        )

    async def pending(self) -> tuple[OutboxItem, ...]:
        """This person's writes on this computer that are still under way to being safe."""
        return tuple(
            item
            for item in await self.outbox()
            if item.state in (ItemState.SAVED, ItemState.SENDING, ItemState.ACCEPTED)
        )

    async def outbox(self) -> tuple[OutboxItem, ...]:
        """Every write of this person that this computer still lists."""
        items = await self.link.call("outbox", self.person.number)
        return tuple(OutboxItem.from_wire(item) for item in items)

    async def follow(
        self,
        item: OutboxItem,
        *,
        until: ItemState,
        timeout_s: float,
        on_change: Callable[[OutboxItem], None] | None = None,
    ) -> OutboxItem:
        """Wait until an item is as far as `until`, refused, or the deadline; returns it as it then stands."""
        try:
            async with asyncio.timeout(timeout_s), contextlib.aclosing(self._changes(item)) as changes:
                async for item in changes:
                    if on_change is not None:
                        on_change(item)
                    if _reached(item.state, until):
                        break
        except TimeoutError:
            pass
        return item

    async def drop(self, item: OutboxItem) -> OutboxItem:
        """Take back an item that the class has not accepted: signs a void in its place."""
        place = Place(item.author, item.lane, item.seq)
        envelope = self.sign(self.keys, place, Void())
        return OutboxItem.from_wire(await self.link.call("drop", envelope.raw))

    async def order(self, verb: str) -> None:
        """Give this machine's node a signed order, such as to stop."""
        node = await self.link.hello()
        if node.machine is None:
            raise NodeRefused("not_ready", "This machine belongs to no school.")
        order = Order.sign(
            self.cluster_id,
            self.keys.signing,
            author=self.person.number,
            machine=node.machine,
            nonce=node.nonce,
            verb=verb,
        )
        await self.link.call(verb, order.encode())

    async def _look_up(self, item: OutboxItem) -> OutboxItem:
        """The item as this computer lists it; what is decided and needs no more care is listed no longer."""
        for listed in await self.outbox():
            if listed.key == item.key:
                return listed
        outcome = await self.link.call("outcome", *item.key)
        if outcome is None:
            return item
        index, code, stamp = outcome
        state = ItemState.REFUSED if code else ItemState.ACCEPTED
        if (
            not code and item.manifest is not None
        ):  # an accepted file is listed until it is safe: this was a void
            state = ItemState.DROPPED
        return replace(item, state=state, code=code, index=index, stamp_ms=stamp)

    async def _changes(self, item: OutboxItem) -> AsyncGenerator[OutboxItem, None]:
        """The item's present form, then each newer one; asks anew when the link was lost or stays silent."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event] = asyncio.Queue()

        def hand(event: Event) -> None:
            mine = isinstance(event, ItemChanged) and event.item.key == item.key
            if mine or isinstance(event, LinkChanged):
                with contextlib.suppress(RuntimeError):  # the loop of a closing app
                    loop.call_soon_threadsafe(events.put_nowait, event)

        unsubscribe = self.link.subscribe(hand)
        try:
            yield item
            while True:
                item = await self._look_up(item)
                yield item
                while True:
                    try:
                        async with asyncio.timeout(_REASK_S):
                            event = await events.get()
                    except TimeoutError:
                        break
                    if not isinstance(event, ItemChanged):
                        break
                    item = event.item
                    yield item
        finally:
            unsubscribe()


def sign_command(cluster_id: bytes, keys: PersonKeys, place: Place, command: Command) -> Envelope:
    """The signed envelope of a command at a place. Raises BadInput for a field that no replica would take."""
    try:
        body = command.body()
    except CommandError as error:
        raise BadInput(
            f"{error}.".capitalize(), where=error.field, next_step="Correct it and try again."
        ) from error
    return Envelope.sign(
        cluster_id,
        keys.signing,
        author=place.author,
        lane=place.lane,
        seq=place.seq,
        kind=command.KIND,
        body=body,
    )


def refusal(item: OutboxItem, label: str) -> Refused:
    """The error of an item that the class refused."""
    code = item.code if item.code is not None else int(outcomes.Outcome.INVALID)
    return Refused(code, outcomes.sentence(code), where=label)


_ORDER = (ItemState.SAVED, ItemState.SENDING, ItemState.ACCEPTED, ItemState.SAFE)


def _reached(state: ItemState, until: ItemState) -> bool:
    return state not in _ORDER or _ORDER.index(state) >= _ORDER.index(until)
