"""A node's part in people's work: its outbox, its files, and the verbs of the local link that use them,
wired.

Made once this machine has a ledger; `service` starts it after the links and before the host, and closes
it first.
"""

import sqlite3
from collections.abc import Callable, Sequence

from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.blobs.swarm import Swarm
from lms_desktop.node.blobs.wanted import Replicator, Wanted
from lms_desktop.node.delivery import Delivery
from lms_desktop.node.host import Host
from lms_desktop.node.items import Item
from lms_desktop.node.keeping import Keeping
from lms_desktop.node.ledger import Ledger, Outcome
from lms_desktop.node.local import LocalServer
from lms_desktop.node.local_verbs import SchoolVerbs
from lms_desktop.node.outbox import Outbox
from lms_desktop.node.proposals import Proposals
from lms_desktop.node.raft.types import Entry
from lms_desktop.node.receipts import Receipts
from lms_desktop.node.trace import Trace, silent
from lms_desktop.node.transport import PeerLinks
from lms_desktop.school import rules
from lms_desktop.school.changes import Changes
from lms_desktop.school.queries.files import material_manifests, submission_manifests
from lms_desktop.trust.primitives import SigningKey

HEARD_MS = 5_000
_FILES = Changes.MATERIALS | Changes.ASSIGNMENTS | Changes.SUBMISSIONS | Changes.MACHINES


class Work:
    """Create on the node's loop, then `start`; `close` ends it. `outbox` and `store` are opened by the
    caller, because both may have to tell IT something (a damaged file, a full disk) before there is
    anything to wire.
    """

    def __init__(
        self,
        machine: int,
        key: SigningKey,
        db: sqlite3.Connection,
        ledger: Ledger,
        host: Host,
        links: PeerLinks,
        server: LocalServer,
        store: BlobStore,
        outbox: Outbox,
        now_ms: Callable[[], int],
        trace: Trace = silent,
    ) -> None:
        self._machine = machine
        self._db = db
        self._ledger = ledger
        self._host = host
        self._links = links
        self._server = server
        self._store = store
        self._outbox = outbox
        self._now_ms = now_ms
        self.on_changes: Callable[[Changes], None] = lambda changes: None
        """Called with what applied commands changed."""
        self._swarm = Swarm(store, links)
        self._receipts = Receipts(machine, key, db, ledger, host, links, outbox, trace)
        self._keeping = Keeping(
            machine,
            key,
            db,
            ledger,
            host,
            links,
            store,
            self._swarm,
            outbox,
            self._receipts,
            self.reachable,
            self._tell,
            now_ms,
            trace,
        )
        self.proposals = Proposals(host, links, ledger)
        self._delivery = Delivery(
            outbox, ledger, host, self.proposals, self._public_key, self._tell, now_ms, trace
        )
        self._keeping.on_ready = self._delivery.ready
        self.replicator = Replicator(store, self._swarm, self._wanted, self._referenced, self.reachable)
        SchoolVerbs(
            server,
            db,
            ledger,
            host,
            store,
            self._swarm,
            self.reachable,
            outbox,
            self._delivery,
            self._receipts,
            trace,
        )
        host.on_applied(self._applied)

    def start(self) -> None:
        """Take up what an earlier run left."""
        self._delivery.start(self._keeping)
        self.replicator.start()

    async def close(self) -> None:
        """Stop; what is open goes on at the next start."""
        self._delivery.close()
        await self._keeping.close()
        await self.replicator.close()
        await self._swarm.close()
        await self._outbox.close()

    @property
    def trouble(self) -> str:
        """What IT must know of this machine's files, in words; empty when nothing."""
        return self._store.full

    def reachable(self) -> Sequence[int]:
        """The machines that were heard a moment ago."""
        late = self._now_ms() - HEARD_MS
        return [peer for peer in self._links.peers if (self._links.last_heard_ms(peer) or 0) >= late]

    def _tell(self, item: Item) -> None:
        self._server.publish("outbox", item.wire())

    def _public_key(self, author: int) -> bytes | None:
        principal = rules.principal(self._db, author)
        return principal.public if principal is not None else None

    def _applied(self, _entries: Sequence[Entry], outcomes: Sequence[object]) -> None:
        changes = Changes.NOTHING
        for outcome in outcomes:
            assert isinstance(outcome, Outcome)
            changes |= outcome.changes
        if changes:
            self._server.publish("changes", [int(changes), self._ledger.applied])
            self.on_changes(changes)
        if changes & _FILES:
            self.replicator.poke()

    def _wanted(self, after: int) -> Wanted:
        materials = [row.manifest for row in material_manifests(self._db)]
        if not self._ledger.is_keeper(self._machine):
            return Wanted(materials, ())
        rows = submission_manifests(self._db, after)
        return Wanted(materials, [(row.manifest, row.position) for row in rows])

    def _referenced(self) -> set[bytes] | None:
        if self._ledger.applied < self._host.commit_index:
            return None
        named = {row.manifest for row in material_manifests(self._db)}
        named |= {row.manifest for row in submission_manifests(self._db)}
        return named | {item.manifest for item in self._outbox.items.values() if item.manifest is not None}
