"""What people wrote on this machine and the class has not confirmed yet: `outbox.db`, apart from the
ledger.

An item is on disk (synchronous=FULL) before the person is told that it is saved, so it survives the end
of the app, of the node, and a rebuild of the ledger. All writes are gathered: while one fsync runs in the
writer thread, the next batch fills up. Receipts are kept here too, so that they can be asked for again.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.node.errors import NodeError
from lms_desktop.node.items import COLUMNS, LOAD, Item, Key, Row
from lms_desktop.node.storage import disk_full, set_aside
from lms_desktop.node.trace import Trace, silent

FILE = "outbox.db"
MAX_ITEMS = 10_000
MAX_BYTES = 64 << 20
MAX_ENDED = 1_000
KEEP_ENDED_MS = 7 * 86_400_000
LAZY_S = 0.2
RETRY_S = 2.0
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS outbox_items ({COLUMNS}, PRIMARY KEY (author, lane, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox_receipts (
    author INTEGER NOT NULL, lane BLOB NOT NULL, seq INTEGER NOT NULL,
    receipt BLOB NOT NULL, safe INTEGER NOT NULL,
    PRIMARY KEY (author, lane, seq)
) STRICT, WITHOUT ROWID;
"""


class OutboxError(NodeError):
    """An item that the outbox does not take; `code` says why in a word."""

    def __init__(self, code: str, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.code = code


class Outbox:
    """The items by key, in memory and on disk. Lives on the node's loop; only its writer thread touches
    the file.

    `set_aside` names the damaged database that was moved out of the way at opening, if one was found.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        path: Path,
        set_aside: Path | None,
        now_ms: Callable[[], int],
        trace: Trace,
    ) -> None:
        self._db = db
        self._path = path
        self._now_ms = now_ms
        self._trace = trace
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._changed: dict[Key, Item | None] = {}
        self._receipts: dict[Key, tuple[bytes, bool]] = {}
        self._pending: dict[Key, _New] = {}
        self._unwritten: list[_New] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._lazy: asyncio.TimerHandle | None = None
        self._closed = False
        self.set_aside = set_aside
        self.items: dict[Key, Item] = {item.key: item for item in map(Item.read, db.execute(LOAD))}
        self._bytes = sum(len(item.envelope.raw) for item in self.items.values())

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        trace: Trace = silent,
    ) -> "Outbox":
        """Open or make `outbox.db`. A damaged one is renamed, never deleted, and a new one made in its
        place.
        """
        path = folder / FILE
        try:
            return cls(_open(path), path, None, now_ms, trace)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
        aside = set_aside(path)
        return cls(_open(path), path, aside, now_ms, trace)

    def save(
        self, item: Item, signed: Callable[[], bool], replaces: Item | None = None
    ) -> asyncio.Future[Item]:
        """Take a new item, or the void that replaces an open one; done with it once it is durable.
        `signed()` checks the signature; it runs in the writer thread. Saved again before that, it is the
        first one's future.

        Raises OutboxError when the outbox is full or the place is taken; the future raises OutboxError
        (`bad_signature`; `too_late`: what was to be replaced has its outcome), DiskFull.
        """
        key = item.key
        pending = self._pending.get(key)
        if pending is not None:
            if pending.item.envelope.raw != item.envelope.raw:
                raise _taken()
            return pending.future
        if self.items.get(key) is not replaces:
            raise _taken()
        size = len(item.envelope.raw)
        count = len(self.items) + len(self._pending)
        if self._bytes + size > MAX_BYTES or count >= MAX_ITEMS:
            raise OutboxError(
                "outbox_full",
                f"{count:,} items wait on this computer to be sent, more than it may keep",
                next_step="Wait until the class has taken them, or switch on the missing machines.",
            )
        self._bytes += size
        future: asyncio.Future[Item] = asyncio.get_running_loop().create_future()
        self._pending[key] = new = _New(item, replaces, signed, future)
        self._unwritten.append(new)
        self._start()
        return future

    def update(self, item: Item) -> None:
        """Write an item's new state soon; losing it costs nothing, because the ledger knows the outcome."""
        if self.items.get(item.key) is item:
            self._changed[item.key] = item
            self._soon()

    def sync(self, item: Item) -> asyncio.Future[None]:
        """Write an item's new state now; done once it is durable."""
        if self.items.get(item.key) is item:
            self._changed[item.key] = item
        return self._durable()

    def forget(self, item: Item) -> None:
        """Remove an item that needs nothing more."""
        if self.items.get(item.key) is item:
            del self.items[item.key]
            self._bytes -= len(item.envelope.raw)
            self._changed[item.key] = None
            self._soon()

    def end(self, item: Item) -> None:
        """Keep an item that reached its end for a week, so that its author sees it; at most 1,000 of
        them.
        """
        item.ended_ms = self._now_ms()
        self.update(item)
        ended = sorted(
            (other for other in self.items.values() if other.ended_ms is not None),
            key=lambda other: other.ended_ms or 0,
        )
        oldest = self._now_ms() - KEEP_ENDED_MS
        for position, other in enumerate(ended):
            if len(ended) - position > MAX_ENDED or (other.ended_ms or 0) < oldest:
                self.forget(other)

    def keep_receipt(self, key: Key, receipt: bytes, *, safe: bool) -> asyncio.Future[None]:
        """Store a voter's receipt, replacing an earlier one; done once it is durable."""
        self._receipts[key] = receipt, safe
        return self._durable()

    async def receipt(self, key: Key) -> tuple[bytes, bool] | None:
        """The stored receipt of a command and whether it says safe, or None."""
        pending = self._receipts.get(key)
        if pending is not None:
            return pending
        rows = await asyncio.get_running_loop().run_in_executor(self._thread, self._read_receipt, key)
        return (bytes(rows[0][0]), bool(rows[0][1])) if rows else None

    async def close(self) -> None:
        """Write what is waiting and close the file."""
        if self._lazy is not None:
            self._lazy.cancel()
        self._start()
        while self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._db.close)
        self._thread.shutdown()

    def _durable(self) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._start()
        return future

    def _soon(self) -> None:
        if self._lazy is None and self._flushing is None:
            self._lazy = asyncio.get_running_loop().call_later(LAZY_S, self._start)

    def _start(self) -> None:
        if self._lazy is not None:
            self._lazy.cancel()
            self._lazy = None
        work = self._unwritten or self._changed or self._receipts or self._waiting
        if work and self._flushing is None and not self._closed:
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        """Write one batch. Whoever adds meanwhile is in the next."""
        await asyncio.sleep(0)  # what this turn of the loop still brings belongs to this batch
        new, self._unwritten = self._unwritten, []
        changed, self._changed = self._changed, {}
        waiting, self._waiting = self._waiting, []
        receipts = dict(self._receipts)
        rows = [item.row() for item in changed.values() if item is not None]
        gone = [key for key, item in changed.items() if item is None]
        added = [(entry.signed, entry.item.row()) for entry in new]
        loop = asyncio.get_running_loop()
        try:
            genuine = await loop.run_in_executor(
                self._thread,
                self._write,
                added,
                rows,
                gone,
                [(*key, *value) for key, value in receipts.items()],
            )
        except sqlite3.Error as error:
            self._failed(new, changed, waiting, error)
        else:
            for key, value in receipts.items():
                if self._receipts.get(key) is value:
                    del self._receipts[key]
            for entry, is_genuine in zip(new, genuine, strict=True):
                self._answer(entry, None if is_genuine else _forged())
            for future in waiting:
                if not future.done():
                    future.set_result(None)
        finally:
            self._flushing = None
        if self._unwritten or self._waiting:
            self._start()
        elif self._changed or self._receipts:
            self._soon()

    def _answer(self, new: "_New", refusal: NodeError | None) -> None:
        """A new item is on disk, or it is refused: then its place is again as it was."""
        key = new.item.key
        del self._pending[key]
        old = new.replaces
        if refusal is None and old is not None and not (old.open and self.items.get(key) is old):
            refusal = OutboxError("too_late", "What was to be dropped has its outcome already")
        if refusal is None:
            if old is not None:
                self._bytes -= len(old.envelope.raw)
            self.items[key] = new.item
            self._changed.pop(key, None)  # an earlier state of what was replaced
        else:
            self._bytes -= len(new.item.envelope.raw)
            self._changed[key] = self.items.get(key)
        if not new.future.done():
            if refusal is None:
                new.future.set_result(new.item)
            else:
                new.future.set_exception(refusal)

    def _failed(
        self,
        new: Sequence["_New"],
        changed: dict[Key, Item | None],
        waiting: Sequence[asyncio.Future[None]],
        error: sqlite3.Error,
    ) -> None:
        """A batch could not be written: new items are not taken, other changes are tried again."""
        reason: NodeError
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            reason = disk_full(self._path)
        else:
            reason = OutboxError(
                "outbox_failed",
                f"This computer could not save it: {error}",
                where=str(self._path),
                next_step="Check this machine's disk, then try again.",
            )
        for entry in new:
            self._answer(entry, reason)
        for future in waiting:
            if not future.done():
                future.set_exception(reason)
        for key, item in changed.items():
            self._changed.setdefault(key, item)
        if (self._changed or self._receipts) and self._lazy is None:
            self._lazy = asyncio.get_running_loop().call_later(RETRY_S, self._start)

    # --- in the writer thread ---

    def _write(
        self,
        added: Sequence[tuple[Callable[[], bool], Row]],
        rows: Sequence[Row],
        gone: Sequence[Key],
        receipts: Sequence[Row],
    ) -> list[bool]:
        """Write one batch in one transaction; tells which of `added` bear their author's signature."""
        db = self._db
        genuine = [signed() for signed, _ in added]
        rows = [*rows, *(row for (_, row), is_genuine in zip(added, genuine, strict=True) if is_genuine)]
        try:
            db.execute("BEGIN IMMEDIATE")
            if rows:
                db.executemany("INSERT OR REPLACE INTO outbox_items VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)
            if gone:
                db.executemany("DELETE FROM outbox_items WHERE author = ? AND lane = ? AND seq = ?", gone)
            if receipts:
                db.executemany("INSERT OR REPLACE INTO outbox_receipts VALUES (?,?,?,?,?)", receipts)
            self._trace("outbox-before-fsync")
            db.execute("COMMIT")
            self._trace("outbox-after-fsync")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return genuine

    def _read_receipt(self, key: Key) -> list[tuple[bytes, int]]:
        return self._db.execute(
            "SELECT receipt, safe FROM outbox_receipts WHERE author = ? AND lane = ? AND seq = ?", key
        ).fetchall()


@dataclass(frozen=True, slots=True)
class _New:
    """An item that is not on disk yet."""

    item: Item
    replaces: Item | None
    signed: Callable[[], bool]
    future: asyncio.Future[Item]


def _taken() -> OutboxError:
    return OutboxError("seq_used", "Another command has this place in its lane", next_step="Do it once more.")


def _forged() -> OutboxError:
    return OutboxError(
        "bad_signature",
        "The signature is not its author's, so nothing was saved",
        next_step="Sign in again, then repeat it.",
    )


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            damage = sqlite3.DatabaseError("quick_check found damage")
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db
