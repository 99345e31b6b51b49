"""Files that must survive this machine: each keeper is asked to KEEP them, and gives a ticket once it
does.

A keeper checks who signed and whether he may, pulls the chunks (from the machine that asks and from other
keepers), and signs its ticket when every chunk is fsynced. The asking node collects tickets: as many as
the ledger demands, and within five seconds one more, which makes the submission safe. It goes on where it
was after any restart: chunks and tickets are on disk.

    KEEP [envelope, manifest] -> [0, ticket] | [1, bytes done, bytes in all]: ask again
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial

from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.blobs.swarm import Sources, Swarm
from lms_desktop.node.errors import NodeError, PeerError
from lms_desktop.node.host import Host
from lms_desktop.node.items import Item, State
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.outbox import Outbox
from lms_desktop.node.receipts import Receipts
from lms_desktop.node.trace import Trace, silent
from lms_desktop.node.transport import BadMessage, Fields, PeerLinks, Sender
from lms_desktop.school import rules
from lms_desktop.school.commands import (
    COMMANDS,
    AssignmentEdit,
    AssignmentPublish,
    CommandError,
    MaterialEdit,
    MaterialPublish,
    Submission,
)
from lms_desktop.school.outcomes import Outcome as Code
from lms_desktop.school.outcomes import sentence
from lms_desktop.school.queries.files import keepers
from lms_desktop.trust.envelope import MAX_TICKETS, Envelope, envelope_hash
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.manifest import Manifest, manifest_hash
from lms_desktop.trust.primitives import SigningKey
from lms_desktop.trust.receipts import Ticket, check_ticket, is_safe, make_ticket, tickets_needed
from lms_desktop.trust.sealing import sealed_size
from lms_desktop.trust.wire import Packable

KEEP = 19  # a verb of the files link
DONE, UNDER_WAY = 0, 1
REFUSED = "refused"
POLL_S = 0.25
ANSWER_S = 5.0
EXTRA_S = 5.0
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
REFUSED_S = 30.0
KEPT_AT_ONCE = 32
_log = logging.getLogger(__name__)


def file_of(envelope: Envelope) -> tuple[bytes, int] | None:
    """The manifest hash of the file that a command brings, and the bytes that it may take; None for a command
    without one.
    """
    try:
        command = COMMANDS[envelope.kind].from_body(envelope.decode_body())
    except (KeyError, CommandError, TrustError):
        return None
    match command:
        case Submission():
            return command.manifest, sealed_size(command.size)
        case MaterialPublish() | MaterialEdit() | AssignmentPublish() | AssignmentEdit():
            return (command.file.manifest, command.file.size) if command.file is not None else None
    return None


class Keeping:
    """Both sides of KEEP for one node: what it asks of others for its outbox, and what it does as a
    keeper.
    """

    def __init__(
        self,
        machine: int,
        key: SigningKey,
        db: sqlite3.Connection,
        ledger: Ledger,
        host: Host,
        links: PeerLinks,
        store: BlobStore,
        swarm: Swarm,
        outbox: Outbox,
        receipts: Receipts,
        reachable: Sources,
        tell: Callable[[Item], None],
        now_ms: Callable[[], int],
        trace: Trace = silent,
    ) -> None:
        self._machine = machine
        self._key = key
        self._db = db
        self._ledger = ledger
        self._host = host
        self._links = links
        self._store = store
        self._swarm = swarm
        self._outbox = outbox
        self._receipts = receipts
        self._reachable = reachable
        self._tell = tell
        self._now_ms = now_ms
        self._trace = trace
        self._jobs: dict[Item, _Job] = {}
        self._kept: set[bytes] = set()
        self.on_ready: Callable[[Item], None] = lambda item: None
        """Called when enough keepers hold an item's file."""
        links.serve(KEEP, self._keep)

    async def close(self) -> None:
        """Stop asking; what is on disk stays."""
        tasks = [job.task for job in self._jobs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- the asking side (delivery.Files) ---

    def follow(self, item: Item) -> None:
        """Bring the item's file to the keepers, and see to its receipt. Harmless when that goes on
        already.
        """
        if item not in self._jobs:
            self._jobs[item] = _Job(self, item)

    def leave(self, item: Item) -> None:
        """The item needs nothing more."""
        job = self._jobs.pop(item, None)
        if job is not None:
            job.task.cancel()

    def tickets(self, item: Item) -> Sequence[bytes] | None:
        """The tickets to propose the item with, None while too few keepers hold its file."""
        job = self._jobs.get(item)
        if job is None or not job.ready:
            return None
        if item.envelope.kind != Submission.KIND:
            return ()
        return [ticket for _, ticket in sorted(item.tickets.items())][:MAX_TICKETS]

    def too_few(self, item: Item) -> None:
        """The ledger wants more tickets than those."""
        job = self._jobs.get(item)
        if job is not None:
            job.begin_again()

    def settled(self, item: Item) -> None:
        """The item was accepted: its receipt can be had."""
        job = self._jobs.get(item)
        if job is not None:
            job.news.set()

    def others(self) -> list[int]:
        """The keepers besides this machine."""
        return [row.machine for row in keepers(self._db) if row.machine != self._machine]

    # --- the keeper's side ---

    async def _keep(self, sender: Sender, fields: Fields) -> Sequence[Packable]:
        match fields:
            case (bytes(raw), bytes(raw_manifest)):
                envelope, manifest = Envelope.parse(raw), Manifest.decode(raw_manifest)
            case _:
                raise BadMessage("KEEP takes an envelope and a manifest")
        self._check(envelope, manifest, manifest_hash(raw_manifest))
        name = manifest_hash(raw_manifest)
        if name not in self._kept and len(self._kept) >= KEPT_AT_ONCE:
            raise PeerError("busy", "This keeper takes as many files as it can at once")
        self._kept.add(name)
        try:
            await asyncio.to_thread(self._store.put_manifest, raw_manifest)
            transfer = self._swarm.start(name, partial(self._holders, sender.machine))
            await asyncio.wait({transfer.task}, timeout=POLL_S)
            if not transfer.task.done():
                return [UNDER_WAY, transfer.done_bytes, transfer.total_bytes]
            transfer.task.result()
        except NodeError as error:
            raise PeerError(error.code, str(error)) from error
        finally:
            self._kept.discard(name)
        self._trace("keep-before-ticket")
        ticket = make_ticket(self._school(), raw, self._machine, self._now_ms(), self._key)
        self._trace("keep-after-ticket")
        return [DONE, ticket]

    def _holders(self, asking: int) -> list[int]:
        """Who may have a file: the machine that asks, and the keepers that can be reached."""
        return [asking, *(set(self.others()) & set(self._reachable()) - {asking})]

    def _check(self, envelope: Envelope, manifest: Manifest, name: bytes) -> None:
        """Raise PeerError unless the author signed this and may do it, and it brings this file."""
        if not self._ledger.is_keeper(self._machine):
            raise PeerError("not_a_keeper", "This machine is not a keeper")
        author = rules.principal(self._db, envelope.author)
        if author is None or author.public is None:
            raise PeerError("unknown_author", "This keeper does not know the author yet")
        if not envelope.verify(self._school(), author.public):
            raise PeerError("bad_signature", "The signature is not its author's")
        brought, size = file_of(envelope) or (None, 0)
        if brought != name:
            raise PeerError("wrong_file", "The command does not bring this file")
        if manifest.total_size > size:
            raise PeerError("too_large", "The file is larger than its author signed for")
        settled = self._ledger.outcome(envelope.author, envelope.lane, envelope.seq)
        if settled is None:
            code = self._judge(envelope)
        elif settled.envelope_hash == envelope_hash(envelope.raw):
            code = settled.code
        else:
            code = Code.SEQ_USED
        if code:
            raise PeerError(REFUSED, sentence(code))

    def _judge(self, envelope: Envelope) -> int:
        """What the ledger as applied here would say of a command that brings a file, tickets apart."""
        context = rules.Context(
            1 << 62, self._ledger.stamp, envelope.author, envelope.lane, envelope.seq, self._school()
        )
        return rules.foresee(self._db, envelope.kind, envelope.decode_body(), context)

    def _school(self) -> bytes:
        school = self._ledger.cluster_id
        assert school is not None
        return school


class _Job:
    """One item on its way: a question to each keeper, and what follows from the answers."""

    def __init__(self, keeping: Keeping, item: Item) -> None:
        self._keeping = keeping
        self._item = item
        self._since = self._not_before = asyncio.get_running_loop().time()
        self._refused = False
        self.news = asyncio.Event()
        self.ready = False
        self.task = asyncio.create_task(self._run())

    def begin_again(self) -> None:
        """The tickets were not enough for the ledger: wait for more, and longer where a keeper had
        refused.
        """
        self._not_before = asyncio.get_running_loop().time() + (REFUSED_S if self._refused else 1.0)
        self._refused = self.ready = False

    async def _run(self) -> None:
        asking: dict[int, asyncio.Task[None]] = {}
        rounds = 0  # without what was hoped for: each waits longer than the one before
        safe = False
        try:
            while not safe:
                self.news.clear()
                pause = RETRY_S[min(rounds, len(RETRY_S) - 1)]
                try:
                    await self._ask_all(asking)
                    if not self._item.open:
                        safe = await self._finish()
                        rounds += 1
                    elif not self.ready:
                        await self._judge()
                        pause = POLL_S
                except NodeError as error:
                    _log.info("an item of the outbox has to wait: %s", error)
                    rounds += 1
                if not safe:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await self.news.wait()
        except Exception:
            _log.exception("an item of the outbox cannot be brought to the keepers")
        finally:
            for task in asking.values():
                task.cancel()
            await asyncio.gather(*asking.values(), return_exceptions=True)
            if self._keeping._jobs.get(self._item) is self:
                del self._keeping._jobs[self._item]

    async def _ask_all(self, asking: dict[int, asyncio.Task[None]]) -> None:
        """See to it that every keeper is asked. Raises NodeError where the file's manifest cannot be had."""
        others = [keeper for keeper in self._keeping.others() if keeper not in self._item.tickets]
        new = [keeper for keeper in others if keeper not in asking]
        if new:
            assert self._item.manifest is not None
            raw = await self._keeping._swarm.manifest(self._item.manifest, self._keeping._reachable)
            for keeper in new:
                asking[keeper] = asyncio.create_task(self._ask(keeper, raw))

    async def _judge(self) -> None:
        """Propose the item if its tickets are enough, or if the ledger will refuse it anyway."""
        keeping = self._keeping
        others = keeping.others()
        held = len(self._item.tickets.keys() & set(others))
        needed = tickets_needed(len(keeping._host.voters))
        wanted = min(needed + 1, len(others))
        now = asyncio.get_running_loop().time()
        if now < self._not_before or (held < needed and not self._refused):
            return
        if held >= wanted or self._refused or now - self._since >= EXTRA_S:
            await keeping._outbox.sync(self._item)
            self.ready = True
            keeping.on_ready(self._item)

    async def _finish(self) -> bool:
        """After the outcome: get the receipt, and see whether the item is safe."""
        keeping, item = self._keeping, self._item
        if item.envelope.kind == Submission.KIND:
            safe = await keeping._receipts.refresh(item.key, list(item.tickets.values()))
        else:
            holders = set(keeping._host.holders(item.index or 0)) - {keeping._machine}
            safe = is_safe(len(keeping._host.voters), item.tickets.keys(), holders)
        if safe:
            item.state = State.SAFE
            keeping._outbox.end(item)
            keeping._tell(item)
        return safe

    async def _ask(self, keeper: int, raw_manifest: bytes) -> None:
        """Ask one keeper until it gives its ticket."""
        keeping, item = self._keeping, self._item
        failures = 0
        while True:
            try:
                answer = await keeping._links.request(
                    keeper, KEEP, [item.envelope.raw, raw_manifest], ANSWER_S
                )
            except PeerError as error:
                _log.info("keeper %d does not take a file yet: %s", keeper, error)
                if error.code == REFUSED and keeping._judge(item.envelope):
                    self._refused = True
                    self.news.set()
                await asyncio.sleep(RETRY_S[min(failures, 4)])
                failures += 1
                continue
            failures = 0
            match answer:
                case (0, bytes(ticket)) if self._is_ticket(keeper, ticket):
                    item.tickets[keeper] = ticket
                    total = max((total for _, total in item.progress.values()), default=1)
                    item.progress[keeper] = total, total
                    keeping._outbox.update(item)
                    keeping._tell(item)
                    self.news.set()
                    return
                case (1, int(done), int(total)) if 0 <= done <= total:
                    item.progress[keeper] = done, total
                    keeping._tell(item)
                case _:
                    _log.warning("keeper %d gives no valid ticket", keeper)
                    await asyncio.sleep(RETRY_S[-1])

    def _is_ticket(self, keeper: int, raw: bytes) -> bool:
        try:
            ticket = Ticket.parse(raw)
        except TrustError:
            return False
        record = rules.principal(self._keeping._db, keeper)
        return (
            ticket.keeper == keeper
            and record is not None
            and record.public is not None
            and check_ticket(
                self._keeping._school(), envelope_hash(self._item.envelope.raw), ticket, record.public
            )
        )
