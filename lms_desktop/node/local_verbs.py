"""The verbs of the local link that need a school: questions, writes, files, receipts. PROTOCOL.md lists
them all.
"""

import asyncio
import sqlite3

from lms_desktop.node.blobs.store import BlobStore
from lms_desktop.node.blobs.swarm import Sources, Swarm
from lms_desktop.node.delivery import Delivery
from lms_desktop.node.host import Host
from lms_desktop.node.items import Item, Key
from lms_desktop.node.keeping import file_of
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.local import Arguments, LocalServer, Refused, Request, malformed
from lms_desktop.node.outbox import Outbox
from lms_desktop.node.receipts import Receipts
from lms_desktop.node.trace import Trace, silent
from lms_desktop.school.queries import QUERIES
from lms_desktop.trust.envelope import LANE_BYTES, Envelope
from lms_desktop.trust.manifest import Manifest
from lms_desktop.trust.wire import Packable


class SchoolVerbs:
    """Answers for the apps on this machine. Questions run on the host's connection and see what is
    applied.
    """

    def __init__(
        self,
        server: LocalServer,
        db: sqlite3.Connection,
        ledger: Ledger,
        host: Host,
        store: BlobStore,
        swarm: Swarm,
        sources: Sources,
        outbox: Outbox,
        delivery: Delivery,
        receipts: Receipts,
        trace: Trace = silent,
    ) -> None:
        self._server = server
        self._db = db
        self._ledger = ledger
        self._host = host
        self._store = store
        self._swarm = swarm
        self._sources = sources
        self._outbox = outbox
        self._delivery = delivery
        self._receipts = receipts
        self._trace = trace
        for verb, handler in (
            ("query", self._query),
            ("submit", self._submit),
            ("outbox", self._items),
            ("envelope", self._envelope),
            ("drop", self._drop),
            ("outcome", self._outcome),
            ("place", self._place),
            ("receipt", self._receipt),
            ("manifest_put", self._manifest_put),
            ("chunk_put", self._chunk_put),
            ("manifest_get", self._manifest_get),
            ("chunk_get", self._chunk_get),
            ("held", self._held),
        ):
            server.on(verb, handler)

    # --- questions ---

    def _query(self, request: Request, arguments: Arguments) -> None:
        """query(name, [argument, ...], from row) -> [applied index, [row, ...], row to go on from | nil]"""
        match arguments:
            case (str(name), tuple(given), int(start)) if start >= 0:
                query = QUERIES.get(name)
            case _:
                raise malformed("query")
        if query is None:
            raise Refused("unknown", f"This node has no query “{name[:40]}”", next_step="Update it.")
        if len(given) != len(query.arguments) or any(
            type(value) is not kind for value, kind in zip(given, query.arguments, strict=True)
        ):
            raise malformed(f"query {name}")
        rows = [row.wire() for row in query.run(self._db, *given)[start:]]
        count, following = len(rows), None
        while not request.try_reply([self._ledger.applied, rows[:count], following]):
            if count == 1:
                raise Refused("too_large", "A row is larger than one message may be")
            count //= 2
            following = start + count

    def _outcome(self, request: Request, arguments: Arguments) -> None:
        """outcome(author, lane, seq) -> nil | [index, code, stamp]"""
        settled = self._ledger.outcome(*_key(arguments, "outcome"))
        request.reply(None if settled is None else [settled.index, settled.code, settled.stamp])

    def _place(self, request: Request, arguments: Arguments) -> None:
        """place(index) -> nil while that is not applied here | [head, stamp, outcome code, H(envelope),
        [[machine that voted there, ...], [voter of the next configuration, ...], ...]]"""
        match arguments:
            case (int(index),):
                verdict = self._ledger.verdict_at(index)
                entry = self._host.entry(index) if verdict is not None else None
            case _:
                raise malformed("place")
        if entry is None or verdict is None:
            request.reply(None)
        else:
            request.reply([entry.head, entry.stamp, *verdict, self._ledger.voters_since(index)])

    # --- writes ---

    def _submit(self, request: Request, arguments: Arguments) -> None:
        """submit(envelope, manifest hash | nil, label) -> item, once it is durable here"""
        match arguments:
            case (bytes(raw), None, str(label)):
                _answer_item(request, self._delivery.submit(raw, None, label))
            case (bytes(raw), bytes(manifest), str(label)):
                self._server.run(request, self._submit_file(raw, manifest, label))
            case _:
                raise malformed("submit")

    async def _submit_file(self, raw: bytes, name: bytes, label: str) -> Packable:
        if (file_of(Envelope.parse(raw)) or (None,))[0] != name:
            raise Refused("malformed", "The command does not bring the file that it was given with")
        if await asyncio.to_thread(self._missing, name):
            raise Refused(
                "missing_chunks",
                "The file is not whole on this computer yet",
                next_step="Choose the file again.",
            )
        return (await asyncio.shield(self._delivery.submit(raw, name, label))).wire()

    def _drop(self, request: Request, arguments: Arguments) -> None:
        """drop(signed Void) -> item, once it is durable here"""
        match arguments:
            case (bytes(raw),):
                _answer_item(request, self._delivery.drop(raw))
            case _:
                raise malformed("drop")

    def _items(self, request: Request, arguments: Arguments) -> None:
        """outbox(author | nil) -> [item, ...]"""
        match arguments:
            case (int() | None as author,):
                items = self._outbox.items.values()
                request.reply([each.wire() for each in items if author in (None, each.envelope.author)])
            case _:
                raise malformed("outbox")

    def _envelope(self, request: Request, arguments: Arguments) -> None:
        """envelope(author, lane, seq) -> the signed bytes of an item | nil"""
        item = self._outbox.items.get(_key(arguments, "envelope"))
        request.reply(item.envelope.raw if item is not None else None)

    def _receipt(self, request: Request, arguments: Arguments) -> None:
        """receipt(author, lane, seq) -> ["waiting" | "accepted" | "safe", a voter's signed part | nil]"""
        self._server.run(request, self._get_receipt(_key(arguments, "receipt")))

    async def _get_receipt(self, key: Key) -> Packable:
        kept = await self._receipts.receipt(key)
        if kept is None:
            return ["waiting", None]
        return ["safe" if kept[1] else "accepted", kept[0]]

    # --- files ---

    def _manifest_put(self, request: Request, arguments: Arguments) -> None:
        """manifest_put(manifest) -> [hash of each chunk that is not here, ...]"""
        match arguments:
            case (bytes(raw),):
                self._server.run(request, self._put_manifest(raw))
            case _:
                raise malformed("manifest_put")

    async def _put_manifest(self, raw: bytes) -> Packable:
        manifest = Manifest.decode(raw)
        name = await asyncio.to_thread(self._store.put_manifest, raw)
        missing = await asyncio.to_thread(self._missing, name)
        if not missing:
            self._trace("all-chunks-stored")
        return [manifest.hashes[position] for position in missing]

    def _missing(self, name: bytes) -> list[int]:
        manifest = self._store.manifest(name)
        return [0] if manifest is None else self._store.missing(manifest)

    def _chunk_put(self, request: Request, arguments: Arguments) -> None:
        """chunk_put(hash, bytes) -> nil, once it is durable here"""
        match arguments:
            case (bytes(name), bytes(data)):
                self._server.run(request, self._put_chunk(name, data))
            case _:
                raise malformed("chunk_put")

    async def _put_chunk(self, name: bytes, data: bytes) -> Packable:
        await asyncio.to_thread(self._store.put_chunk, name, data)
        self._trace("chunk-stored")
        return None

    def _manifest_get(self, request: Request, arguments: Arguments) -> None:
        """manifest_get(hash) -> manifest, from another machine where it is not here"""
        self._server.run(request, self._swarm.manifest(_hash(arguments, "manifest_get"), self._sources))

    def _chunk_get(self, request: Request, arguments: Arguments) -> None:
        """chunk_get(hash) -> bytes, from another machine where it is not here"""
        self._server.run(request, self._swarm.chunk(_hash(arguments, "chunk_get"), self._sources))

    def _held(self, request: Request, arguments: Arguments) -> None:
        """held(manifest hash) -> [bytes on this disk, bytes in all | nil where not even the manifest is
        here]
        """
        self._server.run(request, asyncio.to_thread(self._count_held, _hash(arguments, "held")))

    def _count_held(self, name: bytes) -> Packable:
        manifest = self._store.manifest(name)
        if manifest is None:
            return [0, None]
        missing = sum(map(manifest.size_of, self._store.missing(manifest)))
        return [manifest.total_size - missing, manifest.total_size]


def _key(arguments: Arguments, verb: str) -> Key:
    match arguments:
        case (int(author), bytes(lane), int(seq)) if len(lane) == LANE_BYTES and author > 0 and seq >= 0:
            return author, lane, seq
    raise malformed(verb)


def _hash(arguments: Arguments, verb: str) -> bytes:
    match arguments:
        case (bytes(name),) if len(name) == 32:
            return name
    raise malformed(verb)


def _answer_item(request: Request, saved: "asyncio.Future[Item]") -> None:
    def answer(future: "asyncio.Future[Item]") -> None:
        error = future.exception()
        if error is None:
            request.reply(future.result().wire())
        else:
            request.fail_with(error)

    saved.add_done_callback(answer)
